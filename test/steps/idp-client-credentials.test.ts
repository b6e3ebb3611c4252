import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClientSecrets, IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { createIssuer } from '../../src/adapters/issuers/openid/issuer.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { StepContext, StepKind, StepPlan } from '../../src/steps/contract.ts';
import { idpAddClientKey } from '../../src/steps/idp-add-client-key.ts';
import { idpAddClientSecret } from '../../src/steps/idp-add-client-secret.ts';
import { idpRetireClientKey } from '../../src/steps/idp-retire-client-key.ts';
import { idpRetireClientSecret } from '../../src/steps/idp-retire-client-secret.ts';
import { oauthProveClient } from '../../src/steps/oauth-prove-client.ts';
import { publicJwk } from '../../src/steps/procedures/live-credentials.ts';
import { vaultCreateKey } from '../../src/steps/vault-create-key.ts';
import { vaultDropPrevious } from '../../src/steps/vault-drop-previous.ts';
import { vaultPromoteSecret } from '../../src/steps/vault-promote-secret.ts';
import { vaultStageSecret } from '../../src/steps/vault-stage-secret.ts';
import { codeOf, ref } from '../contracts/vault.ts';
import { startLaptop, type Laptop } from './laptop.ts';

const names = ['whole', 'overlap', 'full', 'lost', 'one', 'theirs', 'silent', 'alike', 'slow'] as const;
const first = (client: string) => `the first secret of ${client}`;
let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop(
    names.map((clientId) => ({ clientId, secrets: [new Secret(first(clientId))] })),
    'connect',
  );
  for (const client of names)
    laptop.server.add('Accounts', {
      title: client,
      category: 'api-credential',
      fields: [
        { label: 'username', type: 'text', value: client },
        { label: 'credential', type: 'concealed', value: first(client) },
      ],
    });
});
afterAll(() => laptop.close());

type Client = (typeof names)[number];
const fieldOf = (client: Client) => ref(`op://Accounts/${client}/credential`);
const value = { length: 40, digits: true, symbols: false };

async function planOf(kind: StepKind, input: object, context: StepContext = laptop.context()) {
  if (kind.effect !== 'write') throw new TypeError('it does not write');
  return (await kind.plan(input, context)) as StepPlan<Readonly<Record<string, Reference>>>;
}
const action = async (kind: StepKind, input: object, context?: StepContext) =>
  (await planOf(kind, input, context)).changes[0]?.action;
async function run(
  kind: StepKind,
  input: Readonly<Record<string, unknown>>,
  context: StepContext = laptop.context(),
): Promise<Reference> {
  const output = (await kind.run(input, context)) as Readonly<Record<string, unknown>>;
  const found = output[kind.scalar ?? ''];
  if (found instanceof Reference) return found;
  throw new TypeError('it gives no reference');
}

const stage = (client: Client) => run(vaultStageSecret, { field: fieldOf(client), value });
const at = (client: Client, secret: Reference, further: object = {}, provider: IdentityProvider = laptop.provider) => ({
  provider,
  'client-id': ref(`op://Accounts/${client}/username`),
  secret,
  ...further,
});
function proof(client: Client, secret: Reference, within = '1s') {
  const issuer = createIssuer({ name: 'main', url: laptop.idp.issuer, development: true });
  return { issuer, 'client-id': client, 'client-secret': secret, 'token-format': 'jwt', within };
}
async function promote(client: Client, secret: Reference) {
  await run(vaultPromoteSecret, { secret });
  return (await planOf(vaultPromoteSecret, { secret: fieldOf(client) })).output?.['previous'] ?? secret;
}
/** Whether the issuer takes what stands at a reference. */
const accepts = async (client: Client, secret: Reference) => codeOf(run(oauthProveClient, proof(client, secret)));

