import { describe, expect, it } from 'vitest';
import type { Credential } from '../../../../src/adapters/issuers/contract.ts';
import { hostileStand, body, credential, failureOf, secret } from './arrange.ts';
import { type Handler, json } from './hostile.ts';

const { hostile, arrange, token } = await hostileStand();

describe('two live client secrets', () => {
  const only =
    (accepted: string, status = 401, error = 'invalid_client'): Handler =>
    async ({ form }, response) => {
      if (form.get('client_secret') === accepted) await token({})({ form } as never, response);
      else json(response, { error }, status);
    };
  const pair = [credential('first-secret', 'op://v/i/first'), credential('second-secret', 'op://v/i/second')];

  it('are tried in order, with a warning that names the first', async () => {
    hostile.handlers.set('/token', only('second-secret'));
    const { issuer, ask, warnings } = arrange();
    await ask({ clientSecrets: pair });
    expect(issuer.requests()).toBe(2);
    expect(warnings).toEqual([expect.stringContaining('op://v/i/first')]);
  });

  it('the second is not read where the first is accepted', async () => {
    hostile.handlers.set('/token', only('first-secret'));
    const unread: Credential = { label: 'op://x', read: async () => expect.unreachable() };
    const { ask, warnings } = arrange();
    await ask({ clientSecrets: [credential('first-secret'), unread] });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['a scope', 400, 'invalid_scope', 'denied'],
    ['a quota', 429, 'too_many_requests', 'rate-limited'],
    ['a fault', 500, '', 'unavailable'],
  ])('the second is not tried where %s is the trouble', async (_, status, error, code) => {
    hostile.handlers.set('/token', only('nothing', status, error));
    const { issuer, ask } = arrange();
    expect((await failureOf(ask({ clientSecrets: pair }))).code).toBe(code);
    expect(issuer.requests()).toBe(1);
  });

  it('both refused is one error that names both', async () => {
    hostile.handlers.set('/token', only('nothing'));
    const error = await failureOf(arrange().ask({ clientSecrets: pair }));
    expect(error).toMatchObject({ code: 'denied', place: { subject: 'op://v/i/first' } });
    expect(error.hint).toContain('op://v/i/second');
  });
});

it('asks the keys again at once where the issuer signs with a new one', async () => {
  const { ask } = arrange();
  await ask();
  await hostile.rotate('two');
  await ask();
  expect(hostile.count('/jwks')).toBe(2);
});

it('sends what is asked, and refuses parameters that are not free', async () => {
  const { ask } = arrange();
  const token = await ask({
    resource: [],
    audience: 'https://api.example',
    scope: ['a', 'b'],
    parameters: { organization: 'org_1' },
  });
  expect(token).toMatchObject({ tokenType: 'Bearer', scope: 'a b' });
  const form = hostile.seen.find(({ path }) => path === '/token')?.form;
  expect(Object.fromEntries(form ?? [])).toEqual({
    grant_type: 'client_credentials',
    client_id: 'client-canary',
    client_secret: secret,
    audience: 'https://api.example',
    scope: 'a b',
    organization: 'org_1',
  });
  for (const name of [
    'grant_type',
    'client_id',
    'client_secret',
    'client_assertion',
    'scope',
    'audience',
    'resource',
  ]) {
    expect((await failureOf(ask({ parameters: { [name]: 'x' } }))).code).toBe('refused');
  }
  expect(hostile.count('/token')).toBe(1);
});

it('warns of scope that was not asked for, of a scope that nobody tells, and of a quota that runs out', async () => {
  const { ask, warnings } = arrange();
  hostile.handlers.set('/token', async (_, response) => {
    const body = { access_token: await hostile.sign(), token_type: 'bearer', scope: 'a admin' };
    json(response, body, 200, {
      'auth0-client-quota-limit': 'b=per_hour;q=10;r=1;t=3540,b=per_day;q=50;r=47;t=43200,x',
    });
  });
  await ask({ scope: ['a'] });
  expect(warnings).toEqual([expect.stringContaining('1 of 10'), expect.stringContaining('admin')]);
  hostile.handlers.clear();
  await ask({ scope: ['a'] });
  expect(warnings).toHaveLength(3);
});

it('an empty client secret is told before anything is sent with it', async () => {
  const error = await failureOf(arrange().ask({ clientSecrets: [credential('')] }));
  expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://v/i/credential' } });
  expect(hostile.count('/token')).toBe(0);
});

it.each([
  ['nothing', {}],
  ['a secret for private_key_jwt', { authentication: 'private_key_jwt', clientSecrets: [credential('x')] }],
  ['a key for Basic', { authentication: 'client_secret_basic', clientKey: credential('x') }],
] as const)('%s to authenticate with is misuse', async (_, request) => {
  const error = await failureOf(arrange().ask({ clientSecrets: undefined, ...request }));
  expect(error.code).toBe('usage');
});

it('opaque tokens are not read', async () => {
  hostile.handlers.set('/token', body({ access_token: 'opaque', token_type: 'Bearer', expires_in: '60' }));
  const token = await arrange().ask({ tokenFormat: 'opaque', audience: 'https://api.example' });
  expect(token.accessToken.reveal()).toBe('opaque');
  expect(hostile.count('/jwks')).toBe(0);
  hostile.handlers.set('/token', body({ access_token: 'opaque', token_type: 'Bearer' }));
  expect((await arrange().ask({ tokenFormat: 'opaque' })).expiresAt).toBeUndefined();
});

it.each(['a\r\nSet-Cookie: x', 'a b', 'a\u00e9', ''])('an opaque token %j is not given out', async (access_token) => {
  hostile.handlers.set('/token', body({ access_token, token_type: 'Bearer' }));
  expect((await failureOf(arrange().ask({ tokenFormat: 'opaque' }))).code).toBe('protocol');
});
