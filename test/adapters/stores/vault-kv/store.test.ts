import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { openStore } from '../../../contracts/vault-kv-store.ts';
import { memoryVault, pusher, ref } from '../../../steps/store-push/harness.ts';
import { startVaultDouble, type VaultDouble } from '../../kv/double.ts';

let server: VaultDouble;
beforeEach(async () => {
  const mounts = { old: { type: 'kv', version: '1' }, database: { type: 'database' }, 'team/kv': { type: 'kv' } };
  server = await startVaultDouble({ mounts, namespaces: ['team'], roles: { pusher: (jwt) => jwt === 'a.good.jwt' } });
});
afterEach(() => server.close());

const secrets = [
  { name: 'team/text', value: ref('op://V/text/f'), tags: { team: 'a' } },
  { name: 'team/ä 50%', value: { user: 'app', password: ref('op://V/text/f'), port: 5432, tls: true } },
];

function pushing(options: Parameters<typeof openStore>[1] = {}) {
  const vault = memoryVault({ 'op://V/text/f': 'one' });
  const store = openStore(server, options);
  return { vault, store, ...pusher(store, vault) };
}
const failure = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    return error as FlowError;
  }
  throw new Error('it did not fail');
};
const outside = async (method: string, path: string, body: object = {}) =>
  fetch(`${server.url}/v1/${path}`, {
    method,
    headers: { 'x-vault-token': server.root.reveal() },
    ...(method === 'DELETE' ? {} : { body: JSON.stringify(body) }),
  });

