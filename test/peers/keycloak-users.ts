import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { IdentityProvider, NewUser } from '../../src/adapters/identity/contract.ts';
import { createScimProvider } from '../../src/adapters/identity/scim/provider.ts';
import { createIssuer } from '../../src/adapters/issuers/openid/issuer.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codeOf } from './keycloak.ts';
import type { Realm } from './keycloak-realm.ts';

/** The SCIM adapter at Keycloak's own SCIM API, a preview: it drops the password that a user is made with. */
export function keycloakUsers(realm: () => Realm): void {
  const provider = (client = 'provisioning'): IdentityProvider =>
    createScimProvider({ name: 'main', url: realm().scimUrl, development: true, token: () => bearer(client) });

  async function bearer(clientId: string): Promise<Secret> {
    const issuer = createIssuer({ name: 'main', url: realm().issuer, development: true });
    const { accessToken } = await issuer.clientCredentials({
      clientId,
      clientSecrets: [{ label: 'secret', read: async () => new Secret(realm().clientSecret) }],
      tokenFormat: 'jwt',
      warn: () => undefined,
    });
    return accessToken;
  }

  describe('users by SCIM', () => {
    test('are made, found with their mark, and disabled', async () => {
      const own = provider();
      const given = somebody();
      expect(await own.find(given.userName)).toBeUndefined();
      const made = await own.create(given);
      expect(made).toMatchObject({ userName: given.userName, mark: given.mark, active: true });
      expect(await own.find(given.userName.toUpperCase())).toEqual(made);
      expect(await own.get(made.id)).toEqual(made);
      await own.disable(made.id);
      await own.disable(made.id);
      expect(await own.get(made.id)).toEqual({ ...made, active: false });
    });

    test('are not made twice, whatever the case of the name', async () => {
      const own = provider();
      const given = somebody();
      await own.create(given);
      expect(await codeOf(own.create(given))).toBe('conflict');
      expect(await codeOf(own.create({ ...given, userName: given.userName.toUpperCase() }))).toBe('conflict');
    });

    test('of several at once one is made', async () => {
      const own = provider();
      const given = somebody();
      const codes = await Promise.all([1, 2, 3, 4].map(() => codeOf(own.create(given))));
      expect(codes.filter((code) => code === undefined)).toHaveLength(1);
      expect(codes.filter((code) => code === 'conflict')).toHaveLength(3);
    });

    test.each(['a"b', 'x" or userName sw "', 'per%cent+plus', 'back\\slash'])(
      'named %s are looked for exactly',
      async (name) => {
        expect(await provider().find(name)).toBeUndefined();
      },
    );

    test('that do not exist are not found', async () => {
      const own = provider();
      expect(await own.get('none')).toBeUndefined();
      expect(await codeOf(own.disable('none'))).toBe('not-found');
    });

    test.each(['orders', 'no-audience'])('are denied to the client %s', async (client) => {
      expect(await codeOf(provider(client).find('anybody'))).toBe('denied');
    });
  });
}

function somebody(): NewUser {
  const userName = `scim-${randomBytes(6).toString('hex')}@example.com`;
  return {
    userName,
    email: userName,
    givenName: 'Ada',
    familyName: "O'Brien-Ünal",
    password: new Secret(randomBytes(24).toString('base64url')),
    mark: `mark-${randomBytes(32).toString('base64url')}`,
  };
}
