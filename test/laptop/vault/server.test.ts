import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { createClient } from '@1password/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSessions, type SignedRequest } from '../../../src/laptop/vault/sessions.ts';
import { newKey, open, seal } from '../../../src/laptop/vault/encrypted-values.ts';
import { createServiceAccounts } from '../../../src/laptop/vault/service-accounts.ts';
import { startVault, type DevelopmentVault } from '../../../src/laptop/vault/server.ts';
import { createSrpClient } from './srp-client.ts';

const seeds = [
  {
    name: 'Agents',
    items: [{ title: 'One', tags: ['t'], fields: [{ label: 'password', type: 'concealed' as const, value: 'one' }] }],
  },
  { name: 'Other', items: [] },
];

describe('the development vault', () => {
  let vault: DevelopmentVault;
  beforeAll(async () => {
    vault = await startVault({ vaults: seeds });
  });
  afterAll(() => vault.close());

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET', body = '') =>
    new Promise<number>((resolve, reject) => {
      const sent = request(`${vault.address}${path}`, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject);
      sent.end(body);
    });

  test.each([
    ['another name that leads here', '/api/v3/auth/start', { host: 'rebound.example' }, 'POST', '{}', 403],
    ['a page in a browser', '/api/v3/auth/start', { origin: 'https://example.com' }, 'POST', '{}', 403],
    ['no JSON', '/api/v3/auth/start', {}, 'POST', '{', 400],
    ['no fields', '/api/v3/auth/start', {}, 'POST', '[]', 400],
    ['nobody', '/api/v3/auth/start', {}, 'POST', '{"email":"a@b.c","skid":"AAAAAA"}', 401],
    ['no session', '/api/v1/vaults', {}, 'GET', '', 401],
    [
      'a session that is none',
      '/api/v1/vaults',
      { 'x-agilebits-session-id': 'X', 'x-agilebits-mac': 'v1|1|x' },
      'GET',
      '',
      401,
    ],
    ['an unknown path', '/api/v1/nothing', {}, 'GET', '', 404],
    ['a body without end', '/api/v3/auth/start', {}, 'POST', 'x'.repeat(9_000_000), 413],
  ])('refuses %s', async (_, path, headers, method, body, status) => {
    expect(await ask(path, headers as Record<string, string>, method, body)).toBe(status);
  });

  test('serves the unmodified SDK, and what is added later', async () => {
    const item = vault.dump()[0];
    expect(item).toMatchObject({ vault: 'Agents', title: 'One', state: 'active', version: 1, tags: ['t'] });
    const client = await createClient({
      auth: vault.token().reveal(),
      integrationName: 'test',
      integrationVersion: '1',
    });
    expect(await client.secrets.resolve('op://Agents/One/password')).toBe('one');
    const [id = ''] = (await client.vaults.list()).filter(({ title }) => title === 'Other').map((each) => each.id);
    vault.add('other', { title: 'Later', fields: [] });
    expect((await client.items.list(id)).map(({ title }) => title)).toEqual(['Later']);
  });

  test('every start and every token differs', async () => {
    const again = await startVault({ vaults: seeds });
    expect(again.dump()[0]?.id).not.toBe(vault.dump()[0]?.id);
    expect(again.token().equals(again.token())).toBe(false);
    await again.close();
  });
});

describe('sealed values', () => {
  test('open with their key alone, unchanged', () => {
    const key = newKey('a');
    const sealed = seal(key, { a: 1 });
    expect(open(key, sealed)).toEqual({ a: 1 });
    const changed = Buffer.from(sealed.data, 'base64url').map((byte, index) => (index === 0 ? byte ^ 1 : byte));
    const data = Buffer.from(changed).toString('base64url');
    expect(() => open(newKey('a'), sealed)).toThrow(/authenticate/);
    expect(() => open({ ...key, kid: 'b' }, sealed)).toThrow('sealed with another key');
    expect(() => open(key, { ...sealed, data })).toThrow(/authenticate/);
  });
});