describe('a push to Vault', () => {
  it('creates, changes nothing, updates, and reads no value back', async () => {
    const { vault, run, plan } = pushing();
    expect((await run(secrets)).counts).toEqual({ create: 2, adopt: 0, update: 0, none: 0 });
    expect(server.values('team/text')).toEqual({ value: 'one' });
    expect(server.values('team/ä 50%')).toEqual({ user: 'app', password: 'one', port: 5432, tls: true });
    expect(server.custom('team/text')).toMatchObject({ team: 'a' });
    server.recorded.splice(0);
    expect((await plan(secrets)).output).toMatchObject({ counts: { none: 2 } });
    expect(server.recorded.filter(({ path }) => path.includes('metadata'))).toHaveLength(2);
    vault.values['op://V/text/f'] = 'two';
    const { changed } = await run(secrets.slice(0, 1));
    expect(changed).toEqual([{ name: 'team/text', arn: 'secret/team/text' }]);
    expect(server.values('team/text')).toEqual({ value: 'two' });
    expect(
      server.recorded.filter(({ method, path }) => method === 'GET' && /secret\/(?:data|subkeys)/.test(path)),
    ).toEqual([]);
  });

  it('works with a token that may do what the setup says, and read no value', async () => {
    const may = server.token(
      (method, path) => path.startsWith('secret/metadata/') || (path.startsWith('secret/data/') && method === 'POST'),
    );
    expect((await pushing({ token: async () => may }).run(secrets)).counts).toMatchObject({ create: 2 });
  });

  it('leaves what someone else made, and takes it over where it is told to', async () => {
    await outside('POST', 'secret/data/team/text', { data: { value: 'theirs' } });
    const { run } = pushing();
    expect(await failure(run(secrets))).toMatchObject({ code: 'conflict' });
    expect(server.values('team/text')).toEqual({ value: 'theirs' });
    expect((await run(secrets, ['adopt'])).counts).toMatchObject({ adopt: 1, create: 1 });
    await outside('POST', 'secret/data/team/text', { data: { value: 'theirs again' } });
    expect((await failure(run(secrets))).hint).toMatch(/someone else has written it since/);
    expect((await run(secrets, ['overwrite'])).counts).toMatchObject({ update: 1 });
  });

  it.each(['GET', 'PATCH'])('leaves what is written in between, as late as at its %s', async (moment) => {
    const { run, vault } = pushing();
    await run(secrets.slice(0, 1));
    vault.values['op://V/text/f'] = 'two';
    let looks = 0;
    server.fail(({ method, path }) => {
      looks += path === 'secret/metadata/team/text' && method === moment ? 1 : 0;
      // of the looks the second one: the first is of the plan
      if (looks === (moment === 'GET' ? 2 : 1)) {
        server.fail(undefined);
        server.write('team/text', { value: 'theirs' });
      }
      return undefined;
    });
    for (let again = 0; again < 2; again += 1)
      expect(await failure(run(secrets.slice(0, 1)))).toMatchObject({ code: 'conflict' });
    expect(server.values('team/text')).toEqual({ value: 'theirs' });
  });

  it('tells a deleted secret from a destroyed one', async () => {
    const { run, vault } = pushing();
    await run(secrets.slice(0, 1));
    await outside('DELETE', 'secret/data/team/text');
    const deleted = await failure(run(secrets.slice(0, 1)));
    expect(deleted).toMatchObject({ code: 'conflict', hint: expect.stringContaining('vault kv undelete') });
    await outside('POST', 'secret/undelete/team/text', { versions: [1] });
    expect((await run(secrets.slice(0, 1))).counts).toMatchObject({ none: 1 });
    await outside('POST', 'secret/destroy/team/text', { versions: [1] });
    expect((await run(secrets.slice(0, 1))).counts).toMatchObject({ update: 1 });
    await outside('DELETE', 'secret/metadata/team/text');
    vault.values['op://V/text/f'] = 'new';
    expect((await run(secrets.slice(0, 1))).counts).toMatchObject({ create: 1 });
  });

  const cuts = ['create', 'update'].flatMap((action) =>
    [1, 2, 3].flatMap((nth) => ['not ', ''].map((not): [string, number, string] => [action, nth, not])),
  );
  it.each(cuts)('goes on where the %s was cut off at write %i, which was %scarried out', async (action, nth, not) => {
    const { run, plan, vault } = pushing();
    if (action === 'update') await run(secrets.slice(0, 1));
    vault.values['op://V/text/f'] = 'two';
    let writes = 0;
    server.fail(({ method }) => {
      writes += method === 'GET' ? 0 : 1;
      return writes < nth ? undefined : { status: 503, errors: ['x'], after: writes === nth && not === '' };
    });
    expect(await failure(run(secrets.slice(0, 1)))).toMatchObject({ code: 'unavailable' });
    server.fail(undefined);
    await run(secrets.slice(0, 1));
    expect(server.values('team/text')).toEqual({ value: 'two' });
    expect(server.custom('team/text')).toEqual({ team: 'a', 'flows-version': expect.any(String) });
    expect((await plan(secrets.slice(0, 1))).output).toMatchObject({ counts: { none: 1 } });
  });

  it('does not take for its own what someone else writes after it was refused', async () => {
    const { run, vault } = pushing();
    await run(secrets.slice(0, 1));
    vault.values['op://V/text/f'] = 'two';
    server.fail(({ method, path }) =>
      method === 'POST' && path.startsWith('secret/data/')
        ? { status: 403, errors: ['1 error occurred:\n\t* permission denied\n\n'] }
        : undefined,
    );
    expect(await failure(run(secrets.slice(0, 1)))).toMatchObject({ code: 'denied' });
    server.fail(undefined);
    await outside('POST', 'secret/data/team/text', { data: { value: 'theirs' } });
    expect(await failure(run(secrets.slice(0, 1)))).toMatchObject({ code: 'conflict' });
  });

  it('keeps metadata that is not declared, and takes an empty description for none', async () => {
    const { run } = pushing();
    await run([{ ...secrets[0], name: 'team/text', description: 'before' }]);
    await outside('PATCH', 'secret/metadata/team/text', { custom_metadata: { owner: 'ada' } });
    await run([{ ...secrets[0], name: 'team/text', description: '', tags: { team: 'b' } }]);
    expect(server.custom('team/text')).toMatchObject({ owner: 'ada', team: 'b' });
    expect(server.custom('team/text')).not.toHaveProperty('description');
    expect(server.versions('team/text')).toBe(1);
  });

  it('holds nothing back: KV has no labels', async () => {
    const { run, hold } = pushing();
    hold();
    expect(await failure(run(secrets))).toMatchObject({
      code: 'refused',
      message: 'the store cannot hold a value back',
    });
  });

  it('stays in its namespace', async () => {
    const { run } = pushing({ namespace: 'team', mount: 'kv' });
    expect((await run(secrets)).changed.map(({ arn }) => arn)).toEqual(['team/kv/team/text', 'team/kv/team/ä 50%']);
    expect(server.values('team/text', 'team/kv')).toEqual({ value: 'one' });
    expect(server.values('team/text')).toBeUndefined();
  });

  it.each([
    ['old', 'refused', /KV version 1, which has no versions/],
    ['database', 'refused', /is no KV engine but database/],
    ['secret/team', 'refused', /is a path in mount "secret"/],
    ['none', 'denied', /no such mount/],
  ])('is refused at the mount "%s", before the vault is asked for anything', async (mount, code, message) => {
    const { run, vault } = pushing({ mount });
    expect(await failure(run(secrets))).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(vault.requests()).toBe(0);
  });

  it('holds no value in what it says of failures', async () => {
    const canary = `canary-${crypto.randomUUID()}`;
    const token = server.token(() => true);
    for (const status of [400, 403, 413, 500, 503]) {
      const { run, vault, said } = pushing({ token: async () => token });
      vault.values['op://V/text/f'] = canary;
      server.fail(({ method }) =>
        method === 'GET' ? undefined : { status, errors: [`no ${canary} by ${token.reveal()}`] },
      );
      const error = await failure(run(secrets));
      server.fail(undefined);
      const all = [error.line(), inspect(error, { depth: null }), ...said].join(' ');
      expect(all).toContain('team/text');
      expect(all).not.toContain(canary);
      expect(all).not.toContain(token.reveal());
    }
  });
});

