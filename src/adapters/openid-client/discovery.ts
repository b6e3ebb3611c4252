import type { ServerMetadata } from 'openid-client';
import { awake, systemClock } from '../../foundation/clocks.ts';
import { FlowError } from '../../foundation/errors.ts';
import { quoted } from '../../foundation/quoted.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import { type Call, retryAfterOf } from '../../foundation/http.ts';
import { unlessAborted } from '../../foundation/unless-aborted.ts';

/** What is known of an issuer (RFC 8414): told by its discovery document, or by service.yaml. */
export type Metadata = ServerMetadata;

export interface DiscoveryOptions {
  /** the issuer identifier */
  readonly url: string;
  /** which document it has, or that document's address */
  readonly document: string;
  /** told by the user, and so not looked for */
  readonly given?: Given | undefined;
  /** the document may name another issuer: the user says which tokens are to be taken */
  readonly anyIssuer?: boolean | undefined;
  readonly call: Call;
  readonly now: () => number;
}

interface Given {
  readonly token_endpoint?: string | undefined;
  readonly jwks_uri?: string | undefined;
  readonly revocation_endpoint?: string | undefined;
}

/** What of the metadata is needed now; the document is asked for where one of them is not given. */
export type Need = keyof Given | 'authorization_endpoint';

export type Discover = (needs?: readonly Need[], signal?: AbortSignal) => Promise<Metadata>;

/** milliseconds after which the document is asked for again; the old one serves where that fails */
const keptFor = 3_600_000;

/**
 * Asks for the discovery document when it is first needed, once however many callers wait. A failure is not kept: the
 * next call asks again.
 */
export function createDiscovery(options: DiscoveryOptions): Discover {
  const { url } = options;
  const given = Object.fromEntries(Object.entries(options.given ?? {}).filter(([, value]) => value !== undefined));
  const clock = awake({ now: options.now, monotonic: systemClock.monotonic });
  const documents = createMemory<Metadata>({ clock, capacity: 1 });
  const ask = async () => ({ ...(await fetchMetadata(options)), ...given });
  // asked again by the call after one that failed, the document of an hour ago is better than none
  const lifeOf = () => ({ fresh: clock.monotonic() + keptFor, ends: Infinity });

  async function found(signal: AbortSignal | undefined): Promise<Metadata> {
    const known = documents.peek(url);
    if (known !== undefined) return known.value;
    const running = documents.get(url, ask, lifeOf);
    // one caller that goes away must not end the call for the others
    const stopped = () => new FlowError('aborted', 'stopped before the issuer answered');
    return signal === undefined ? running : unlessAborted(running, signal, stopped);
  }

  return async (needs = ['token_endpoint'], signal) => {
    if (needs.every((need) => need in given)) return { issuer: url, ...given };
    const metadata = await found(signal);
    const hint = 'write `token-endpoint` with the issuer in service.yaml';
    for (const need of needs) {
      const address = metadata[need];
      if (typeof address !== 'string') {
        if (need !== 'token_endpoint') continue;
        throw new FlowError('protocol', "the issuer's discovery document names no token endpoint", { hint });
      }
      if (URL.canParse(address)) continue;
      const told = `the ${need} of the issuer's discovery document is no whole address: ${quoted(address)}`;
      throw new FlowError('protocol', told, {
        hint: need === 'token_endpoint' ? hint : 'have its document name an https address, with its host',
      });
    }
    return metadata;
  };
}

/** Where the document is: as OpenID Connect Discovery, section 4, and RFC 8414, section 3, have it, or as written. */
function addressOf({ url, document }: Pick<DiscoveryOptions, 'url' | 'document'>): string {
  if (document !== 'oidc' && document !== 'oauth2') return document;
  if (url.includes('/.well-known/')) {
    throw new FlowError('invalid', "an issuer's url is its identifier, not the address of its discovery document", {
      hint: 'leave out /.well-known/ and what follows',
    });
  }
  const address = new URL(url);
  const path = address.pathname.replace(/\/$/, '');
  address.pathname =
    document === 'oidc' ? `${path}/.well-known/openid-configuration` : `/.well-known/oauth-authorization-server${path}`;
  return address.href;
}

async function fetchMetadata({ call, now, ...options }: DiscoveryOptions): Promise<Metadata> {
  const response = await call(addressOf(options), { headers: { accept: 'application/json' } });
  if (response.status !== 200) throw unusable(response, now());
  const document: unknown = await response.json().catch(() => undefined);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new FlowError('protocol', "the issuer's discovery document is no JSON object", {
      hint: "check the issuer's url and its discovery document",
    });
  }
  const issuer = 'issuer' in document ? document.issuer : undefined;
  const same = typeof issuer === 'string' && URL.parse(issuer)?.href === URL.parse(options.url)?.href;
  if (typeof issuer !== 'string' || !URL.canParse(issuer) || (!same && options.anyIssuer !== true)) {
    throw new FlowError('protocol', `the issuer's discovery document is for another issuer: ${quoted(issuer)}`, {
      hint: `write the issuer's url exactly as its discovery document has it, or, where its tokens have another \`iss\`, \`token-issuer\`; wanted is ${quoted(options.url)}`,
    });
  }
  return { ...document, issuer };
}

function unusable(response: Response, now: number): FlowError {
  const { status } = response;
  const retryAfter = retryAfterOf(response.headers.get('retry-after'), now);
  const code = status === 429 ? 'rate-limited' : status >= 500 ? 'unavailable' : 'protocol';
  return new FlowError(code, `the issuer's discovery document cannot be had: it answers ${status}`, {
    hint:
      code === 'protocol'
        ? "check the issuer's url, and `discovery`: oauth2 where it does not speak OpenID Connect, or the document's address; with `token-endpoint` and `jwks-uri` none is needed"
        : 'try again later',
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}
