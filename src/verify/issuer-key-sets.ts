import { FlowError } from '../foundation/errors.ts';
import type { Call } from '../foundation/http.ts';
import { createKeySet, type KeySet } from './key-set.ts';

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  readonly call: Call;
  /** epoch milliseconds */
  readonly now: () => number;
  /** see KeySetOptions */
  readonly staleFor?: number | undefined;
}

export interface IssuerKeys {
  /** the issuer as its discovery document writes it */
  readonly identifier: string;
  readonly keys: KeySet;
}

/** milliseconds that a failure is remembered, so that a flood of requests does not become one to the issuer */
const failureKept = 5000;

/** Where an issuer's keys are: as told, or by discovery when they are first needed, once however many wait. */
export function createIssuerKeys({
  issuer,
  jwksUri,
  call,
  now,
  staleFor,
}: IssuerKeysOptions): () => Promise<IssuerKeys> {
  const keysAt = (url: string, identifier: string): IssuerKeys => ({
    identifier,
    keys: createKeySet({ url, call, now, staleFor }),
  });
  let found = jwksUri === undefined ? undefined : Promise.resolve(keysAt(jwksUri, issuer));
  let forgetAt = Infinity;
  return () => {
    if (now() >= forgetAt) found = undefined;
    if (found === undefined) {
      forgetAt = Infinity;
      found = discover(issuer, call).then(({ identifier, url }) => keysAt(url, identifier));
      found.catch(() => {
        forgetAt = now() + failureKept;
      });
    }
    return found;
  };
}

/** OpenID Connect's discovery document, or RFC 8414's where there is none. */
async function discover(issuer: string, call: Call): Promise<{ identifier: string; url: string }> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const ask = (url: string) => call(url, { headers: { accept: 'application/json' } });
  const first = await ask(`${origin}${path}/.well-known/openid-configuration`);
  const response = first.status === 404 ? await ask(`${origin}/.well-known/oauth-authorization-server${path}`) : first;
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
  return new FlowError('protocol', `the issuer's discovery document ${what}`, { hint: "check the issuer's url" });
}
