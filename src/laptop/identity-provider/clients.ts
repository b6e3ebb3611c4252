import { randomBytes } from 'node:crypto';
import { Provider, type AllClientMetadata, type ClientMetadata } from 'oidc-provider';
import { Secret } from '../../foundation/secret.ts';
import { exchangeGrant } from './token-exchange.ts';
import type { LiveSecrets } from './live-secrets.ts';
import type { ClientSeed } from './options.ts';

/** The client that the provider's own page signs in with. */
export const accountClientId = 'account';

export function accountClient(issuer: string): ClientMetadata {
  return {
    client_id: accountClientId,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['none'],
    redirect_uris: [`${issuer}/`],
    post_logout_redirect_uris: [`${issuer}/`],
    application_type: 'native',
    scope: 'openid',
  };
}

/** A seed as oidc-provider's client metadata. */
export function clientMetadata(seed: ClientSeed): ClientMetadata {
  const redirectUris = seed.redirectUris ?? [];
  const signsIn = redirectUris.length > 0;
  const confidential = seed.publicKey !== undefined || (seed.secrets ?? []).length > 0;
  if (!signsIn && !confidential) {
    throw new TypeError(`client ${JSON.stringify(seed.clientId)} has no secret, key or redirect URI`);
  }
  const metadata: AllClientMetadata & { client_id: string } = {
    client_id: seed.clientId,
    grant_types: [
      ...(confidential ? ['client_credentials', exchangeGrant] : []),
      ...(signsIn ? ['authorization_code'] : []),
    ],
    response_types: signsIn ? ['code'] : [],
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...redirectUris],
    application_type: redirectUris.every((uri) => uri.startsWith('https:')) ? 'web' : 'native',
    token_endpoint_auth_method: confidential ? 'client_secret_post' : 'none',
    // never accepted: the live secrets are compared by acceptLiveSecrets
    ...(confidential ? { client_secret: randomBytes(32).toString('base64url') } : {}),
    ...(seed.publicKey === undefined ? {} : { jwks: { keys: [{ ...publicPart(seed.publicKey) }] } }),
    ...(seed.scopes === undefined ? {} : { scope: [...new Set(['openid', ...seed.scopes])].join(' ') }),
  };
  return metadata;
}

/**
 * Lets a client have two live secrets, and a key besides. oidc-provider knows one secret and one method for a client;
 * its documented place to change the comparison is the Client model of a provider.
 */
export function acceptLiveSecrets(
  provider: Provider,
  seeds: ReadonlyMap<string, ClientSeed>,
  secrets: LiveSecrets,
): void {
  const prototype: object = provider.Client.prototype;
  Object.defineProperty(prototype, 'compareClientSecret', {
    value(this: { clientId: string }, actual: string): boolean {
      const given = new Secret(actual);
      const live = secrets.of(this.clientId) ?? [];
      return live.map(({ value }) => value.equals(given)).includes(true);
    },
  });
  Object.defineProperty(prototype, 'clientAuthMethod', {
    get(this: { clientId: string; tokenEndpointAuthMethod?: string }): string | undefined {
      const asserted = Provider.ctx?.oidc.params?.['client_assertion'] !== undefined;
      const keyed = seeds.get(this.clientId)?.publicKey !== undefined;
      return asserted && keyed ? 'private_key_jwt' : this.tokenEndpointAuthMethod;
    },
  });
}

function publicPart(key: NonNullable<ClientSeed['publicKey']>): object {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...rest } = key;
  return rest;
}
