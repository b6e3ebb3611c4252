import { type ErrorCode, FlowError } from '../foundation/errors.ts';
import { createMemory } from '../foundation/expiring-memory.ts';
import type { Call } from '../foundation/http.ts';
import { quoted } from '../foundation/quoted.ts';
import { createKeySet, type KeySet, rememberedFailures, staleByDefault } from './key-set.ts';

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  /** which discovery document: OpenID Connect's, RFC 8414's, or the one at this address; default whichever there is */
  readonly document?: string | undefined;
  /** the document may be another issuer's */
  readonly anyIssuer?: boolean | undefined;
  readonly call: Call;
  /** milliseconds of a clock that nobody sets */
  readonly monotonic: () => number;
  /** see KeySetOptions */
  readonly staleFor?: number | undefined;
}

export interface IssuerKeys {
  /** the issuer as its discovery document writes it */
  readonly identifier: string;
  readonly keys: KeySet;
}

/** milliseconds after which discovery is done again: the keys may have moved */
const keptFor = 3_600_000;

/**
 * Where an issuer's keys are: as told, or by discovery when they are first needed, once however many wait, and again
 * after an hour.
 */
export function createIssuerKeys(options: IssuerKeysOptions): () => Promise<IssuerKeys> {
  const { issuer, jwksUri, call, monotonic, staleFor = staleByDefault } = options;
  let known: (IssuerKeys & { readonly url: string }) | undefined;
  /** keys that have not moved need not be fetched again */
  const keysAt = (url: string, identifier: string): IssuerKeys => {
    const keys = known?.url === url ? known.keys : createKeySet({ url, call, monotonic, staleFor });
    known = { identifier, keys, url };
    return known;
  };
  if (jwksUri !== undefined) {
    const told = Promise.resolve(keysAt(jwksUri, issuer));
    return () => told;
  }
  const found = createMemory<IssuerKeys>({ clock: { monotonic }, capacity: 1, failures: rememberedFailures });
  const find = async () => {
    const { identifier, url } = await discover(options);
    return keysAt(url, identifier);
  };
  const lifeOf = () => {
    const fresh = monotonic() + keptFor;
    return { fresh, ends: fresh + staleFor };
  };
  return () => found.get(issuer, find, lifeOf);
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