describe('client secrets at a provider where two can live', () => {
  test('the next one is added, proven, and the former retired; each stage once', async () => {
    const next = await stage('whole');
    expect(await accepts('whole', next)).toBe('denied');
    expect(await action(idpAddClientSecret, at('whole', next))).toBe('create');
    const added = await run(idpAddClientSecret, at('whole', next));
    expect(String(added)).toBe(String(next));
    expect(await action(idpAddClientSecret, at('whole', next))).toBe('none');
    await run(idpAddClientSecret, at('whole', next));
    expect(await accepts('whole', next)).toBe('no error');
    expect(await accepts('whole', fieldOf('whole'))).toBe('no error');
    // not promoted yet: nothing is retired
    expect(await action(idpRetireClientSecret, at('whole', next))).toBe('none');

    const previous = await promote('whole', next);
    expect(await accepts('whole', previous)).toBe('no error');
    expect(await action(idpRetireClientSecret, at('whole', previous))).toBe('revoke');
    const retired = await run(idpRetireClientSecret, at('whole', previous));
    expect(String(retired)).toBe(String(previous));
    expect(await accepts('whole', previous)).toBe('denied');
    expect(await accepts('whole', fieldOf('whole'))).toBe('no error');
    expect(await planOf(idpRetireClientSecret, at('whole', previous))).toMatchObject({
      changes: [{ action: 'none', detail: 'is not live any more' }],
    });
    await run(idpRetireClientSecret, at('whole', previous));
    await vaultDropPrevious.run({ secret: retired }, laptop.context());
    // at rest the field itself goes through, and nobody is asked for anything
    const before = laptop.idp.requests().scim;
    expect(await planOf(idpAddClientSecret, at('whole', fieldOf('whole')))).toMatchObject({
      changes: [{ action: 'none', detail: 'nothing is staged' }],
      output: { secret: fieldOf('whole') },
    });
    expect(String(await run(idpRetireClientSecret, at('whole', previous)))).toBe(String(fieldOf('whole')));
    expect(laptop.idp.requests().scim).toBe(before);
  });

  test('a long overlap is left to a later run, a short one is waited for', async () => {
    const next = await run(idpAddClientSecret, at('overlap', await stage('overlap')));
    const previous = await promote('overlap', next);
    const late = at('overlap', previous, { overlap: '24h' });
    expect((await planOf(idpRetireClientSecret, late)).changes).toMatchObject([
      { action: 'none', detail: expect.stringMatching(/^stays live until \d{4}-\d\d-\d\d \d\d:\d\d UTC/) },
    ]);
    expect(String(await run(idpRetireClientSecret, late))).toBe(String(fieldOf('overlap')));
    expect(await accepts('overlap', previous)).toBe('no error');
    const before = laptop.clock.slept();
    expect(String(await run(idpRetireClientSecret, at('overlap', previous, { overlap: '5m' })))).toBe(String(previous));
    expect(laptop.clock.slept() - before).toBeGreaterThan(200_000);
    expect(await accepts('overlap', previous)).toBe('denied');
  });

  test('where two live already and neither is ours, the plan says so and nothing is added', async () => {
    await laptop.provider.clientSecrets?.add('full', new Secret('somebody else made this one'));
    const next = await stage('full');
    expect(await action(idpAddClientSecret, at('full', next))).toBe('conflict');
    expect(await codeOf(run(idpAddClientSecret, at('full', next)))).toBe('conflict');
    expect(await laptop.provider.clientSecrets?.list('full')).toHaveLength(2);
  });

  test('nothing is retired where the one in force is not accepted', async () => {
    const previous = await promote('lost', await stage('lost'));
    expect(await codeOf(run(idpRetireClientSecret, at('lost', previous)))).toBe('conflict');
    expect(await accepts('lost', previous)).toBe('no error');
  });

  test('an unknown client is told by its name', async () => {
    const next = at('whole', await stage('whole'), { 'client-id': 'nobody' });
    const failed = planOf(idpAddClientSecret, next);
    await expect(failed).rejects.toMatchObject({ code: 'not-found', message: expect.stringContaining('"nobody"') });
  });
});

/** A provider with one client, whose secrets are as they are told to be. */
function made(changes: Partial<ClientSecrets>, live: string[], is: boolean): IdentityProvider {
  const clientSecrets: ClientSecrets = {
    origin: 'ours',
    live: 2,
    list: async () =>
      live.map((each) => ({ id: each, ...(is ? { is: (secret: Secret) => secret.reveal() === each } : {}) })),
    async add(_, secret) {
      const added = secret?.reveal() ?? 'a secret that the provider made';
      if (changes.live === 1) live.length = 0;
      live.unshift(added);
      return { id: added, ...(secret === undefined ? { value: new Secret(added) } : {}) };
    },
    retire: async (_, id) => void live.splice(live.indexOf(id), 1),
    ...changes,
  };
  return { ...laptop.provider, clientSecrets };
}

