import { type ErrorCode, FlowError } from '../foundation/errors.ts';
import type { Call } from '../foundation/http.ts';
import { quoted } from '../foundation/quoted.ts';
import { createKeySet, type KeySet } from './key-set.ts';

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  /** which discovery document: OpenID Connect's, RFC 8414's, or the one at this address; default whichever there is */
  readonly document?: string | undefined;
  /** the document may be another issuer's */
  readonly anyIssuer?: boolean | undefined;
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
export function createIssuerKeys(options: IssuerKeysOptions): () => Promise<IssuerKeys> {
  const { issuer, jwksUri, call, now, staleFor } = options;
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
      found = discover(options).then(({ identifier, url }) => keysAt(url, identifier));
      found.catch(() => {
        forgetAt = now() + failureKept;
      });
    }
    return found;
  };
}

/** The document that is wanted; else OpenID Connect's, or RFC 8414's where there is none. */
async function discover({ issuer, call, document: wanted, anyIssuer }: IssuerKeysOptions) {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const known = new Map([
    ['oidc', `${origin}${path}/.well-known/openid-configuration`],
    ['oauth2', `${origin}/.well-known/oauth-authorization-server${path}`],
  ]);
  const ask = (kind: string) => call(known.get(kind) ?? kind, { headers: { accept: 'application/json' } });
  const first = await ask(wanted ?? 'oidc');
  const response = first.status === 404 && wanted === undefined ? await ask('oauth2') : first;
  if (response.status !== 200) {
    const passing = response.status >= 500 || response.status === 429;
    throw invalid(`cannot be had: the issuer answers ${response.status}`, passing ? 'unavailable' : 'protocol');
  }
  const document: unknown = await response.json().catch(() => undefined);
  if (typeof document !== 'object' || document === null) throw invalid('is not JSON');
  const identifier = 'issuer' in document ? document.issuer : undefined;
  const url = 'jwks_uri' in document ? document.jwks_uri : undefined;
  const same = typeof identifier === 'string' && URL.parse(identifier)?.href === new URL(issuer).href;
  if (typeof identifier !== 'string' || (!same && anyIssuer !== true)) {
    throw invalid(`is for another issuer: ${quoted(identifier)}, wanted ${quoted(issuer)}`);
  }
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalid('names no key set');
  return { identifier, url };
}

function invalid(what: string, code: ErrorCode = 'protocol'): FlowError {
  return new FlowError(code, `the issuer's discovery document ${what}`, { hint: "check the issuer's url" });
}
