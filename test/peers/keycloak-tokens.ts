import { describe, expect, test } from 'vitest';
import type { ExchangeRequest, TokenRequest } from '../../src/adapters/issuers/contract.ts';
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

  const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
  const agentToken = async () =>
    (await issuer().clientCredentials(request({ clientId: 'agent-codex', audience: 'broker', scope: undefined })))
      .accessToken;

  describe('token exchange', () => {
    async function exchange(changes: Partial<ExchangeRequest> = {}) {
      const asked = request({ clientId: 'broker', audience: 'orders-api', scope: undefined });
      const subject = { token: await agentToken(), type: accessToken };
      const token = await issuer().exchange?.({ ...asked, subject, ...changes });
      if (token === undefined) throw new TypeError('not offered');
      const { claims } = await issuer().verify(token.accessToken, { audience: 'orders-api' });
      return { token, claims, warnings: asked.warnings };
    }

    test('gives a token about the agent to the broker, without `act`', async () => {
      const { claims: agent } = await issuer().verify(await agentToken(), { audience: 'broker' });
      const { token, claims } = await exchange();
      expect(claims).toMatchObject({ azp: 'broker', sub: agent['sub'] });
      expect(token).toMatchObject({ issuedTokenType: accessToken, act: undefined, jti: claims['jti'] });
    });

    test('ignores an actor token, which is told', async () => {
      const actor = { token: await agentToken(), type: accessToken };
      const { warnings } = await exchange({ actor });
      expect(warnings).toContainEqual(expect.stringContaining('did not use the actor token'));
    });

    test.each([
      ['an audience that is no client', { audience }, 'does not know the audience'],
      ['a client that the broker has no part in', { audience: 'agent-codex' }, 'refused the token request'],
      ['a subject that is not for the client', { clientId: 'orders' }, ''],
    ])('is denied for %s', async (_, changes, message) => {
      const error = await exchange(changes).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'denied', message: expect.stringContaining(message) });
    });
  });

  test('a token that is revoked is not active any more, twice as once, and by its own client alone', async () => {
    const token = await agentToken();
    const active = async () => {
      const body = new URLSearchParams({
        token: token.reveal(),
        client_id: 'broker',
        client_secret: realm().clientSecret,
      });
      const address = `${realm().issuer}/protocol/openid-connect/token/introspect`;
      const answer: unknown = await (await fetch(address, { method: 'POST', body })).json();
      return (answer as { active: boolean }).active;
    };
    const revoke = (clientId: string) => issuer().revoke?.({ ...request({ clientId }), token }) ?? Promise.reject();
    expect(await active()).toBe(true);
    expect(await codeOf(revoke('orders'))).toBe('denied');
    expect(await active()).toBe(true);
    for (const _ of [1, 2]) await revoke('agent-codex');
    expect(await active()).toBe(false);
  });
}
