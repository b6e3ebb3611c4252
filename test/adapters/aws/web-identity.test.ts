import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { webIdentityProblems } from '../../../src/adapters/aws/connection-keys.ts';
import { createSecretsManagerStore } from '../../../src/adapters/stores/aws-secrets-manager/store.ts';
import { startStack } from '../stores/aws-secrets-manager/stack.ts';

const role = 'arn:aws:iam::210987654321:role/team/pusher';
const canary = 'canary-of-the-token';
const closing: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) await close();
});

/** A store that takes the role with these tokens, one after the other as they are refused. */
async function start(trust: (token: string) => string | undefined, tokens: readonly string[] = [canary]) {
  // what AWS gives is over soon by the SDK's own clock, so that ours alone decides
  let at = Date.now() - 800_000;
  const now = () => at;
  const { aws, open, close, counter } = await startStack({}, { now, roles: { [role]: trust } });
  closing.push(close);
  const asked: (string | undefined)[] = [];
  const all = tokens.map((token) => new Secret(token));
  const token = (refused?: Secret) => {
    asked.push(refused?.reveal());
    const index = all.findIndex((each) => refused?.equals(each) === true);
    return Promise.resolve(all[index + 1] ?? all.at(-1) ?? new Secret(''));
  };
  const store = open({
    credentials: undefined,
    account: '210987654321',
    webIdentity: { role, sessionName: 'auth-chain', token, now },
  });
  closing.push(() => store.close());
  return { aws, store, asked, counter, later: (milliseconds: number) => void (at += milliseconds) };
}

const failure = async (work: Promise<unknown>) => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof FlowError)) throw new TypeError('it must fail');
  expect(error.line()).not.toContain('canary');
  return error;
};

test('a role is taken with a token, once for all clients, and again shortly before it ends', async () => {
  const seen: string[] = [];
  const { store, asked, counter, later } = await start((token) => void seen.push(token));
  const environment = JSON.stringify(process.env);
  const calls = counter();
  const look = () => store.inspect([{ name: 'app/a' }]);
  await Promise.all([look(), look(), look()]);
  expect(calls()).toEqual({ AssumeRoleWithWebIdentity: 1, GetCallerIdentity: 1, ListSecrets: 3 });
  later(719_000);
  await look();
  expect(calls()).toEqual({ ListSecrets: 1 });
  later(2_000);
  await Promise.all([look(), look()]);
  expect(calls()).toEqual({ AssumeRoleWithWebIdentity: 1, ListSecrets: 2 });
  expect([seen, asked]).toEqual([
    [canary, canary],
    [undefined, undefined],
  ]);
  expect(JSON.stringify(process.env)).toBe(environment);
});

test('a token that AWS refuses is made anew once, and the next one serves', async () => {
  const { store, asked, counter } = await start(
    (token) => (token === canary ? 'ExpiredTokenException' : undefined),
    [canary, 'canary-of-another'],
  );
  const calls = counter();
  await store.verify([]);
  expect(calls()).toEqual({ AssumeRoleWithWebIdentity: 2, GetCallerIdentity: 1 });
  expect(asked).toEqual([undefined, canary]);
});

test.each([
  ['ExpiredTokenException', 'denied', 'has ended by AWS’s clock', 2],
  ['InvalidIdentityToken', 'denied', 'is none that AWS accepts', 2],
  ['IDPRejectedClaim', 'denied', 'does not stand for it any more', 2],
  ['AccessDenied', 'denied', 'AWS does not let this token take', 2],
  ['RegionDisabledException', 'denied', 'STS is not activated in this region', 2],
  ['IDPCommunicationError', 'unavailable', 'does not reach the keys of the issuer', 5],
])('%s is told as what it means, and the token is in no word of it', async (name, code, words, times) => {
  const { store, counter } = await start(() => name, [canary, 'canary-of-another']);
  const calls = counter();
  const error = await failure(store.verify([]));
  expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)]);
  expect(error.message).toContain(role);
  expect(calls()['AssumeRoleWithWebIdentity']).toBe(times);
  // the next who asks tries again
  await failure(store.verify([]));
  expect(calls()['AssumeRoleWithWebIdentity']).toBeGreaterThan(0);
});

test('a role that nobody knows, one of another account, and a flow that fails are told', async () => {
  const { aws, store } = await start(() => undefined);
  const other = startRole(aws, 'arn:aws:iam::111111111111:role/pusher');
  expect((await failure(other.verify([]))).message).toContain('AWS does not let this token take');
  const foreign = startRole(aws, role, '123456789012');
  expect((await failure(foreign.verify([]))).message).toContain('belong to 210987654321');
  await store.verify([]);
  const broken = startRole(aws, role, undefined, () =>
    Promise.reject(new FlowError('rate-limited', 'the issuer waits')),
  );
  expect((await failure(broken.verify([]))).code).toBe('rate-limited');

  function startRole(
    { region, address }: typeof aws,
    arn: string,
    account?: string,
    token = () => Promise.resolve(new Secret(canary)),
  ) {
    const webIdentity = { role: arn, sessionName: 'auth-chain', token, now: Date.now };
    const opened = createSecretsManagerStore({
      name: 'aws',
      region,
      endpoint: address,
      account: account ?? '210987654321',
      development: true,
      webIdentity,
    });
    closing.push(() => opened.close());
    return opened;
  }
});

test('nobody else is told the token where the address is not what service.yaml says', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_STS', 'http://127.0.0.1:9');
  let asked = 0;
  const store = createSecretsManagerStore({
    name: 'aws',
    region: 'eu-west-1',
    account: '210987654321',
    development: true,
    webIdentity: {
      role,
      sessionName: 'auth-chain',
      token: () => Promise.resolve(new Secret(canary)).finally(() => (asked += 1)),
      now: Date.now,
    },
  });
  closing.push(() => store.close());
  expect((await failure(store.verify([]))).code).toBe('refused');
  expect(asked).toBe(0);
});

const settings = { region: 'eu-west-1', account: '210987654321', role };
test.each<[string, Parameters<typeof webIdentityProblems>[0], readonly string[], readonly string[]]>([
  ['none', { region: 'eu-west-1' }, [], []],
  ['by a flow', settings, ['role', 'token-flow', 'session-name'], []],
  ['by a file', settings, ['role', 'token'], []],
  ['without a token', settings, ['role'], ['role']],
  ['with two', settings, ['role', 'token', 'token-flow'], ['token']],
  ['beside a profile', settings, ['role', 'token', 'profile'], ['profile']],
  ['of another account', { ...settings, account: '123456789012' }, ['role', 'token'], ['role']],
  ['of another partition', { ...settings, region: 'cn-north-1' }, ['role', 'token'], ['role']],
  ['a token without it', { region: 'eu-west-1' }, ['token-flow', 'session-name'], ['token-flow', 'session-name']],
])('a role: %s', (_, of, given, keys) => {
  expect(webIdentityProblems(of, new Set(given)).map(({ key }) => key)).toEqual(keys);
});
