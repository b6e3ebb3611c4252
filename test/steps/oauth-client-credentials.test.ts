import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import type { StepContext } from '../../src/steps/contract.ts';
import { createIssuer } from '../../src/adapters/issuers/openid/issuer.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { oauthClientCredentials } from '../../src/steps/oauth-client-credentials.ts';
import { type HostileIssuer, json, startHostileIssuer } from '../adapters/issuers/openid/hostile.ts';

let hostile: HostileIssuer;
beforeAll(async () => {
  hostile = await startHostileIssuer();
});
beforeEach(() => {
  hostile.reset();
});
afterAll(async () => {
  await hostile.close();
});

const reference = (field: string) => Reference.of({ vault: 'Agents', item: 'Orders M2M', field });
const values: Readonly<Record<string, string>> = {
  username: 'orders-client',
  credential: 'first-secret',
  'credential 2': 'second-secret',
  pasted: 'canary-secret\n',
  key: generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
};

const nothingConnected = {
  rulesOf: () => undefined,
  attributionOf: () => undefined,
  lacking: () => undefined,
  apiOf: () => undefined,
  varies: () => false,
};

/** Runs the step with what the engine would give it: absent keys undefined, defaults filled in. */
async function run(input: Record<string, unknown>, failing: Readonly<Record<string, FlowError>> = {}) {
  const ticks: string[][] = [];
  const warnings: string[] = [];
  const context = {
    signal: new AbortController().signal,
    warn: (message: string) => void warnings.push(message),
    read: async (each: Reference) => {
      const last = ticks.at(-1);
      if (last === undefined || last.length === 0) ticks.push([each.field ?? '']);
      else last.push(each.field ?? '');
      // what is asked for in one tick is one batch
      await Promise.resolve();
      ticks.push([]);
      const failure = failing[each.field ?? ''];
      if (failure !== undefined) throw failure.at({ subject: each.toString() });
      return new Secret(values[each.field ?? ''] ?? '');
    },
  } as unknown as StepContext;
  const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true });
  const output = (await oauthClientCredentials.run(
    { issuer, 'client-id': reference('username'), 'token-format': 'jwt', ...input },
    context,
  )) as { accessToken: Secret; tokenType: string; expiresAt: number; scope: string };
  const form = hostile.seen.filter(({ path }) => path === '/token').map((each) => each.form);
  return { output, form, warnings, batches: ticks.filter((tick) => tick.length > 0) };
}

