import { requireSafeAddress, safeAddressHint } from '../address.ts';
import { FlowError } from '../errors.ts';

/** The part of `fetch` that is used; may be replaced, for a proxy or a test. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface TransportOptions {
  /** allows plain http at a loopback address */
  readonly development: boolean;
  readonly fetch?: Fetch | undefined;
  /** milliseconds for each call, its body included; default 10,000 */
  readonly deadline?: number | undefined;
  /** epoch milliseconds; default Date.now */
  readonly now?: (() => number) | undefined;
}

export interface Transport {
  /**
   * One HTTP call whose body has been read whole.
   * @throws FlowError refused: unsafe address, redirect · timeout · unavailable · aborted · protocol: body too large
   */
  call(url: string, init: RequestInit): Promise<Response>;
  /** local clock minus the server's `Date`, whole seconds, from the last answer */
  readonly clockSkew: () => number | undefined;
}

/** no discovery document, key set or token answer comes near it */
const largestBody = 1024 * 1024;
const withoutBody = new Set([204, 205, 304]);

/** HTTP to an issuer: only to safe addresses, no redirects, a deadline over all of it, a bounded body. */
export function createTransport(options: TransportOptions): Transport {
  const { development, deadline = 10_000, now = Date.now } = options;
  const send: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  let skew: number | undefined;

  async function call(url: string, init: RequestInit): Promise<Response> {
    const problem = requireSafeAddress(url, development);
    if (problem !== undefined) {
      throw new FlowError('refused', `an address of the issuer ${problem}`, { hint: safeAddressHint });
    }
    const host = new URL(url).host;
    const late = AbortSignal.timeout(deadline);
    const caller = init.signal ?? undefined;
    const signal = caller === undefined ? late : AbortSignal.any([late, caller]);
    const sentAt = now();
    try {
      const response = await settled(send(url, { ...init, redirect: 'manual', signal }), signal);
      noteClock(response, sentAt);
      if (isRedirect(response)) {
        void response.body?.cancel().catch(() => undefined);
        throw new FlowError('refused', `${host} answers with a redirect, which is not followed`, {
          hint: 'write the address that it redirects to, if you trust it',
        });
      }
      const body = await settled(readBody(response, host), signal);
      return new Response(withoutBody.has(response.status) ? null : body, {
        status: response.status,
        headers: response.headers,
      });
    } catch (error) {
      if (error instanceof FlowError) throw error;
      if (caller?.aborted === true) throw new FlowError('aborted', 'stopped before the issuer answered');
      if (late.aborted) {
        throw new FlowError('timeout', `${host} did not answer within ${deadline / 1000} s`, {
          hint: 'try again; if it stays, look at the issuer',
        });
      }
      throw new FlowError('unavailable', `${host} cannot be reached${reason(error)}`, {
        hint: "check the issuer's address and the network",
        cause: error,
      });
    }
  }

  function noteClock(response: Response, sentAt: number): void {
    // an answer out of a cache carries an old date
    if (response.headers.has('age')) return;
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isFinite(date)) return;
    // the header drops the fraction of its second: half of one is added back
    skew = Math.round(((sentAt + now()) / 2 - (date + 500)) / 1000) || 0;
  }

  return { call, clockSkew: () => skew };
}

/** Ends with the signal even where an injected fetch does not look at it. */
async function settled<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(new DOMException('the call was ended', 'AbortError'));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

function isRedirect(response: Response): boolean {
  return response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400);
}

async function readBody(response: Response, host: string): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    const bytes: Uint8Array = part;
    size += bytes.byteLength;
    if (size > largestBody) throw new FlowError('protocol', `the answer of ${host} is larger than 1 MiB`);
    parts.push(bytes);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/** The network's error code: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`. */
function reason(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(at.code)) return ` (${at.code})`;
  }
  return '';
}
