import type { JWTVerifyGetKey } from 'jose';
import { FlowError } from '../errors.ts';
import type { Transport } from '../issuers/transport.ts';
import { remoteKeys } from './keys.ts';

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  readonly transport: Transport;
  readonly now: () => number;
}

export interface IssuerKeys {
  /** the issuer as its discovery document writes it */
  readonly identifier: string;
  readonly find: JWTVerifyGetKey;
}

/** milliseconds that a failure is remembered, so that a flood of requests does not become one to the issuer */
const failureKept = 5000;

/** Where an issuer's keys are: as told, or by discovery when they are first needed, once however many wait. */
export function createIssuerKeys({ issuer, jwksUri, transport, now }: IssuerKeysOptions): () => Promise<IssuerKeys> {
  const guarded = (find: JWTVerifyGetKey): JWTVerifyGetKey => {
    let failed: { readonly error: unknown; readonly until: number } | undefined;
    return async (header, token) => {
      if (failed !== undefined && now() < failed.until) throw failed.error;
      try {
        return await find(header, token);
      } catch (error) {
        if (error instanceof FlowError) failed = { error, until: now() + failureKept };
        throw error;
      }
    };
  };
  const keysAt = (url: string, identifier: string): IssuerKeys => ({
    identifier,
    find: guarded(remoteKeys(url, transport)),
  });
  if (jwksUri !== undefined) {
    const told = Promise.resolve(keysAt(jwksUri, issuer));
    return () => told;
  }
  let found: Promise<IssuerKeys> | undefined;
  let forgetAt = Infinity;
  return () => {
    if (now() >= forgetAt) found = undefined;
    if (found === undefined) {
      forgetAt = Infinity;
      found = discover(issuer, transport).then(({ identifier, url }) => keysAt(url, identifier));
      found.catch(() => {
        forgetAt = now() + failureKept;
      });
    }
    return found;
  };
}

/** OpenID Connect's discovery document, or RFC 8414's where there is none. */
async function discover(issuer: string, transport: Transport): Promise<{ identifier: string; url: string }> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const oidc = `${origin}${path}/.well-known/openid-configuration`;
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`;
  const first = await transport.call(oidc, { headers: { accept: 'application/json' } });
  const response =
    first.status === 404 ? await transport.call(oauth, { headers: { accept: 'application/json' } }) : first;
  if (response.status !== 200) throw invalid(`cannot be had: the issuer answers ${response.status}`);
  const document: unknown = await response.json().catch(() => undefined);
  if (typeof document !== 'object' || document === null) throw invalid('is not JSON');
  const identifier = 'issuer' in document ? document.issuer : undefined;
  const url = 'jwks_uri' in document ? document.jwks_uri : undefined;
  if (typeof identifier !== 'string' || URL.parse(identifier)?.href !== new URL(issuer).href) {
    throw invalid('is for another issuer');
  }
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalid('names no key set');
  return { identifier, url };
}

function invalid(what: string): FlowError {
  return new FlowError('protocol', `the issuer's discovery document ${what}`, {
    hint: "check the issuer's url",
  });
}
