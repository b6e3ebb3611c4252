import { describe, expect, test } from 'vitest';
import { okta } from '../../../../src/adapters/identity/okta/index.ts';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';
import { identityProviderContract, newUser } from '../../../contracts/identity-provider.ts';
import { eachWith, failedLookUp, quotedBack } from '../trouble.ts';
import { startDouble } from './double.ts';

identityProviderContract('Okta, the laptop', startDouble);
identityCapabilitiesContract('Okta, the laptop', okta.offers, startDouble);

const withDouble = eachWith(startDouble);

const id = '00uaaaaaaaaaaaaaaaaa';
const orgUser = (login: string, changes: object = {}) => ({ id, status: 'ACTIVE', profile: { login }, ...changes });
const validation = (...causes: readonly string[]) => ({
  errorCode: 'E0000001',
  errorSummary: 'Api validation failed: login',
  errorCauses: causes.map((errorSummary) => ({ errorSummary })),
});

describe('users', () => {
  test('are given when they are active, which is later than the answer that made them', () =>
    withDouble(async ({ provider, idp, waits }) => {
      const { userName, ...given } = newUser();
      const staged = orgUser(userName, { status: 'STAGED', transitioningToStatus: 'ACTIVE' });
      idp.faults.nextDouble({ status: 200, body: staged }, 'POST');
      idp.faults.nextDouble({ status: 200, body: staged }, 'GET');
      idp.faults.nextDouble({ status: 200, body: orgUser(userName) }, 'GET');
      expect(await provider.create({ ...given, userName })).toMatchObject({ id, active: true });
      expect(waits).toEqual([250, 250]);
    }));

  test('that stay half made are given as they are, after a while', () =>
    withDouble(async ({ provider, idp, waits }) => {
      const { userName } = newUser();
      const body = orgUser(userName, { status: 'STAGED', transitioningToStatus: 'ACTIVE' });
      for (let count = 0; count < 100; count += 1) idp.faults.nextDouble({ status: 200, body }, 'GET');
      expect(await provider.find(userName)).toMatchObject({ active: true });
      expect(waits.length).toBeLessThanOrEqual(80);
    }));

  test('whose answer was lost are found again by their mark', () =>
    withDouble(async ({ provider, idp }) => {
      const given = newUser();
      idp.faults.nextDouble({ lose: true }, 'POST');
      await expect(provider.create(given)).rejects.toMatchObject({ code: 'unavailable' });
      expect(await provider.find(given.userName)).toMatchObject({ mark: given.mark, active: true });
    }));

  test('by another name than their login are nobody: whose the token is, and a short name', () =>
    withDouble(async ({ provider, idp }) => {
      for (const name of ['me', 'ada']) {
        idp.faults.nextDouble({ status: 200, body: orgUser('ada@example.com') });
        expect(await provider.find(name)).toBeUndefined();
      }
      const before = idp.requests().doubles;
      for (const name of ['me', 'ada@example.com']) {
        expect(await provider.get(name)).toBeUndefined();
        await expect(provider.setPassword?.(name, new Secret('correct horse'))).rejects.toMatchObject({
          code: 'not-found',
        });
      }
      expect(idp.requests().doubles).toBe(before);
    }));

  test('that are locked are told as such, not proved, and not suspended', () =>
    withDouble(async ({ provider, idp }) => {
      const { userName, password } = newUser();
      const locked = () =>
        idp.faults.nextDouble({ status: 200, body: orgUser(userName, { status: 'LOCKED_OUT' }) }, 'GET');
      locked();
      expect(await provider.find(userName)).toMatchObject({ active: true, locked: true });
      locked();
      expect(await provider.proof?.begin({ username: userName, password })).toEqual({
        at: 'rejected',
        what: 'account',
      });
      locked();
      await expect(provider.disable(id)).rejects.toMatchObject({
        code: 'refused',
        hint: expect.stringContaining('LOCKED_OUT'),
      });
    }));

  test('are made in the group that a role is for', async () => {
    const sent: unknown[] = [];
    const given = newUser();
    const answered: typeof fetch = async (_, init) => {
      sent.push(await new Response(init?.body ?? null).json());
      return Response.json(orgUser(given.userName));
    };
    await withDouble(({ provider }) => provider.create(given).then(() => undefined), {
      group: '00g1',
      fetch: answered,
    });
    expect(sent).toMatchObject([{ groupIds: ['00g1'] }]);
  });
});

describe('the token', () => {
  test.each([
    ['SSWS', 'SSWS', undefined],
    ['Bearer', undefined, undefined],
    ['of another scheme', 'Basic', 'denied'],
  ])('%s', (_, scheme, code) =>
    withDouble(
      async ({ provider }) => {
        const found = await provider.find('ada@example.com').catch((error: unknown) => error);
        expect((found as { code?: ErrorCode } | undefined)?.code).toBe(code);
      },
      { scheme },
    ),
  );
});

