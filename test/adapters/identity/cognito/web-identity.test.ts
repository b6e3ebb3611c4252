import { expect, test } from 'vitest';
import { cognito } from '../../../../src/adapters/identity/cognito/index.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';
import { identityProviderContract } from '../../../contracts/identity-provider.ts';
import { startDouble } from './double.ts';

const role = 'arn:aws:iam::210987654321:role/accounts';
const canary = 'canary-of-the-token';

/** The laptop's pool, asked by a role that is taken with a token. */
async function start(refused?: string) {
  const seen: string[] = [];
  const trust = (token: string) => {
    seen.push(token);
    return refused;
  };
  const started = await startDouble({ roles: { [role]: trust } });
  const token = () => Promise.resolve(new Secret(canary));
  const webIdentity = { role, sessionName: 'auth-chain', token, now: Date.now };
  const provider = started.open({ credentials: undefined, account: '210987654321', webIdentity });
  return { ...started, provider, seen };
}

identityProviderContract('Cognito, the laptop, by a role', start);
identityCapabilitiesContract('Cognito, the laptop, by a role', cognito.offers, start);

test('a role is taken once, and where AWS refuses its token nobody asks the pool', async () => {
  const { provider, seen, idp, close } = await start();
  await Promise.all([provider.find('ada@example.com'), provider.find('bo@example.com')]);
  expect(seen).toEqual([canary]);
  await close();
  const refused = await start('AccessDenied');
  const error = await refused.provider.find('ada@example.com').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'denied', message: expect.stringContaining(role) });
  expect(String(error)).not.toContain('canary');
  expect(idp.requests().doubles).toBeGreaterThan(0);
  await refused.close();
});

test('who takes a role, and with what, is checked as of a store; setup prints whom it must trust', () => {
  const settings = { pool: 'cn-north-1_abc', role };
  const problems = cognito.check?.(settings, new Set(['pool', 'role', 'token', 'token-flow', 'profile'])) ?? [];
  expect(problems.map(({ key, problem }) => [key, problem])).toEqual([
    ['token', 'stands beside token-flow'],
    ['profile', 'stands beside role'],
    ['role', 'is of the partition aws, and cn-north-1 is not in it'],
  ]);
  expect(cognito.setup?.('main', { pool: 'eu-west-1_abc', role })).toContain(`# trust policy of ${role}\n{`);
  expect(cognito.setup?.('main', { pool: 'eu-west-1_abc' })).not.toContain('trust policy');
});
