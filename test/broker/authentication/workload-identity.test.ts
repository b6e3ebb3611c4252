import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { createWorkloads } from '../../../src/broker/authentication/workload-identity.ts';
import type { Policy, Trust } from '../../../src/folder/policy/policy.ts';
import { type HostileIssuer, json, startHostileIssuer } from '../../adapters/issuers/openid/hostile.ts';
import { agentsOf } from './policies.ts';

const discovery = '/.well-known/openid-configuration';
let hostile: HostileIssuer;
beforeAll(async () => {
  hostile = await startHostileIssuer();
});
beforeEach(async () => {
  hostile.reset();
  await hostile.rotate('one');
});
afterAll(async () => {
  await hostile.close();
});

const trust = (claims: Record<string, string>, more: Partial<Trust> = {}): Trust => ({
  issuer: hostile.issuer,
  audience: 'flows',
  claims,
  ...more,
});
const ci = () => agentsOf({ ci: { trust: [trust({ repository: 'acme/orders', ref: 'refs/heads/*' })] } });
const good = { aud: 'flows', repository: 'acme/orders', ref: 'refs/heads/main' };
const sign = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  hostile.sign({ ...good, ...claims }, { typ: 'JWT', ...header });
const seconds = (ago = 0) => Math.floor(Date.now() / 1000) - ago;

function setup(policy: Policy = ci(), development = true) {
  const state = { policy, ahead: 0 };
  const now = () => Date.now() + state.ahead;
  const workload = createWorkloads({ policy: () => state.policy, now, development, deadline: 1_000 });
  const ask = async (token: string) => {
    const answer = await workload(token);
    return 'agent' in answer ? answer.agent : `- ${answer.code}`;
  };
  return { state, ask, workload };
}

describe('workloads as the field has them', () => {
  // claims as the issuers document them
  const github = {
    sub: 'repo:acme/orders:environment:production',
    repository: 'acme/orders',
    repository_id: '74',
    repository_owner: 'acme',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    workflow_ref: 'acme/orders/.github/workflows/deploy.yml@refs/heads/main',
    run_id: '1234567890',
    run_attempt: '1',
    runner_environment: 'github-hosted',
    jti: 'c3f0b9a1',
  };
  const kubernetes = {
    sub: 'system:serviceaccount:agents:codex',
    'kubernetes.io': { namespace: 'agents', serviceaccount: { name: 'codex', uid: 'a-b-c' }, pod: { name: 'codex-0' } },
    nbf: seconds(),
    jti: 'd1',
  };
  const spiffe = { sub: 'spiffe://acme.example/ns/agents/sa/codex' };

  test.each<[string, Record<string, string>, Record<string, unknown>, Record<string, unknown>, boolean]>([
    ['GitHub Actions', { repository: 'acme/orders', ref: 'refs/heads/*' }, github, { typ: 'JWT' }, true],
    ['GitHub Actions, by sub', { sub: 'repo:acme/orders:environment:production' }, github, { typ: 'JWT' }, true],
    [
      'GitHub Actions, another repository',
      { repository: 'acme/orders', ref: 'refs/heads/*' },
      { ...github, repository: 'evil/orders' },
      { typ: 'JWT' },
      false,
    ],
    ['GitHub Actions, a pull request', { ref: 'refs/heads/*' }, { ...github, ref: 'refs/pull/7/merge' }, {}, false],
    ['Kubernetes', { sub: 'system:serviceaccount:agents:*' }, kubernetes, { typ: undefined }, true],
    ['Kubernetes, another namespace', { sub: 'system:serviceaccount:other:*' }, kubernetes, { typ: undefined }, false],
    ['SPIFFE', { sub: 'spiffe://acme.example/ns/agents/*' }, spiffe, { typ: 'JOSE' }, true],
    ['SPIFFE, another trust domain', { sub: 'spiffe://other.example/*' }, spiffe, { typ: 'JWT' }, false],
  ])('%s', async (_, wanted, claims, header, proven) => {
    const { ask } = setup(agentsOf({ codex: { trust: [trust(wanted)] } }));
    expect(await ask(await hostile.sign({ ...claims, aud: ['flows'] }, header))).toBe(proven ? 'codex' : '- claims');
  });
});