describe('a limit of requests', () => {
  test('of activations that ends later than in a minute is told, with how long', () =>
    withDouble(async ({ provider, waits }) => {
      const { id: user } = await provider.create(newUser());
      const begun = await provider.factors?.begin?.(user, { username: '', password: new Secret('') });
      const before = waits.length;
      for (let count = 0; count < 5; count += 1) expect(await begun?.confirm(new Secret('x'))).toBe(false);
      const error = await begun?.confirm(new Secret('x')).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'rate-limited', message: expect.stringContaining('rate limit') });
      expect((error as { retryAfter: number }).retryAfter).toBeGreaterThan(60);
      expect(waits).toHaveLength(before);
    }));

  test('that ends within one is waited for', () =>
    withDouble(async ({ provider, idp, waits, now }) => {
      const reset = Math.ceil(now() / 1000) + 20;
      idp.faults.nextDouble({ status: 429, headers: { 'X-Rate-Limit-Reset': String(reset) } });
      expect(await provider.find('ada@example.com')).toBeUndefined();
      expect(waits).toHaveLength(1);
    }));
});

describe('a client', () => {
  test('whose former secret a run had only deactivated gets another', () =>
    withDouble(async ({ provider, idp, orders, accepts }) => {
      const secrets = provider.clientSecrets;
      if (secrets === undefined) throw new TypeError('has none');
      const next = () => new Secret(`secret-${crypto.randomUUID()}`);
      await secrets.add('orders', next());
      const [, former] = await secrets.list('orders');
      idp.faults.nextDouble({ status: 503 }, 'DELETE');
      await expect(secrets.retire('orders', former?.id ?? '')).rejects.toMatchObject({ code: 'unavailable' });
      expect(await accepts(orders)).toBe(false);
      expect(await secrets.list('orders')).toHaveLength(1);
      const third = next();
      await secrets.add('orders', third);
      expect(await accepts(third)).toBe(true);
      await expect(secrets.add('orders', next())).rejects.toMatchObject({ code: 'conflict' });
    }));
});

describe('trouble', () => {
  test.each<[string, object, string, ErrorCode]>([
    [
      '401',
      { status: 401, body: { errorCode: 'E0000011', errorSummary: 'Invalid token provided' } },
      'token',
      'denied',
    ],
    [
      '403',
      { status: 403, body: { errorCode: 'E0000006', errorSummary: 'You do not have permission' } },
      'permission',
      'denied',
    ],
    ['500', { status: 500, body: '<html>' }, 'is in trouble', 'unavailable'],
    ['no JSON', { status: 200, body: '<html>' }, 'no user', 'protocol'],
    ['another shape', { status: 200, body: { id: 1 } }, 'no user', 'protocol'],
  ])('%s', (_, fault, message, code) =>
    withDouble(async (started) => {
      const error = await failedLookUp(started, fault);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    }),
  );

  test.each<[string, readonly string[], ErrorCode, string | undefined]>([
    [
      'a taken name',
      ['login: An object with this field already exists in the current organization'],
      'conflict',
      undefined,
    ],
    ['a weak password', ['password: Password requirements were not met.'], 'invalid-value', 'password'],
    ['an attribute that its profile has not', ['flowsOwner: not allowed'], 'invalid-value', 'flowsOwner'],
  ])('of one code is told by its causes, in the words of the org: %s', (_, causes, code, subject) =>
    withDouble(async ({ provider, idp }) => {
      // the org tells of a user that the token may not see, too
      idp.faults.nextDouble({ status: 400, body: validation(...causes) }, 'POST');
      const given = newUser({ password: new Secret('0123456789abcdef') });
      const error = await provider.create(given).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringContaining(causes[0] ?? '') });
      expect((error as { place: { subject?: string } }).place.subject).toBe(subject);
    }),
  );

  test('at the confirmation of a seed is no wrong code', () =>
    withDouble(async ({ provider, idp }) => {
      const { id: user } = await provider.create(newUser());
      const begun = await provider.factors?.begin?.(user, { username: '', password: new Secret('') });
      idp.faults.nextDouble({ status: 403, body: { errorCode: 'E0000006', errorSummary: 'No permission' } }, 'POST');
      await expect(begun?.confirm(new Secret('123456'))).rejects.toMatchObject({ code: 'denied' });
    }));

  test('that quotes what was sent is not repeated', () =>
    withDouble(async (started) => {
      const { error, sent } = await quotedBack(started, (quote) => validation(`password: ${quote}`));
      expect(error).toMatchObject({ code: 'invalid-value' });
      for (const canary of sent) expect(String(error)).not.toContain(canary);
    }));
});

test.each([
  ['https://acme.okta.com', 0],
  ['https://acme.okta.com/', 0],
  ['https://acme.okta.com/api/v1', 1],
  ['https://acme.okta.com/oauth2/default', 1],
  ['https://acme.okta.com?x=1', 1],
])('the address %s has %i problems', (url, problems) => {
  expect(okta.check?.({ url }, new Set(['token']))).toHaveLength(problems);
});

test('the setup names scopes, the group of the role, and the attribute of the mark', () => {
  const settings = { url: 'https://acme.okta.com', group: '00g1' };
  const told = okta.setup?.('main', settings) ?? '';
  expect(told).toMatch(/^# identity provider main: [^\n]*acme\.okta\.com/);
  for (const each of ['okta.users.manage', '00g1', 'okta.apps.manage', 'flowsOwner']) expect(told).toContain(each);
});
