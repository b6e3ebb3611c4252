import { isLoopback } from '../foundation/safe-address.ts';
import type { Token } from './answers.ts';
import { BrokerError } from './broker-error.ts';

/**
 * What a `fetch` with a token asks for it with, and where it may take it.
 * @example
 * const options: FetchOptions = { origins: ['https://orders.example'], inputs: { tenant: 'north' } };
 * const orders = client.fetch('tenant-token', options);
 */
export interface FetchOptions {
  /** inputs of the flow */
  readonly inputs?: Readonly<Record<string, string | number | boolean>>;
  /** where the token may go, as `https://orders.example`; default: wherever it is called with */
  readonly origins?: readonly string[];
}

interface Source {
  readonly token: () => Promise<Token>;
  readonly rejected: (tokenHash: string) => Promise<boolean>;
  readonly fetch: typeof globalThis.fetch;
  readonly origins: readonly string[] | undefined;
}

/** A `fetch` with a bearer token that is renewed once where it is refused. */
export function createFetch({ token, rejected, fetch, origins }: Source): typeof globalThis.fetch {
  const allowed = origins?.map(originOf);

  return async (input, init) => {
    const target = new URL(input instanceof Request ? input.url : input);
    if (target.protocol !== 'https:' && !(target.protocol === 'http:' && isLoopback(target))) {
      throw new TypeError('a token goes over https, or plain http to a loopback address');
    }
    if (allowed?.includes(target.origin) === false) throw new TypeError(`the token is not for ${target.origin}`);

    const send = (granted: Token): Promise<Response> => {
      const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
      headers.set('authorization', authorization(granted));
      return fetch(input, { ...init, headers, redirect: init?.redirect === 'error' ? 'error' : 'manual' });
    };

    const first = await token();
    const again = isReplayable(input, init);
    const response = await send(first);
    if (response.status !== 401) return response;
    const next = await another(first);
    if (next === undefined || !again) return response;
    await response.body?.cancel();
    return send(next);
  };

  /** A token that is not the refused one; undefined where the API's answer is all that there is. */
  async function another(refused: Token): Promise<Token | undefined> {
    try {
      let next = await token();
      if (next.accessToken === refused.accessToken) {
        await rejected(sha256(refused.accessToken));
        next = await token();
      }
      return next.accessToken === refused.accessToken ? undefined : next;
    } catch (error) {
      if (error instanceof BrokerError) return undefined;
      throw error;
    }
  }
}

export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', text, 'hex');
}

/** @throws BrokerError protocol, for a token that is no bearer's */
function authorization({ tokenType, accessToken }: Token): string {
  if (tokenType.toLowerCase() !== 'bearer')
    throw new BrokerError('protocol', { detail: 'the token is not a bearer token' });
  return `Bearer ${accessToken}`;
}

/** A stream is used up once it was sent. */
function isReplayable(input: string | URL | Request, init: RequestInit | undefined): boolean {
  const body = init?.body ?? (input instanceof Request ? input.body : null);
  if (body === null || typeof body === 'string') return true;
  return (
    body instanceof URLSearchParams ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof FormData
  );
}

function originOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || url.origin === 'null') throw new TypeError('origins: absolute URLs, as https://orders.example');
  return url.origin;
}
