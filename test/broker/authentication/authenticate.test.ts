import { hash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import {
  type AuthenticationFailure,
  bearerToken,
  createAuthenticator,
} from '../../../src/broker/authentication/authenticate.ts';
import { createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import type { Policy } from '../../../src/folder/policy/policy.ts';
import { startHostileIssuer } from '../../adapters/issuers/openid/hostile.ts';
import { agentsOf } from './policies.ts';

const [one, two, three, stranger] = [createBearer(), createBearer(), createBearer(), createBearer()].map((each) =>
  each.reveal(),
) as [string, string, string, string];
const tokenOf = (text: string, expires?: number) => ({ sha256: hash('sha256', text, 'hex'), expires });

function setup(policy: Policy) {
  const state = { policy, now: 1_000_000, refused: [] as AuthenticationFailure[] };
  const authenticator = createAuthenticator({
    policy: () => state.policy,
    now: () => state.now,
    development: false,
    fetch: () => Promise.reject(new Error('nothing is contacted for a bearer token')),
  });
  const ask = (authorization: string | undefined) =>
    authenticator.authenticate(authorization, (failure) => state.refused.push(failure));
  return { state, authenticator, ask };
}

const policy = agentsOf({
  codex: { tokens: [tokenOf(one), tokenOf(two, 1_000_500)] },
  ci: { tokens: [tokenOf(three)] },
});

describe('a bearer token', () => {
  it('proves its agent, and two do while one is replaced', async () => {
    const { authenticator, ask, state } = setup(policy);
    expect([one, two, three].map((token) => authenticator.bearer(token)?.agent)).toEqual(['codex', 'codex', 'ci']);
    expect(await ask(`Bearer ${three}`)).toEqual({ agent: 'ci', by: 'token' });
    expect(state.refused).toEqual([]);
  });

  it('proves nobody where policy has the hash of what no token of ours is, however often it is sent', async () => {
    const handmade = [`${one.slice(0, -1)}${one.endsWith('0') ? '1' : '0'}`, `flows_${'!'.repeat(38)}`, 'flows_easy'];
    const { authenticator, ask } = setup(
      agentsOf({ codex: { tokens: [one, ...handmade].map((each) => tokenOf(each)) } }),
    );
    for (let round = 0; round < 2; round += 1) {
      expect([one, ...handmade].map((each) => authenticator.bearer(each)?.agent)).toEqual([
        'codex',
        ...handmade.map(() => undefined),
      ]);
      for (const each of handmade) expect(await ask(`Bearer ${each}`)).toBeUndefined();
    }
  });

  it('ends at its expiry', async () => {
    const { authenticator, ask, state } = setup(policy);
    state.now = 1_000_499;
    expect(authenticator.bearer(two)?.agent).toBe('codex');
    state.now = 1_000_500;
    expect(authenticator.bearer(two)).toBeUndefined();
    expect(await ask(`Bearer ${two}`)).toBeUndefined();
    expect(state.refused.map(({ code }) => code)).toEqual(['expired']);
    expect(authenticator.bearer(one)?.agent).toBe('codex');
  });

  it('ends with the policy that knew it', async () => {
    const { authenticator, ask, state } = setup(policy);
    expect(authenticator.bearer(one)?.agent).toBe('codex');
    state.policy = agentsOf({ ci: { tokens: [tokenOf(two)] } });
    expect([one, two, three].map((token) => authenticator.bearer(token)?.agent)).toEqual([undefined, 'ci', undefined]);
    expect(await ask(`Bearer ${one}`)).toBeUndefined();
    expect(state.refused.map(({ code }) => code)).toEqual(['unknown-token']);
  });

  it('proves nobody where only half of its hash is known', () => {
    const sha256 = hash('sha256', one, 'hex');
    const halves = agentsOf({
      a: { tokens: [{ sha256: `${sha256.slice(0, 32)}${'0'.repeat(32)}`, expires: undefined }] },
      b: { tokens: [{ sha256: sha256.slice(0, 32), expires: undefined }] },
    });
    expect(setup(halves).authenticator.bearer(one)).toBeUndefined();
    const both = agentsOf({
      a: { tokens: [{ sha256: `${sha256.slice(0, 32)}${'0'.repeat(32)}`, expires: undefined }] },
      b: { tokens: [{ sha256, expires: undefined }] },
    });
    expect(setup(both).authenticator.bearer(one)?.agent).toBe('b');
  });

  test.each<[string | undefined, AuthenticationFailure['code']]>([
    [undefined, 'no-credentials'],
    ['', 'no-credentials'],
    ['Bearer', 'no-credentials'],
    ['Bearer ', 'no-credentials'],
    [one, 'no-credentials'],
    [`Basic ${one}`, 'no-credentials'],
    [`Bearer ${one} ${two}`, 'no-credentials'],
    [`Bearer ${one},`, 'unknown-token'],
    [`Bearer ${one}\n`, 'no-credentials'],
    [`Bearer ${stranger}`, 'unknown-token'],
    [`Bearer ${one.slice(0, -1)}`, 'unknown-token'],
    [`Bearer ${one.toLowerCase()}`, 'unknown-token'],
    [`Bearer sha256:${hash('sha256', one, 'hex')}`, 'malformed'],
    [`Bearer ${hash('sha256', one, 'hex')}`, 'malformed'],
    [`Bearer ${'x'.repeat(100_000)}`, 'malformed'],
    ['Bearer flows_', 'unknown-token'],
    ['Bearer a.b.c', 'malformed'],
  ])('nobody is proven by %j', async (authorization, code) => {
    const { ask, state } = setup(policy);
    expect(await ask(authorization)).toBeUndefined();
    expect(state.refused.map((each) => each.code)).toEqual([code]);
    for (const { detail } of state.refused) expect(detail).not.toContain(one);
  });

  test.each([`Bearer ${one}`, `bearer ${one}`, `BEARER   ${one}`])('%s', async (authorization) => {
    expect(bearerToken(authorization)).toBe(one);
    expect(await setup(policy).ask(authorization)).toEqual({ agent: 'codex', by: 'token' });
  });
});

it('a workload identity proves its agent too', async () => {
  const hostile = await startHostileIssuer();
  const trust = [{ issuer: hostile.issuer, audience: 'flows', claims: { repository: 'acme/orders' } }];
  const refused: string[] = [];
  const { authenticate, bearer } = createAuthenticator({
    policy: () => agents,
    now: Date.now,
    development: true,
  });
  const agents = agentsOf({ ci: { trust } });
  const ask = async (claims: Record<string, unknown>) => {
    const token = await hostile.sign({ aud: 'flows', ...claims });
    expect(bearer(token)).toBeUndefined();
    return authenticate(`Bearer ${token}`, ({ code }) => refused.push(code));
  };
  expect(await ask({ repository: 'acme/orders' })).toEqual({ agent: 'ci', by: 'workload' });
  expect(await ask({ repository: 'evil/orders' })).toBeUndefined();
  expect(refused).toEqual(['claims']);
  await hostile.close();
});
