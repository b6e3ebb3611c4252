import type { Agent } from 'node:http';
import { fetchOver } from '../foundation/agent-fetch.ts';
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
  /** where the token may go, as `https://orders.example`; default: the audience and resources of the flow that are URLs */
  readonly origins?: readonly string[];
}

interface Source {
  /** for messages */
  readonly flow: string;
  readonly token: (signal: AbortSignal | undefined) => Promise<Token>;
  readonly rejected: (tokenHash: string, signal: AbortSignal | undefined) => Promise<boolean>;
  readonly fetch: typeof globalThis.fetch;
  readonly origins: readonly string[] | undefined;
}

/** A `fetch` with a bearer token that is renewed once where it is refused. @throws TypeError for what no origins are */
export function createFetch({ flow, token, rejected, fetch, origins }: Source): typeof globalThis.fetch {
  const named = origins === undefined ? undefined : originsIn(origins);

  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const signal = (init?.signal === undefined ? request?.signal : init.signal) ?? undefined;
    signal?.throwIfAborted();
    const target = new URL(input instanceof Request ? input.url : input);
    if (target.protocol !== 'https:' && !(target.protocol === 'http:' && isLoopback(target))) {
      throw new TypeError('a token goes over https, or plain http to a loopback address');
    }
    if (named !== undefined) requireOneOf(named, target);
    const first = await token(signal);
    if (named === undefined) requireOneOf(originsOf(first), target);

    const send = (granted: Token, what: typeof input): Promise<Response> => {
      const headers = new Headers(init?.headers ?? request?.headers);
      headers.set('authorization', authorization(granted));
      const redirect = (init?.redirect ?? request?.redirect) === 'error' ? 'error' : 'manual';
      return fetch(what, { ...init, headers, redirect });
    };

    // a Request is used up once it was sent
    const spare = request !== undefined && request.body !== null && init?.body == null ? request.clone() : undefined;
    const response = await send(first, input);
    const next = response.status === 401 ? await another(first, signal) : undefined;
    if (next !== undefined && !isStream(init?.body)) {
      await response.body?.cancel();
      return send(next, spare ?? input);
    }
    // it would be kept in memory for nobody; it ends when the one that was sent does
    spare?.body?.cancel().catch(() => undefined);
    return response;
  };

  function requireOneOf(allowed: readonly string[], { origin }: URL): void {
    if (allowed.includes(origin)) return;
    const place = `origins of fetch('${flow}')`;
    throw new TypeError(
      allowed.length === 0
        ? `${place}: name where its token may go, as ${origin}: the flow has no audience or resource that is a URL`
        : `${place}: its token is for ${allowed.join(', ')}, and not for ${origin}`,
    );
  }

  /** A token that is not the refused one; undefined where the API's answer is all that there is. */
  async function another(refused: Token, signal: AbortSignal | undefined): Promise<Token | undefined> {
    try {
      let next = await token(signal);
      if (next.accessToken === refused.accessToken) {
        await rejected(sha256(refused.accessToken), signal);
        next = await token(signal);
      }
      return next.accessToken === refused.accessToken ? undefined : next;
    } catch (error) {
      if (error instanceof BrokerError) return undefined;
      throw error;
    }
  }
}

/** What reaches APIs where nothing else is given. */
export interface ApiFetch {
  readonly fetch: typeof globalThis.fetch;
  close(): void;
}

/** The global `fetch`; but what is on this machine is asked directly, whatever the environment says of proxies. */
export function createApiFetch(): ApiFetch {
  const agents = new Map<string, Agent>();
  const agentFor = (protocol: string): Agent => {
    const { Agent: Made } = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
    const agent = agents.get(protocol) ?? new Made({ keepAlive: true, scheduling: 'lifo' });
    agents.set(protocol, agent);
    return agent;
  };
  return {
    fetch(input, init) {
      const target = new URL(input instanceof Request ? input.url : input);
      if (!isLoopback(target)) return globalThis.fetch(input, init);
      return fetchOver(agentFor(target.protocol), input, init);
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
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

/** What is used up once it was sent; everything else is whole. */
function isStream(body: RequestInit['body']): boolean {
  if (body instanceof ReadableStream) return true;
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

function originsOf({ audience }: Token): readonly string[] {
  const urls = audience.flatMap((each) => URL.parse(each) ?? []);
  return [...new Set(urls.filter(({ protocol }) => /^https?:$/.test(protocol)).map(({ origin }) => origin))];
}

function originsIn(given: unknown): readonly string[] {
  return (Array.isArray(given) ? given : [undefined]).map((text: unknown) => {
    const url = typeof text === 'string' ? URL.parse(text) : null;
    if (url === null || url.origin === 'null')
      throw new TypeError('origins: a list of absolute URLs, as https://orders.example');
    return url.origin;
  });
}