describe('a login by JWT', () => {
  it('is made once for all that is pushed, and ended with the store', async () => {
    const { run, store } = pushing({
      jwt: { role: 'pusher', mount: 'jwt' },
      token: async () => new Secret('a.good.jwt'),
    });
    await run(secrets);
    await store.close();
    const paths = server.recorded.map(({ path }) => path);
    expect(paths.filter((path) => path === 'auth/jwt/login')).toHaveLength(1);
    expect(paths.at(-1)).toBe('auth/token/revoke-self');
  });

  it('is made anew well before its token ends, and where the token was refused', async () => {
    let ahead = 0;
    const store = openStore(server, {
      jwt: { role: 'pusher', mount: 'jwt' },
      token: async () => new Secret('a.good.jwt'),
      now: () => ahead,
    });
    const logins = () => server.recorded.filter(({ path }) => path === 'auth/jwt/login').length;
    const look = async () => store.inspect([{ name: 'a' }, { name: 'b' }]);
    await look();
    ahead = 2_879_000;
    await look();
    expect(logins()).toBe(1);
    ahead = 2_881_000;
    await look();
    expect(logins()).toBe(2);
    const [last] = server.recorded.slice(-1);
    server.revoke(new Secret(String(last?.headers['x-vault-token'])));
    await look();
    expect(logins()).toBe(3);
  });

  it('asks for another JWT where one was refused, once, and tells what to look at', async () => {
    const given: (string | undefined)[] = [];
    const token = async (refused?: Secret) => {
      given.push(refused?.reveal());
      return new Secret(refused === undefined ? 'an.old.jwt' : 'a.good.jwt');
    };
    await openStore(server, { jwt: { role: 'pusher', mount: 'jwt' }, token }).verify([]);
    expect(given).toEqual([undefined, 'an.old.jwt']);
    const bad = openStore(server, {
      jwt: { role: 'pusher', mount: 'jwt' },
      token: async () => new Secret('canary.jwt'),
    });
    const error = await failure(bad.verify([]));
    expect(error).toMatchObject({ code: 'denied', message: 'the Vault server refused the login by JWT' });
    expect(inspect(error, { depth: null })).not.toContain('canary');
    const nobody = openStore(server, {
      jwt: { role: 'nobody', mount: 'jwt' },
      token: async () => new Secret('a.good.jwt'),
    });
    expect(await failure(nobody.verify([]))).toMatchObject({ code: 'denied' });
  });
});
