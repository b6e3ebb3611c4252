import { describe, expect, test } from 'vitest';
import { realmIn } from '../../../../src/adapters/identity/keycloak/realm.ts';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';
import type { Secret } from '../../../../src/foundation/secret.ts';
import { newOneTimePassword } from '../../../../src/foundation/totp.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';
import { identityProviderContract, newUser } from '../../../contracts/identity-provider.ts';
import { offered, startDouble } from './double.ts';

identityProviderContract('Keycloak, the laptop', startDouble);
identityCapabilitiesContract('Keycloak, the laptop', offered, startDouble);

describe('the realm', () => {
  test.each([
    ['https://login.example/realms/main', 'https://login.example/admin/realms/main/'],
    ['https://login.example/auth/realms/a%20b/', 'https://login.example/auth/admin/realms/a%20b/'],
    ['https://login.example/admin/realms/main', undefined],
    ['https://login.example/realms/main/protocol', undefined],
    ['https://login.example/', undefined],
    ['https://login.example/realms/main?x=1', undefined],
    ['realms/main', undefined],
  ])('%s has its API at %s', (url, admin) => {
    expect(realmIn(url)?.admin).toBe(admin);
  });
});

describe('a proof leaves no failure behind', () => {
  test('so that a wrong code right after it locks nobody', async () => {
    const { provider, code, close } = await startDouble();
    try {
      const given = newUser();
      const seed = await newOneTimePassword();
      const { id } = await provider.create({ ...given, oneTimePassword: { seed, label: 'flows one' } });
      const signIn = async (of: Secret) => {
        const page = await provider.proof?.begin({ username: given.userName, password: given.password });
        return page?.at === 'one-time-code' ? page.submit(of) : page;
      };
      const right = await code(seed);
      expect(await signIn(right)).toMatchObject({ at: 'signed-in' });
      expect(await signIn(right)).toMatchObject({ at: 'rejected', what: 'one-time-code' });
      expect(await provider.factors?.lockedUntil?.(id)).toBeUndefined();
    } finally {
      await close();
    }
  });
});

describe('trouble', () => {
  test.each<[string, object, string, ErrorCode]>([
    ['401', { status: 401, body: { error: 'HTTP 401 Unauthorized' } }, 'refuses the token', 'denied'],
    ['403', { status: 403, body: { error: 'HTTP 403 Forbidden' } }, 'does not allow this', 'denied'],
    ['429', { status: 429, headers: { 'Retry-After': '7' } }, 'asks for fewer requests', 'rate-limited'],
    ['500', { status: 500, body: '<html>' }, 'is in trouble', 'unavailable'],
    ['no JSON', { status: 200, body: '<html>' }, 'no list of users', 'protocol'],
    ['another shape', { status: 200, body: [{ id: 1 }] }, 'no list of users', 'protocol'],
    ['a redirect', { status: 302, headers: { Location: '/elsewhere' } }, 'redirect', 'refused'],
  ])('%s', async (_, fault, message, code) => {
    const { provider, idp, close } = await startDouble();
    try {
      // a token that is refused is asked for once more, and is the same
      idp.faults.nextDouble(fault);
      await expect(provider.find('ada')).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    } finally {
      await close();
    }
  });

  test('an answer that quotes what was sent is not repeated', async () => {
    const { provider, idp, token, close } = await startDouble();
    const given = newUser();
    const quoting = `Invalid password: ${given.password.reveal()} of ${token.reveal()}`;
    try {
      idp.faults.nextDouble({ status: 400, body: { error: 'invalidPasswordX', error_description: quoting } });
      const error = await provider.create(given).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid-value' });
      for (const canary of [given.password.reveal(), token.reveal()]) expect(String(error)).not.toContain(canary);
    } finally {
      await close();
    }
  });
});
