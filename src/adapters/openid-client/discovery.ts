import type { ServerMetadata } from 'openid-client';
import { awake, systemClock } from '../../foundation/clocks.ts';
import { FlowError } from '../../foundation/errors.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import { type Call, retryAfterOf } from '../../foundation/http.ts';
import { unlessAborted } from '../../foundation/unless-aborted.ts';
import { translate } from './library-errors.ts';

/** A discovery document whose token endpoint is known to be there. */
export type Metadata = ServerMetadata;

export interface DiscoveryOptions {
  readonly url: string;
  readonly development: boolean;
  readonly algorithm: 'oidc' | 'oauth2';
  readonly call: Call;
  readonly now: () => number;
}

/** milliseconds after which the document is asked for again; the old one serves where that fails */
const keptFor = 3_600_000;

/**
 * Asks for the discovery document when it is first needed, once however many callers wait. A failure is not kept: the
 * next call asks again.
 */
export function createDiscovery(options: DiscoveryOptions): (signal?: AbortSignal) => Promise<Metadata> {
  const clock = awake({ now: options.now, monotonic: systemClock.monotonic });
  const documents = createMemory<Metadata>({ clock, capacity: 1 });
  const ask = () => fetchMetadata(options);
  // asked again by the call after one that failed, the document of an hour ago is better than none
  const lifeOf = () => ({ fresh: clock.monotonic() + keptFor, ends: Infinity });

  return async (signal) => {
    const known = documents.peek(options.url);
    if (known !== undefined) return known.value;
    const running = documents.get(options.url, ask, lifeOf);
    // one caller that goes away must not end the call for the others
    const stopped = () => new FlowError('aborted', 'stopped before the issuer answered');
    return signal === undefined ? running : unlessAborted(running, signal, stopped);
  };
}

async function fetchMetadata({ url, development, algorithm, call, now }: DiscoveryOptions): Promise<Metadata> {
  if (url.includes('/.well-known/')) {
    throw new FlowError('invalid', "an issuer's url is its identifier, not the address of its discovery document", {
      hint: 'leave out /.well-known/ and what follows',
    });
  }
  const openid = await import('openid-client');
  try {
    // the client's name is not used: the document is
    const found = await openid.discovery(new URL(url), 'discovery', undefined, openid.None(), {
      algorithm,
      // openid-client knows only https or anything; the call knows which plain http is safe
      execute: development ? [openid.allowInsecureRequests] : [],
      [openid.customFetch]: async (address, init) => {
        const response = await call(address, { method: init.method, headers: init.headers });
        if (response.status === 200) return response;
        throw unusable(response, now());
      },
    });
    const metadata = found.serverMetadata();
    const { token_endpoint } = metadata;
    if (typeof token_endpoint !== 'string' || !URL.canParse(token_endpoint)) {
      throw new FlowError('protocol', "the issuer's discovery document names no token endpoint");
    }
    return metadata;
  } catch (error) {
    throw translate(error);
  }
}

function unusable(response: Response, now: number): FlowError {
  const { status } = response;
  const retryAfter = retryAfterOf(response.headers.get('retry-after'), now);
  const code = status === 429 ? 'rate-limited' : status >= 500 ? 'unavailable' : 'protocol';
  return new FlowError(code, `the issuer's discovery document cannot be had: it answers ${status}`, {
    hint:
      code === 'protocol'
        ? "check the issuer's url, and `discovery: oauth2` where it does not speak OpenID Connect"
        : 'try again later',
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}
