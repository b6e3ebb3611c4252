import { describe, expect, test } from 'vitest';
import type { TokenRequest } from '../../src/adapters/issuers/contract.ts';
import { createIssuer } from '../../src/adapters/issuers/openid/issuer.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createVerifier } from '../../src/verify.ts';
import { codeOf } from './keycloak.ts';
import { audience, type Realm } from './keycloak-realm.ts';

const credential = (label: string, value: string) => ({ label, read: async () => new Secret(value) });

/** The issuer adapter, and the verifier for APIs, at a real Keycloak. */
export function keycloakTokens(realm: () => Realm): void {
  function request(changes: Partial<TokenRequest> = {}): TokenRequest & { readonly warnings: string[] } {
    const warnings: string[] = [];
    return {
      clientId: 'orders',
      ...(changes.clientKey === undefined ? { clientSecrets: [credential('op://a/b/c', realm().clientSecret)] } : {}),
      audience,
      scope: ['orders:read'],
      tokenFormat: 'jwt',
      warn: (message) => void warnings.push(message),
      ...changes,
      warnings,
    };
  }

  const issuer = () => createIssuer({ name: 'main', url: realm().issuer, development: true });
  describe('tokens', () => {
    test.each([
      { how: 'a secret in the body', changes: { authentication: 'client_secret_post' as const } },
      { how: 'a secret by Basic', changes: { authentication: 'client_secret_basic' as const } },
      { how: 'what the issuer lists', changes: {} },
      { how: 'full scope, and so a list of audiences', changes: { clientId: 'orders-full-scope' } },
      { how: 'the profile of RFC 9068 and ES256', changes: { clientId: 'orders-rfc9068' } },
    ])('with $how', async ({ changes }) => {
      const asked = request(changes);
      const token = await issuer().clientCredentials(asked);
      expect(token.tokenType).toBe('Bearer');
      expect(token.scope?.split(' ')).toContain('orders:read');
      expect((token.expiresAt ?? 0) - Date.now() / 1000).toBeGreaterThan(200);
      const { claims } = await issuer().verify(token.accessToken, { audience });
      expect(claims).toMatchObject({ iss: realm().issuer, azp: asked.clientId });
      const verifier = createVerifier({ issuer: realm().issuer, audience, requiredScopes: ['orders:read'] });
      expect((await verifier.verify(token.accessToken.reveal())).claims['azp']).toBe(asked.clientId);
    });

    test('with a private key, twice', async () => {
      const clientKey = credential('op://a/b/key', realm().clientKey);
      const own = issuer();
      // an assertion is accepted once: each request has its own
      for (const _ of [1, 2]) {
        const token = await own.clientCredentials(request({ clientId: 'orders-key', clientKey }));
        expect((await own.verify(token.accessToken, { audience })).claims['azp']).toBe('orders-key');
      }
    });

    test('with the second of two secrets, and a warning that names the first', async () => {
      const clientSecrets = [credential('op://a/b/new', 'not yet'), credential('op://a/b/old', realm().clientSecret)];
      const asked = request({ clientSecrets });
      await issuer().clientCredentials(asked);
      // beside it one for `profile email`, which Keycloak gives to every client by default
      expect(asked.warnings).toContainEqual(
        expect.stringMatching('op://a/b/new was refused, op://a/b/old was accepted'),
      );
    });

    test.each([
      { what: 'a wrong secret', changes: { clientSecrets: [credential('op://a/b/c', 'wrong')] }, is: 'denied' },
      { what: 'an unknown client', changes: { clientId: 'nobody' }, is: 'denied' },
      { what: 'a disabled client', changes: { clientId: 'disabled' }, is: 'denied' },
      { what: 'a client without the grant', changes: { clientId: 'no-grant' }, is: 'denied' },
      { what: 'an unknown scope', changes: { scope: ['orders:write'] }, is: 'denied' },
      // Keycloak ignores what it is asked for: only the token tells
      { what: 'an audience that no mapper adds', changes: { clientId: 'no-audience' }, is: 'protocol' },
      { what: 'another audience than it has', changes: { audience: 'https://else.example' }, is: 'protocol' },
      { what: 'a claim that it lacks', changes: { requireClaims: { owner: 'ada' } }, is: 'protocol' },
    ])('$what is $is', async ({ changes, is }) => {
      expect(await codeOf(issuer().clientCredentials(request(changes)))).toBe(is);
    });

    test('of an unknown realm are protocol', async () => {
      const unknown = createIssuer({ name: 'main', url: `${realm().issuer}-not`, development: true });
      expect(await codeOf(unknown.clientCredentials(request()))).toBe('protocol');
    });
  });
}
