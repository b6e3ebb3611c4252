import { requireStatus, withoutBody } from './agent-fetch.ts';
import { requireCheckedCertificates } from './checked-certificates.ts';
import { requireSafeAddress, safeAddressHint } from './safe-address.ts';
import { codeOf, FlowError } from './errors.ts';
import { byProxy, type Fetch, globalFetch, proxyHint } from './proxy.ts';
import { tlsHint } from './tls-trouble.ts';
import { unlessAborted } from './unless-aborted.ts';

export type { Fetch };

export interface HttpOptions {
  /** who is at the other end, for messages: `the issuer` */
  readonly peer: string;
  /** allows plain http at a loopback address */
  readonly development: boolean;
  readonly fetch?: Fetch | undefined;
  /** milliseconds for each call, its body included; default 10,000 */
  readonly deadline?: number | undefined;
  /** bytes of an answer's body; default 1 MiB, which no discovery document, key set, token answer, page or user comes near */
  readonly largest?: number | undefined;
  /** what becomes of a redirect, which is never followed here: refused, the default, or an answer like any other */
  readonly redirects?: 'refused' | 'answers' | undefined;
}

export interface CallInit extends RequestInit {
  /** it may be sent twice; default: what RFC 9110, section 9.2.2, says of its method */
  readonly repeatable?: boolean;
}

/**
 * One HTTP call whose body has been read whole. Where the connection ended before an answer came, as one that was kept
 * and that the server has closed meanwhile does, a call that may be repeated is sent once more.
 * @throws FlowError refused: unsafe address, redirect · timeout · unavailable · aborted · protocol: no HTTP, body too large
 */
export type Call = (url: string, init?: CallInit) => Promise<Response>;

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** what undici and the system say of a connection that ended; one that could not be made has other codes */
const ended = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** and of one that could not be made, also by a proxy that ends before it answers, or with no HTTP */
const noConnection = new Set(
  'ENOTFOUND EAI_AGAIN ECONNREFUSED EHOSTUNREACH ENETUNREACH ETIMEDOUT ERR_PROXY_TUNNEL'.split(' '),
);

/** what the parsers of node, of undici (a status below 100) and of compressed bodies say of an answer that cannot be read */
const unreadable =
  /^(?:HPE_|HTTPParserError$|UND_ERR_HEADERS_OVERFLOW$|UND_ERR_RES_CONTENT_LENGTH_MISMATCH$|ERR_ASSERTION$|STATUS_|Z_)/;

const mebibyte = 1024 * 1024;

/** HTTP to safe addresses only, with a deadline over all of it and a bounded body. */
export function createHttp(options: HttpOptions): Call {
  const { peer, development, fetch: send = globalFetch, deadline = 10_000, largest = mebibyte, redirects } = options;
  return async (url, { repeatable, ...init } = {}) => {
    const problem = requireSafeAddress(url, development);
    if (problem !== undefined) {
      throw new FlowError('refused', `an address of ${peer} ${problem}`, { hint: safeAddressHint });
    }
    const { host, protocol } = new URL(url);
    if (protocol === 'https:') requireCheckedCertificates(host);
    const proxy = send.proxyOf?.(url);
    const by = byProxy(proxy);
    const late = AbortSignal.timeout(deadline);
    const caller = init.signal ?? undefined;
    const signal = caller === undefined ? late : AbortSignal.any([late, caller]);
    // an injected fetch may not listen to its signal
    const inTime = <T>(work: Promise<T>) => unlessAborted(work, signal, () => new Error('the call was ended'));
    const once = () => inTime(send(url, { ...init, redirect: 'manual', signal }));
    const mayRepeat = repeatable ?? idempotent.has((init.method ?? 'GET').toUpperCase());
    try {
      const response = await once().catch(async (error: unknown) => {
        if (!mayRepeat || !ended.has(networkCode(error))) throw error;
        // the other connections that were kept may have ended too: their ends are heard first
        await inTime(new Promise((resolve) => setImmediate(resolve)));
        return once();
      });
      if (redirects !== 'answers' && isRedirect(response)) {
        void response.body?.cancel().catch(() => undefined);
        throw new FlowError('refused', `${host} answers with a redirect, which is not followed`, {
          hint: 'write the address that it redirects to, if you trust it',
        });
      }
      const { status, headers } = response;
      const body = await inTime(readBody(response, host, largest));
      requireStatus(status);
      return new Response(withoutBody.has(status) ? null : body, { status, headers });
    } catch (error) {
      if (error instanceof FlowError) throw error;
      if (caller?.aborted === true) throw new FlowError('aborted', `stopped before ${peer} answered`);
      if (late.aborted) {
        throw new FlowError('timeout', `${host} did not answer within ${deadline / 1000} s${by}`, {
          hint: `try again; if it stays, look at ${proxy === undefined ? peer : proxyHint}`,
        });
      }
      const code = networkCode(error);
      if (unreadable.test(code)) {
        throw new FlowError('protocol', `${host} answers with what cannot be read as HTTP${by} (${code})`, {
          hint: `check ${proxy === undefined ? `the address of ${peer}, its port above all` : proxyHint}`,
          cause: error,
        });
      }
      throw new FlowError('unavailable', `${host} cannot be reached${by}${code === '' ? '' : ` (${code})`}`, {
        hint: tlsHint(code) ?? `check ${proxy === undefined ? `the address of ${peer} and the network` : proxyHint}`,
        cause: error,
      });
    }
  };
}

/** Whether a call failed because its connection ended: whoever can make the request anew may do so, once. */
export function connectionEnded(error: unknown): boolean {
  return error instanceof FlowError && error.code === 'unavailable' && ended.has(networkCode(error.cause));
}

/** Whether a call failed before anything of it can have arrived: whatever it asks for is not done. */
export function neverConnected(error: unknown): boolean {
  if (!(error instanceof FlowError) || error.code !== 'unavailable') return false;
  const code = networkCode(error.cause);
  return noConnection.has(code) || /CERT|^ERR_TLS_|^UNABLE_TO_|^it answers/.test(code);
}

function isRedirect(response: Response): boolean {
  return response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400);
}

async function readBody(response: Response, host: string, largest: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    const bytes: Uint8Array = part;
    size += bytes.byteLength;
    if (size > largest)
      throw new FlowError('protocol', `the answer of ${host} is larger than ${largest / mebibyte} MiB`);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** The network's own code: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`; of a proxy its answer to CONNECT. */
function networkCode(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (codeOf(at) === 'ERR_PROXY_TUNNEL' && 'statusCode' in at && Number.isInteger(at.statusCode))
      return `it answers ${String(at.statusCode)}`;
    const code = codeOf(at) ?? '';
    if (/^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
    // undici's has no code
    if (at.name === 'HTTPParserError') return at.name;
  }
  return '';
}

/** `Retry-After` (RFC 9110, section 10.2.3) in seconds, as a number or a date. */
export function retryAfterOf(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(date) ? Math.max(0, Math.ceil((date - now) / 1000)) : undefined;
}
