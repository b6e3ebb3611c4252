import { requireSafeAddress, safeAddressHint } from '../address.ts';
import { FlowError } from '../errors.ts';
import type { Fetch } from '../issuers/transport.ts';

export interface HttpOptions {
  /** allows plain http at a loopback address */
  readonly development: boolean;
  readonly fetch?: Fetch | undefined;
  /** milliseconds for one call, its body included; default 10,000 */
  readonly deadline?: number | undefined;
}

/** An answer, read whole. Redirects are answers too: nothing here follows one. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export type Call = (url: URL, init?: RequestInit) => Promise<Answer>;

/** no page and no user comes near it */
const largestBody = 1024 * 1024;

/**
 * HTTP to an identity provider: to safe addresses only, with a deadline over all of it and a bounded body.
 * @throws FlowError refused: an unsafe address · timeout · unavailable · protocol: too large a body
 */
export function createHttp(options: HttpOptions): Call {
  const { development, deadline = 10_000 } = options;
  const send: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  return async (url, init = {}) => {
    const unsafe = requireSafeAddress(url, development);
    if (unsafe !== undefined) {
      throw new FlowError('refused', `an address of the identity provider ${unsafe}`, {
        hint: safeAddressHint,
      });
    }
    const late = AbortSignal.timeout(deadline);
    const signal = init.signal ? AbortSignal.any([late, init.signal]) : late;
    try {
      const response = await send(url.href, { ...init, redirect: 'manual', signal });
      const body = await readBody(response, url);
      return { url, status: response.status, headers: response.headers, body };
    } catch (error) {
      if (error instanceof FlowError) throw error;
      if (late.aborted) {
        throw new FlowError('timeout', `${url.host} did not answer within ${deadline / 1000} s`, {
          hint: 'try again; if it stays, look at the identity provider',
        });
      }
      throw new FlowError('unavailable', `${url.host} cannot be reached${networkCode(error)}`, {
        hint: "check the identity provider's address and the network",
        cause: error,
      });
    }
  };
}

async function readBody(response: Response, url: URL): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > largestBody) throw new FlowError('protocol', `an answer of ${url.host} is larger than 1 MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The network's own code: ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED. */
function networkCode(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(at.code)) return ` (${at.code})`;
  }
  return '';
}