describe('client secrets at other providers', () => {
  test('where one alone can live, it is refused without --accept-gap, and the way by keys is shown', async () => {
    const live = [first('one')];
    const provider = made({ live: 1, changeLag: 30 }, live, true);
    const next = at('one', await stage('one'), {}, provider);
    expect((await planOf(idpAddClientSecret, next)).changes).toMatchObject([
      { action: 'conflict', detail: expect.stringMatching(/--accept-gap.*vault\/create-key, idp\/add-client-key/) },
    ]);
    await expect(run(idpAddClientSecret, next)).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('--accept-gap'),
    });
    expect(live).toEqual([first('one')]);
    // before anything is staged, too
    const { secret: _, ...unstaged } = next;
    expect(await action(idpAddClientSecret, unstaged)).toBe('conflict');
    const accepting = laptop.context({ options: new Set(['accept-gap']) });
    expect(await action(idpAddClientSecret, next, accepting)).toBe('create');
    expect(await action(idpAddClientSecret, { ...next, 'accept-gap': true })).toBe('create');
    const before = laptop.clock.slept();
    const added = await run(idpAddClientSecret, next, accepting);
    expect(laptop.clock.slept() - before).toBeGreaterThanOrEqual(30_000);
    expect(live).toEqual([(await laptop.context().read(added)).reveal()]);
    // the former one ended by that: nothing is left to retire
    const previous = await promote('one', added);
    expect(await action(idpRetireClientSecret, at('one', previous, {}, provider))).toBe('none');
  });

  test('where the provider makes it, it goes straight into the vault', async () => {
    const live = [first('theirs')];
    const next = at('theirs', await stage('theirs'), {}, made({ origin: 'theirs', live: 'many' }, live, true));
    expect((await planOf(idpAddClientSecret, next)).changes).toMatchObject([
      { action: 'create', detail: expect.stringContaining('made by the provider, and written into the vault') },
    ]);
    const added = await run(idpAddClientSecret, next);
    expect((await laptop.context().read(added)).reveal()).toBe('a secret that the provider made');
    expect(await action(idpAddClientSecret, next)).toBe('none');
  });

  test('where the provider does not say which they are, the older of two is the former', async () => {
    const live = [first('silent')];
    const provider = made({}, live, false);
    const next = await run(idpAddClientSecret, at('silent', await stage('silent'), {}, provider));
    expect(await action(idpAddClientSecret, at('silent', next, {}, provider))).toBe('none');
    const previous = await promote('silent', next);
    await run(idpRetireClientSecret, at('silent', previous, {}, provider));
    expect(live).toEqual([(await laptop.context().read(fieldOf('silent'))).reveal()]);
    expect(await action(idpRetireClientSecret, at('silent', previous, {}, provider))).toBe('none');
  });

  test('where what it shows cannot tell two apart, nothing is retired', async () => {
    const live = [first('alike')];
    const alike = async () => live.map((id) => ({ id, is: () => true }));
    const listing = made({ list: alike }, live, true);
    const previous = await promote('alike', await stage('alike'));
    live.unshift('the new one');
    expect(await codeOf(run(idpRetireClientSecret, at('alike', previous, {}, listing)))).toBe('conflict');
    expect(live).toHaveLength(2);
  });

  test.each(['ed25519', 'p-256', 'rsa-3072'])(
    'keys, %s: made in memory, the public half added, the former retired',
    async (type) => {
      const title = `Keyed ${type}`;
      const field = ref(`op://Accounts/${title}/key`);
      const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
      laptop.server.add('Accounts', { title, fields: [{ label: 'key', type: 'concealed', value: pem }] });
      const keys = [{ id: 'first', kid: publicJwk(new Secret(pem)).kid }];
      const provider: IdentityProvider = {
        ...laptop.provider,
        clientKeys: {
          live: 2,
          list: async () => keys,
          async add(_, key) {
            expect(Object.keys(key)).not.toContain('d');
            const imported = await importJWK({ ...key });
            expect(imported).toMatchObject({ type: 'public' });
            keys.unshift({ id: 'second', kid: key.kid });
            return { id: 'second' };
          },
          retire: async (_, id) =>
            void keys.splice(
              keys.findIndex((each) => each.id === id),
              1,
            ),
        },
      };
      const keyed = (secret: Reference) => ({ provider, 'client-id': 'keyed', secret });
      const next = await run(vaultCreateKey, { field, type });
      const made = JSON.parse((await laptop.context().read(next)).reveal()) as JWK & { kid: string };
      expect(made.kid).toBe(await calculateJwkThumbprint(made));
      await run(idpAddClientKey, keyed(next));
      expect(keys.map(({ kid }) => kid)[0]).toBe(made.kid);
      expect(await action(idpAddClientKey, keyed(next))).toBe('none');
      await run(vaultPromoteSecret, { secret: next });
      const previous = ref(`${String(field)} (previous)`);
      expect(await action(idpRetireClientKey, keyed(previous))).toBe('revoke');
      await run(idpRetireClientKey, keyed(previous));
      expect(keys.map(({ id }) => id)).toEqual(['second']);
      expect(await action(idpRetireClientKey, keyed(previous))).toBe('none');
    },
  );

  test('what cannot change them is refused by name', async () => {
    const { clientSecrets: _, ...provider } = laptop.provider;
    const without = { provider, 'client-id': 'x', secret: fieldOf('whole') };
    await expect(planOf(idpAddClientSecret, without)).rejects.toBeInstanceOf(FlowError);
    await expect(planOf(idpRetireClientKey, without)).rejects.toMatchObject({ code: 'refused' });
  });

  test('a plan that knows its secret only after run says so', async () => {
    for (const kind of [idpAddClientSecret, idpAddClientKey, idpRetireClientSecret, idpRetireClientKey])
      expect((await planOf(kind, {})).changes).toMatchObject([{ detail: 'known after run' }]);
  });
});

describe('proving a client', () => {
  test('a refusal is asked about again for a while: a new secret may take its time', async () => {
    const next = await stage('slow');
    const context = laptop.context({
      async sleep(milliseconds) {
        await laptop.provider.clientSecrets?.add('slow', await laptop.context().read(next));
        await laptop.clock.sleep(milliseconds);
      },
    });
    expect(String(await run(oauthProveClient, proof('slow', next, '30s'), context))).toBe(String(next));
    const slept = laptop.clock.slept();
    expect(await codeOf(run(oauthProveClient, { ...proof('slow', next, '5s'), 'client-id': 'nobody' }))).toBe('denied');
    expect(laptop.clock.slept() - slept).toBe(4_000);
  });
});