describe('a token is refused', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['another audience', { aud: 'other' }, {}, '- audience'],
    ['no audience', { aud: undefined }, {}, '- audience'],
    ['an audience that only begins so', { aud: 'flows-evil' }, {}, '- audience'],
    ['another issuer', { iss: 'https://evil.example' }, {}, '- untrusted-issuer'],
    ['no issuer', { iss: undefined }, {}, '- malformed'],
    ['expired', { exp: seconds(61) }, {}, '- expired'],
    ['no expiry', { exp: undefined }, {}, '- invalid-token'],
    ['an expiry that is text', { exp: '9999999999' }, {}, '- invalid-token'],
    ['not valid yet', { nbf: seconds(-120) }, {}, '- invalid-token'],
    ['issued in the future', { iat: seconds(-120) }, {}, '- invalid-token'],
    ['no time of issue, and an end soon', { iat: undefined }, {}, 'ci'],
    ['no time of issue, and an end in a day', { iat: undefined, exp: seconds(-86_400) }, {}, 'ci'],
    ['no time of issue, and an end in two', { iat: undefined, exp: seconds(-172_800) }, {}, '- invalid-token'],
    ['a day old', { iat: seconds(86_500), exp: seconds(-600) }, {}, '- expired'],
    ['a logout token', {}, { typ: 'logout+jwt' }, '- invalid-token'],
    ['a type of its own', {}, { typ: 'secevent+jwt' }, '- invalid-token'],
    ['a key that nobody has', {}, { kid: 'stranger' }, '- invalid-token'],
    ['an extension that must be understood', {}, { crit: ['x'], x: true }, '- invalid-token'],
    ['a claim that is missing', { repository: undefined }, {}, '- claims'],
    ['a claim that is a list', { repository: ['acme/orders'] }, {}, '- claims'],
    ['a claim of another', { repository: 'acme/orders2' }, {}, '- claims'],
  ])('%s', async (_, claims, header, expected) => {
    expect(await setup().ask(await sign(claims, header))).toBe(expected);
  });

  test.each(['/', '?', '#', '/x'])('of an issuer that goes on with %s', async (more) => {
    expect(await setup().ask(await sign({ iss: `${hostile.issuer}${more}` }))).toBe('- untrusted-issuer');
  });

  it('with an expiry and a time of issue within a minute of ours, it is not', async () => {
    const { ask } = setup();
    expect(await ask(await sign({ exp: seconds(50), iat: seconds(400) }))).toBe('ci');
    expect(await ask(await sign({ iat: seconds(-50), nbf: seconds(-50) }))).toBe('ci');
  });

  const forged = (header: object, claims: object, signature: (input: string) => string) => {
    const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${input}.${signature(input)}`;
  };
  const claims = () => ({ iss: hostile.issuer, ...good, iat: seconds(), exp: seconds(-300) });

  it('without a signature', async () => {
    const { ask } = setup();
    for (const alg of ['none', 'None', 'NONE']) {
      expect(await ask(forged({ alg }, claims(), () => ''))).toBe('- malformed');
      expect(await ask(forged({ alg }, claims(), () => 'AA'))).toBe('- invalid-token');
    }
    expect(await ask(forged({ alg: 'ES256', kid: 'one' }, claims(), () => 'A'.repeat(86)))).toBe('- invalid-token');
  });

  it('signed with the public key as a secret', async () => {
    const pem = await hostile.publicPem();
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const mac = (input: string) => createHmac(alg.replace('HS', 'sha'), pem).update(input).digest('base64url');
      expect(await setup().ask(forged({ alg, kid: 'one' }, claims(), mac))).toBe('- invalid-token');
    }
  });

  it('signed with a key that it brings itself', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const token = (header: object) =>
      new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey);
    const { ask } = setup();
    expect(await ask(await token({ jwk, kid: 'one' }))).toBe('- invalid-token');
    expect(await ask(await token({ jku: `${hostile.issuer}/evil`, kid: 'one' }))).toBe('- invalid-token');
    expect(hostile.count('/evil')).toBe(0);
  });

  it('with another payload under a good signature', async () => {
    const [header = '', , signature = ''] = (await sign()).split('.');
    const payload = Buffer.from(JSON.stringify({ ...claims(), repository: 'acme/orders', ref: 'refs/heads/x' }));
    expect(await setup().ask(`${header}.${payload.toString('base64url')}.${signature}`)).toBe('- invalid-token');
  });

  test.each([
    ['', 'empty'],
    ['a.b', 'two parts'],
    ['a.b.c.d.e', 'an encrypted one'],
    [`a.${Buffer.from('[[[').toString('base64url')}.c`, 'not JSON'],
    [`a.${Buffer.from('null').toString('base64url')}.c`, 'null'],
    [`a.${Buffer.from('{"iss":["x"]}').toString('base64url')}.c`, 'a list of issuers'],
    [`a.${Buffer.from('['.repeat(9_000)).toString('base64url')}.c`, 'deeply nested'],
    [`a.${'b'.repeat(10_000_000)}.c`, 'huge'],
  ])('%#: malformed', async (token) => {
    expect(await setup().ask(token)).toBe('- malformed');
    expect(hostile.seen).toEqual([]);
  });
});

describe('issuers', () => {
  it('that policy does not name are never contacted', async () => {
    const { ask } = setup(agentsOf({ ci: { trust: [trust({ sub: 'c' }, { issuer: 'https://other.example' })] } }));
    expect(await ask(await sign())).toBe('- untrusted-issuer');
    expect(await setup(agentsOf({})).ask(await sign())).toBe('- untrusted-issuer');
    expect(hostile.seen).toEqual([]);
  });

  it('are asked once, however many wait', async () => {
    const { ask } = setup();
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => sign({ jti: String(index) })));
    expect(new Set(await Promise.all(tokens.map(ask)))).toEqual(new Set(['ci']));
    expect([hostile.count(discovery), hostile.count('/jwks')]).toEqual([1, 1]);
  });

  it('change their keys', async () => {
    const { ask, state } = setup();
    expect(await ask(await sign())).toBe('ci');
    await hostile.rotate('two');
    state.ahead = 31_000;
    expect(await ask(await sign())).toBe('ci');
    expect([hostile.count(discovery), hostile.count('/jwks')]).toEqual([1, 2]);
  });

  it('are not hammered by tokens that name keys of nobody', async () => {
    const { ask } = setup();
    for (let index = 0; index < 40; index += 1) {
      expect(await ask(await sign({ jti: String(index) }, { kid: `k${index}` }))).toBe('- invalid-token');
    }
    expect(hostile.count('/jwks')).toBe(1);
  });

  it('are not hammered while they are down', async () => {
    hostile.handlers.set(discovery, (_, response) => {
      json(response, {}, 503);
    });
    const { ask, state } = setup();
    for (let index = 0; index < 40; index += 1) {
      expect(await ask(await sign({ jti: String(index) }))).toBe('- issuer-unavailable');
    }
    expect(hostile.count(discovery)).toBe(1);
    hostile.handlers.clear();
    expect(await ask(await sign())).toBe('- issuer-unavailable');
    state.ahead = 5_001;
    expect(await ask(await sign())).toBe('ci');
  });

  it('whose keys can no longer be had prove nobody when theirs are ten minutes old', async () => {
    const { ask, state } = setup();
    expect(await ask(await sign({ exp: seconds(-3_600) }))).toBe('ci');
    hostile.handlers.set('/jwks', (_, response) => {
      response.destroy();
    });
    state.ahead = 590_000;
    expect(await ask(await sign({ exp: seconds(-3_600), jti: 'b' }))).toBe('ci');
    state.ahead = 601_000;
    expect(await ask(await sign({ exp: seconds(-3_600), jti: 'c' }))).toBe('- issuer-unavailable');
  });

  it('that redirect are not followed', async () => {
    hostile.handlers.set('/jwks', (_, response) => {
      response.writeHead(302, { location: `${hostile.issuer}/elsewhere` }).end();
    });
    expect(await setup().ask(await sign())).toBe('- issuer-unavailable');
    expect(hostile.count('/elsewhere')).toBe(0);
  });

  test.each<[string, (issuer: string) => unknown]>([
    ['for another issuer', () => ({ issuer: 'https://evil.example', jwks_uri: 'https://evil.example/jwks' })],
    ['for the issuer with a slash', (issuer) => ({ issuer: `${issuer}/`, jwks_uri: `${issuer}/jwks` })],
    ['keys over plain http elsewhere', (issuer) => ({ issuer, jwks_uri: 'http://keys.example/jwks' })],
    ['no keys', (issuer) => ({ issuer })],
    ['no JSON', () => 'hello'],
  ])('with a discovery document that is wrong: %s', async (_, document) => {
    hostile.handlers.set(discovery, (_request, response) => {
      json(response, document(hostile.issuer));
    });
    expect(await setup().ask(await sign())).toBe('- issuer-unavailable');
    expect(hostile.count('/jwks')).toBe(0);
  });

  it('at plain http are for development', async () => {
    expect(await setup(ci(), false).ask(await sign())).toBe('- issuer-unavailable');
    expect(hostile.seen).toEqual([]);
  });

  it('may have several keys of one name', async () => {
    const other = await generateKeyPair('ES256', { extractable: true });
    const first = { ...(await exportJWK(other.publicKey)), kid: 'one', use: 'sig' };
    const jwks = await fetch(`${hostile.issuer}/jwks`);
    const { keys } = (await jwks.json()) as { keys: object[] };
    hostile.handlers.set('/jwks', (_, response) => {
      json(response, { keys: [first, ...keys] });
    });
    expect(await setup().ask(await sign())).toBe('ci');
  });

  it('that never answer cost a deadline and no more', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { ask } = setup(agentsOf({ ci: { trust: [trust({ ref: '*m*' }, { issuer })] } }));
    const started = performance.now();
    expect(await ask(await sign({ iss: issuer }))).toBe('- issuer-unavailable');
    expect(performance.now() - started).toBeLessThan(10_000);
    silent.closeAllConnections();
    silent.close();
  });
});

describe('agents', () => {
  it('may share an issuer, where each token fits one of them', async () => {
    const policy = agentsOf({
      main: { trust: [trust({ repository: 'acme/orders', ref: 'refs/heads/main' })] },
      tags: { trust: [trust({ repository: 'acme/orders', ref: 'refs/tags/*' })] },
      other: { trust: [trust({ repository: 'acme/orders', ref: 'refs/heads/main' }, { audience: 'other' })] },
    });
    const { ask } = setup(policy);
    expect(await ask(await sign())).toBe('main');
    expect(await ask(await sign({ ref: 'refs/tags/v1' }))).toBe('tags');
    expect(await ask(await sign({ aud: 'other' }))).toBe('other');
    expect(await ask(await sign({ aud: ['other', 'flows'] }))).toBe('- ambiguous');
  });

  it('that cannot be told apart are refused, and named to the operator alone', async () => {
    const both = agentsOf({
      wide: { trust: [trust({ repository: 'acme/*' })] },
      narrow: { trust: [trust({ repository: 'acme/orders' }), trust({ ref: 'refs/heads/main' })] },
    });
    expect(await setup(both).workload(await sign())).toEqual({
      code: 'ambiguous',
      detail: 'the token fits more than one agent: wide, narrow',
    });
  });

  it('may be proven in more ways than one', async () => {
    const policy = agentsOf({ ci: { trust: [trust({ repository: 'acme/*' }), trust({ ref: 'refs/heads/main' })] } });
    expect(await setup(policy).ask(await sign())).toBe('ci');
  });

  it('are proven by what policy says now', async () => {
    const { ask, state } = setup();
    const token = await sign();
    expect(await ask(token)).toBe('ci');
    state.policy = agentsOf({ ci: { trust: [trust({ repository: 'acme/other' })] } });
    expect(await ask(token)).toBe('- claims');
    state.policy = agentsOf({});
    expect(await ask(token)).toBe('- untrusted-issuer');
    state.policy = agentsOf({ renamed: { trust: [trust({ repository: 'acme/orders' })] } });
    expect(await ask(token)).toBe('renamed');
  });
});

describe('a verified token', () => {
  it('is not verified again for a minute', async () => {
    const { ask, state } = setup();
    const token = await sign();
    expect(await ask(token)).toBe('ci');
    await hostile.rotate('two');
    state.ahead = 59_000;
    expect(await ask(token)).toBe('ci');
    state.ahead = 61_000;
    // the key that signed it is withdrawn: the set is fetched for the token of the new key, and the old is known no more
    expect(await ask(await sign())).toBe('ci');
    expect(await ask(token)).toBe('- invalid-token');
  });

  it('ends with its expiry', async () => {
    const { ask, state } = setup();
    const token = await sign({ exp: seconds(-5) });
    expect(await ask(token)).toBe('ci');
    state.ahead = 5_000 + 58_000;
    expect(await ask(token)).toBe('ci');
    state.ahead = 5_000 + 62_000;
    expect(await ask(token)).toBe('- expired');
  });
});

describe('an issuer that is not only what discovery finds', () => {
  const at = (path: string) => `${hostile.issuer}${path}`;
  const serve = (path: string, body: () => unknown) =>
    hostile.handlers.set(path, (_, response) => {
      json(response, body());
    });
  const agentOf = (more: Partial<Trust>) => agentsOf({ ci: { trust: [trust({ repository: 'acme/orders' }, more)] } });
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keys-'));
    file = join(folder, 'keys.json');
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('has its keys at the address that policy says, and nothing else is asked', async () => {
    const keys = await hostile.keys();
    serve('/own-keys', () => ({ keys }));
    expect(await setup(agentOf({ jwksUri: at('/own-keys') })).ask(await sign())).toBe('ci');
    expect(hostile.seen.map(({ path }) => path)).toEqual(['/own-keys']);
  });

  it('has its document at the address that policy says', async () => {
    serve('/internal', () => hostile.metadata);
    expect(await setup(agentOf({ discovery: at('/internal') })).ask(await sign())).toBe('ci');
    expect(hostile.count(discovery)).toBe(0);
    serve('/internal', () => ({ ...hostile.metadata, issuer: 'https://other.example' }));
    expect(await setup(agentOf({ discovery: at('/internal') })).ask(await sign())).toBe('- issuer-unavailable');
  });

  it('names another issuer in its tokens, and that one only', async () => {
    const iss = 'https://sts.windows.net/6babcaad/';
    const { ask } = setup(agentOf({ tokenIssuers: [iss, 'https://old.example'] }));
    expect(await ask(await sign({ iss }))).toBe('ci');
    expect(await ask(await sign({ iss: 'https://old.example' }))).toBe('ci');
    expect(await ask(await sign())).toBe('- untrusted-issuer');
  });

  it('has its keys in a file, which is read again where a token names a new one', async () => {
    await writeFile(file, JSON.stringify({ keys: await hostile.keys() }));
    const { ask, state } = setup(agentOf({ keysFile: file }));
    expect(await ask(await sign())).toBe('ci');
    await hostile.rotate('two');
    await writeFile(file, JSON.stringify({ keys: await hostile.keys() }));
    state.ahead = 31_000;
    expect(await ask(await sign({ jti: 'two' }))).toBe('ci');
    expect(hostile.seen).toEqual([]);
    await rm(file);
    expect(await setup(agentOf({ keysFile: file })).ask(await sign())).toBe('- issuer-unavailable');
  });

  it('proves with one source’s keys only those agents that trust that source', async () => {
    await writeFile(file, JSON.stringify({ keys: await hostile.keys() }));
    const stranger = await generateKeyPair('ES256', { extractable: true });
    const theirs = { ...(await exportJWK(stranger.publicKey)), kid: 'theirs' };
    serve('/their-keys', () => ({ keys: [theirs] }));
    const policy = agentsOf({
      mine: { trust: [trust({ repository: 'acme/orders' }, { keysFile: file })] },
      theirs: { trust: [trust({ repository: 'acme/orders' }, { jwksUri: at('/their-keys') })] },
    });
    const { ask } = setup(policy);
    expect(await ask(await sign())).toBe('mine');
    expect(await ask(await sign())).toBe('mine');
    const forged = await new SignJWT({ iss: hostile.issuer, ...good, iat: seconds(), exp: seconds(-300) })
      .setProtectedHeader({ alg: 'ES256', kid: 'theirs' })
      .sign(stranger.privateKey);
    expect(await ask(forged)).toBe('theirs');
  });

  it('says which issuer and audience came', async () => {
    const { workload } = setup();
    expect(await workload(await sign({ iss: 'https://evil.example\n' }))).toMatchObject({
      detail: expect.stringContaining('"https://evil.example\\u{a}"'),
    });
    expect(await workload(await sign({ aud: 'flows/' }))).toMatchObject({
      detail: expect.stringContaining('"flows/"'),
    });
    expect(await workload(await sign({ exp: seconds(300) }))).toMatchObject({
      detail: expect.stringMatching(/expired/),
    });
  });
});
