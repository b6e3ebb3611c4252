import { describe, expect, test } from 'vitest';
import { auth0 } from '../../../../src/adapters/identity/auth0/index.ts';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { newOneTimePassword } from '../../../../src/foundation/totp.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';
import { identityProviderContract, newUser } from '../../../contracts/identity-provider.ts';
import { eachWith, failedLookUp, quotedBack } from '../trouble.ts';
import { startDouble } from './double.ts';

identityProviderContract('Auth0, the laptop', startDouble);
identityCapabilitiesContract('Auth0, the laptop', auth0.offers, startDouble);

const withDouble = eachWith(startDouble);

const labelled = async () => ({ seed: await newOneTimePassword(), label: `flows ${crypto.randomUUID()}` });

describe('users', () => {
  test('are known by their email address, and none is made under another name', () =>
    withDouble(async ({ provider, idp }) => {
      const made = provider.create(newUser({ userName: 'ada' }));
      await expect(made).rejects.toMatchObject({ code: 'invalid-value', place: { subject: 'username' } });
      expect(idp.requests().doubles).toBe(0);
    }));

  test('of another connection with the same address are nobody', () =>
    withDouble(async ({ provider, idp }) => {
      const { userName: email } = newUser();
      const social = { user_id: 'google-oauth2|1', email, identities: [{ connection: 'google-oauth2' }] };
      idp.faults.nextDouble({ status: 200, body: [social] });
      expect(await provider.find(email)).toBeUndefined();
    }));

  test('whose answer was lost are found again by their mark', () =>
    withDouble(async ({ provider, idp }) => {
      const given = newUser();
      idp.faults.nextDouble({ lose: true }, 'POST');
      await expect(provider.create(given)).rejects.toMatchObject({ code: 'unavailable' });
      expect(await provider.find(given.userName)).toMatchObject({ mark: given.mark, active: true });
      expect(provider.traits.lookUpLag).toBeGreaterThan(0);
    }));
});

describe('a limit of requests', () => {
  test('of a user’s factors is waited for, no longer than it lasts', () =>
    withDouble(async ({ provider, waits }) => {
      const { id } = await provider.create(newUser());
      for (const _ of ['one', 'two']) await provider.factors?.importSeed?.(id, await labelled());
      expect(waits).toEqual([]);
      await provider.factors?.importSeed?.(id, await labelled());
      expect(waits).toHaveLength(1);
      expect(waits[0]).toBeLessThanOrEqual(61_000);
      expect(await provider.factors?.list(id)).toHaveLength(3);
    }));

  test('that ends later than in a minute is told, with how long', () =>
    withDouble(async ({ provider, idp, waits, now }) => {
      const reset = Math.ceil(now() / 1000) + 90;
      idp.faults.nextDouble({ status: 429, headers: { 'X-RateLimit-Reset': String(reset) } });
      const error = await provider.find('ada@example.com').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'rate-limited', message: expect.stringContaining('fewer requests') });
      expect((error as { retryAfter: number }).retryAfter).toBeGreaterThan(60);
      expect(waits).toEqual([]);
    }));
});

describe('a proof', () => {
  test('where the tenant asks for no code says so, although a factor is there', () =>
    withDouble(async ({ provider, idp }) => {
      const { password, ...given } = newUser();
      const { id } = await provider.create({ ...given, password });
      await provider.factors?.importSeed?.(id, await labelled());
      const begin = () => provider.proof?.begin({ username: given.userName, password });
      expect(await begin()).toMatchObject({ at: 'one-time-code' });
      idp.faults.askNoCode(true);
      expect(await begin()).toMatchObject({ at: 'signed-in', subject: id });
    }));

  test.each<[string, object, object]>([
    ['an account that the tenant protects', { status: 429, body: { error: 'too_many_attempts' } }, { at: 'rejected' }],
    ['too many sign-ins', { status: 429, body: { error: 'access_denied' } }, { code: 'rate-limited' }],
    ['a client that is unknown', { status: 401, body: { error: 'access_denied' } }, { code: 'denied' }],
    ['trouble', { status: 503, body: '<html>' }, { code: 'unavailable' }],
  ])('meets %s', (_, fault, outcome) =>
    withDouble(async ({ provider, idp }) => {
      const { userName: username, password, ...given } = newUser();
      await provider.create({ ...given, userName: username, password });
      idp.faults.nextDouble(fault, 'POST', '/oauth/token');
      const begun = provider.proof?.begin({ username, password }).catch((error: unknown) => error);
      expect(await begun).toMatchObject(outcome);
    }),
  );
});

describe('one-time passwords', () => {
  test('that Auth0 does not make are refused before anything is sent', () =>
    withDouble(async ({ provider, idp }) => {
      const { seed, label } = await labelled();
      const work = provider.factors?.importSeed?.('auth0|1', { seed: { ...seed, digits: 8 }, label });
      await expect(work).rejects.toMatchObject({ code: 'invalid-value' });
      expect(idp.requests().doubles).toBe(0);
    }));
});