describe('a run', () => {
  it('gives a token that says when it expires; client id and secret are one batch of the vault', async () => {
    const { output, form, batches, warnings } = await run({
      'client-secret': [reference('credential')],
      audience: 'https://orders.example',
      scope: ['orders:read  orders:list', 'orders:write'],
    });
    expect(output.accessToken.reveal()).toMatch(/^eyJ/);
    expect(output).toMatchObject({ tokenType: 'Bearer', scope: 'orders:read orders:list orders:write' });
    expect(oauthClientCredentials.effect === 'none' && oauthClientCredentials.expiresAt?.(output)).toBe(
      output.expiresAt,
    );
    expect(output.expiresAt).toBeGreaterThan(Date.now() / 1000 + 290);
    expect(form[0]?.get('client_id')).toBe('orders-client');
    expect(form[0]?.get('scope')).toBe('orders:read orders:list orders:write');
    expect(batches).toEqual([['username', 'credential']]);
    expect(warnings).toEqual([expect.stringContaining('no granted scope')]);
  });

  it('reads a second secret only when it is needed, and names the first by its reference', async () => {
    hostile.handlers.set('/token', async ({ form }, response) => {
      if (form.get('client_secret') !== 'second-secret') json(response, { error: 'invalid_client' }, 401);
      else json(response, { access_token: await hostile.sign(), token_type: 'Bearer' });
    });
    const { batches, warnings } = await run({ 'client-secret': [reference('credential'), reference('credential 2')] });
    expect(batches).toEqual([['username', 'credential'], ['credential 2']]);
    expect(warnings).toEqual([expect.stringContaining('op://Agents/Orders M2M/credential was refused')]);
  });

  it('tells the refusal of the first where the second is not there: between two rotations only one is', async () => {
    hostile.handlers.set('/token', async (_, response) => json(response, { error: 'invalid_client' }, 401));
    const both = { 'client-secret': [reference('credential'), reference('credential (next)')] };
    const missing = { 'credential (next)': new FlowError('not-found', 'the item has no such field') };
    await expect(run(both, missing)).rejects.toMatchObject({
      code: 'denied',
      place: { subject: 'op://Agents/Orders M2M/credential' },
    });
    const trouble = { 'credential (next)': new FlowError('unavailable', 'the vault is down') };
    await expect(run(both, trouble)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('says what a refused secret looks like, and never the secret', async () => {
    hostile.handlers.set('/token', async (_, response) => json(response, { error: 'invalid_client' }, 401));
    const error: unknown = await run({ 'client-secret': [reference('pasted')] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'denied' });
    const line = (error as FlowError).line();
    expect(line).toContain('op://Agents/Orders M2M/pasted ends with a line break');
    expect(line).not.toContain('canary');
    const plain: unknown = await run({ 'client-secret': [reference('credential')] }).catch((thrown: unknown) => thrown);
    expect((plain as FlowError).line()).not.toContain('the value of');
  });

  it.each(['first', 'second'])('tells in the vault’s own words that it refused the %s secret', async (which) => {
    hostile.handlers.set('/token', async (_, response) => json(response, { error: 'invalid_client' }, 401));
    const secrets = which === 'first' ? ['credential', 'pasted'] : ['pasted', 'credential'];
    const refused = new FlowError('denied', 'the vault refused its token', { hint: 'make a new one' });
    const input = { 'client-secret': secrets.map(reference) };
    const error: unknown = await run(input, { credential: refused }).catch((thrown: unknown) => thrown);
    // nothing of the issuer: neither its refusal of the other secret, nor what that looks like
    expect((error as FlowError).line()).toBe(
      'op://Agents/Orders M2M/credential: the vault refused its token (make a new one)',
    );
  });

  it('takes a key, a literal client id, resources and further parameters', async () => {
    hostile.handlers.set('/token', async (_, response) => {
      const aud = ['https://a.example', 'https://b.example'];
      json(response, { access_token: await hostile.sign({ aud, owner: 'me' }), token_type: 'Bearer' });
    });
    const { form } = await run({
      'client-id': 'literal',
      'client-key': reference('key'),
      resource: ['https://a.example', 'https://b.example'],
      parameters: { organization: 'org' },
      'require-claims': { owner: 'me' },
    });
    expect(form[0]?.get('client_id')).toBe('literal');
    expect(form[0]?.getAll('resource')).toEqual(['https://a.example', 'https://b.example']);
    expect(form[0]?.get('client_assertion_type')).toContain('jwt-bearer');
    expect(form[0]?.get('organization')).toBe('org');
  });
});

describe('the check at load', () => {
  const secret = { 'client-secret': [reference('credential')] };
  const key = { 'client-key': reference('key') };
  it.each([
    ['a secret', secret, []],
    ['a key', { ...key, authentication: 'private_key_jwt' }, []],
    ['neither', {}, ['client-id']],
    ['both', { ...secret, ...key }, ['client-key']],
    ['a secret for private_key_jwt', { ...secret, authentication: 'private_key_jwt' }, ['authentication']],
    ['a key for Basic', { ...key, authentication: 'client_secret_basic' }, ['authentication']],
    [
      'standard parameters',
      { ...secret, parameters: { grant_type: 'x', audience: 'y', free: 'z' } },
      ['parameters', 'parameters'],
    ],
    ['a resource that is no URI', { ...secret, resource: ['orders'] }, ['resource']],
    ['a resource with a fragment', { ...secret, resource: ['https://a.example/#b'] }, ['resource']],
    [
      'claims of an opaque token',
      { ...secret, 'token-format': 'opaque', 'require-claims': { a: 1 } },
      ['require-claims'],
    ],
  ])('%s', (_, input, keys) => {
    const problems = oauthClientCredentials.check?.(input, new Set(Object.keys(input)), nothingConnected) ?? [];
    expect(problems.map((each) => each.key)).toEqual(keys);
    expect(problems.every(({ hint }) => hint !== undefined)).toBe(true);
  });

  it('takes a secret that is only known later for given', () => {
    expect(oauthClientCredentials.check?.({}, new Set(['client-secret']), nothingConnected)).toEqual([]);
  });
});