describe('sign-in', () => {
  const host = '127.0.0.1';
  const signedIn = async () => {
    const accounts = await createServiceAccounts();
    const token = JSON.parse(
      Buffer.from(accounts.create('http://127.0.0.1:1', {}).reveal().slice(4), 'base64url').toString(),
    ) as { email: string; secretKey: string; srpX: string; userAuth: { salt: string } };
    const account = accounts.find(token.email, token.secretKey.split('-')[1] ?? '');
    if (account === undefined) throw new TypeError('no account');
    return { account, token, sessions: createSessions() };
  };
  const requestOf = (id: string, key: Buffer, number: number, change: Partial<SignedRequest> = {}): SignedRequest => {
    const macKey = createHmac('sha256', key)
      .update('He never wears a Mac, in the pouring rain. Very strange.')
      .digest();
    const text = `${id}|GET|${host}/api/v1/vaults?a=b|v1|${number}`;
    const mac = createHmac('sha256', macKey).update(text).digest().subarray(0, 12).toString('base64url');
    return {
      method: 'GET',
      host,
      path: '/api/v1/vaults',
      query: 'a=b',
      sessionId: id,
      mac: `v1|${number}|${mac}`,
      ...change,
    };
  };
  const confirmed = async () => {
    const { account, token, sessions } = await signedIn();
    const id = sessions.start(account);
    const client = createSrpClient(token);
    const proof = client.prove(sessions.challenge(id, client.userA));
    expect(sessions.confirm(id, proof.sent)).toBe(proof.expected);
    return { id, sessions, account, key: proof.key };
  };

  test('proves both sides to each other', async () => {
    const { id, sessions, key } = await confirmed();
    expect(sessions.authorise(requestOf(id, key, 7)).id).toBe(id);
  });

  test('gives one guess, whatever it is', async () => {
    const { account, token, sessions } = await signedIn();
    const id = sessions.start(account);
    const client = createSrpClient({ ...token, srpX: '01'.repeat(32) });
    const wrong = client.prove(sessions.challenge(id, client.userA));
    expect(() => sessions.confirm(id, wrong.sent)).toThrow('authentication required');
    expect(() => sessions.confirm(id, wrong.sent)).toThrow('authentication required');
    expect(() => sessions.challenge(id, client.userA)).toThrow('authentication required');
  });

  test.each(['0', '00', '', 'xyz', '-1', 'f'.repeat(1025)])('refuses the public value %j', async (userA) => {
    const { account, sessions } = await signedIn();
    expect(() => sessions.challenge(sessions.start(account), userA)).toThrow('bad request');
  });

  test('refuses multiples of the prime, which would make the key known', async () => {
    const { account, token, sessions } = await signedIn();
    for (const multiple of [1n, 2n]) {
      const userA = (createSrpClient(token).modulus * multiple).toString(16);
      expect(() => sessions.challenge(sessions.start(account), userA)).toThrow('bad request');
    }
  });

  test('takes each signed request once, in any order that the network makes', async () => {
    const { id, sessions, key } = await confirmed();
    for (const number of [900, 902, 901]) expect(sessions.authorise(requestOf(id, key, number)).id).toBe(id);
    for (const number of [900, 901, 902, 400]) {
      expect(() => sessions.authorise(requestOf(id, key, number))).toThrow('authentication required');
    }
  });

  test.each<readonly [string, Partial<SignedRequest>]>([
    ['method', { method: 'PATCH' }],
    ['path', { path: '/api/v1/vault' }],
    ['query', { query: '' }],
    ['host', { host: 'localhost' }],
    ['MAC', { mac: 'v1|5|AAAAAAAAAAAAAAAA' }],
    ['version', { mac: 'v2|5|AAAAAAAAAAAAAAAA' }],
    ['form', { mac: '' }],
  ])('refuses another %s than was signed', async (_, change) => {
    const { id, sessions, key } = await confirmed();
    expect(() => sessions.authorise(requestOf(id, key, 5, change))).toThrow('authentication required');
    expect(sessions.authorise(requestOf(id, key, 5)).id).toBe(id);
  });

  test('a session ends with its account', async () => {
    const { id, sessions, key, account } = await confirmed();
    sessions.endOf(account);
    expect(() => sessions.authorise(requestOf(id, key, 5))).toThrow('authentication required');
  });
});