describe('a client', () => {
  test('is let in by either secret for as long as the adapter says, and then by the new one alone', () =>
    withDouble(async ({ provider, orders, acceptsNow, accepts }) => {
      const next = new Secret(`secret-${crypto.randomUUID()}`);
      await provider.clientSecrets?.add('orders', next);
      expect([await acceptsNow(orders), await acceptsNow(next)]).toEqual([true, true]);
      expect([await accepts(orders), await accepts(next)]).toEqual([false, true]);
    }));

  test('whose secret the token may not see is refused, with the scope', () =>
    withDouble(async ({ provider, idp }) => {
      idp.faults.nextDouble({ status: 200, body: { client_id: 'orders' } });
      const listed = provider.clientSecrets?.list('orders');
      await expect(listed).rejects.toMatchObject({ code: 'denied', hint: expect.stringContaining('read:client_keys') });
    }));

  test('gets a key that a run had only stored, and no key that Auth0 cannot verify', () =>
    withDouble(async ({ provider, idp }) => {
      const { publicKey } = await crypto.subtle.generateKey(
        { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
        true,
        ['sign', 'verify'],
      );
      const key = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'next-key-1', alg: 'RS256' };
      idp.faults.nextDouble({ status: 503 }, 'PATCH');
      await expect(provider.clientKeys?.add('keyed', key)).rejects.toMatchObject({ code: 'unavailable' });
      expect(await provider.clientKeys?.list('keyed')).toHaveLength(1);
      const added = await provider.clientKeys?.add('keyed', key);
      expect(await provider.clientKeys?.list('keyed')).toContainEqual({ id: added?.id, kid: key.kid });
      const third = { ...key, kid: 'next-key-2' };
      await expect(provider.clientKeys?.add('keyed', third)).rejects.toMatchObject({ code: 'conflict' });
      await provider.clientKeys?.retire('keyed', added?.id ?? '');
      await expect(provider.clientKeys?.add('keyed', { ...third, alg: 'ES256' })).rejects.toMatchObject({
        code: 'invalid-value',
      });
      await expect(provider.clientKeys?.list('orders')).rejects.toMatchObject({ code: 'refused' });
    }));
});

describe('trouble', () => {
  test.each<[string, object, string, ErrorCode]>([
    ['401', { status: 401, body: { message: 'Invalid token' } }, 'refuses the token', 'denied'],
    [
      '403',
      { status: 403, body: { message: 'Insufficient scope, expected any of: read:users' } },
      'read:users',
      'denied',
    ],
    ['500', { status: 500, body: '<html>' }, 'is in trouble', 'unavailable'],
    ['no JSON', { status: 200, body: '<html>' }, 'no list of users', 'protocol'],
    ['another shape', { status: 200, body: [{ id: 1 }] }, 'no list of users', 'protocol'],
    ['a redirect', { status: 302, headers: { Location: '/elsewhere' } }, 'redirect', 'refused'],
  ])('%s', (_, fault, message, code) =>
    withDouble(async (started) => {
      const error = await failedLookUp(started, fault);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    }),
  );

  test('a taken name and a weak password are told in the tenant’s own words', () =>
    withDouble(async ({ provider }) => {
      const given = newUser();
      await provider.create(given);
      await expect(provider.create(given)).rejects.toThrow('The user already exists.');
      const weak = newUser({ password: new Secret('abcdefgh') });
      await expect(provider.create(weak)).rejects.toThrow('PasswordStrengthError: Password is too weak');
    }));

  test('an answer that quotes what was sent is not repeated', () =>
    withDouble(async (started) => {
      const { error, sent } = await quotedBack(started, (quote) => ({
        statusCode: 400,
        message: `PasswordStrengthError: ${quote}`,
      }));
      expect(error).toMatchObject({ code: 'invalid-value' });
      for (const canary of sent) expect(String(error)).not.toContain(canary);
    }));
});

test.each([
  ['https://acme.eu.auth0.com', 0],
  ['https://acme.eu.auth0.com/', 0],
  ['https://acme.eu.auth0.com/api/v2/', 1],
  ['https://acme.eu.auth0.com?x=1', 1],
])('the address %s has %i problems', (url, problems) => {
  expect(auth0.check?.({ url }, new Set(['token']))).toHaveLength(problems);
});

test('the setup names the scopes, and the audience of the token', () => {
  const told = auth0.setup?.('main', { url: 'https://acme.eu.auth0.com' }) ?? '';
  for (const each of ['https://acme.eu.auth0.com/api/v2/', 'create:users', 'read:client_keys'])
    expect(told).toContain(each);
});
