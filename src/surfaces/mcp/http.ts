import { createMcpHandler } from '@modelcontextprotocol/server';
import type { IncomingHttpHeaders } from 'node:http';
import type { Door } from './broker-door.ts';
import { createMcpServers } from './server.ts';

/** One message of a client over HTTP, whose agent is proven. */
export interface McpMessage {
  /** JSON */
  readonly message: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly agent: string;
  /** the way to the broker, in that agent's name */
  readonly door: Door;
  /** ends with the request */
  readonly signal: AbortSignal;
}

export interface McpReply {
  readonly status: number;
  readonly type: string;
  /** where it is there as a whole */
  readonly text: string;
  /** what comes after the text, as it comes: how far a call is, and its result */
  readonly rest?: AsyncIterable<Uint8Array>;
}

/** Answers messages of any number of clients, in both eras of the protocol, without keeping anything of them. */
export function createMcpOverHttp({
  version,
}: {
  readonly version: string;
}): (message: McpMessage) => Promise<McpReply> {
  const doors = new WeakMap<object, Door>();
  const servers = createMcpServers({
    version,
    doorOf: ({ authInfo }) => (authInfo && doors.get(authInfo)) ?? closed,
  });
  // nothing that a client could subscribe to changes
  const handler = createMcpHandler(servers, { maxSubscriptions: 0, onerror: () => undefined });

  return async ({ message, headers, agent, door, signal }) => {
    const request = new Request('http://localhost/mcp', {
      method: 'POST',
      headers: ofProtocol(headers),
      signal,
      body: '',
    });
    // what it is proven by goes no further
    const authInfo = { token: '', clientId: agent, scopes: [] };
    doors.set(authInfo, door);
    const response = await handler.fetch(request, { authInfo, parsedBody: message });
    const { status } = response;
    const type = response.headers.get('content-type') ?? 'application/json';
    if (type === 'text/event-stream' && response.body !== null) return { status, type, text: '', rest: response.body };
    return { status, type, text: await response.text() };
  };
}

const closed: Door = { ask: () => Promise.reject(new TypeError('a message that no request brought')) };

/** What the protocol itself sends: nothing that proves anybody. */
function ofProtocol(headers: IncomingHttpHeaders): Headers {
  const sent = new Headers({ 'content-type': 'application/json' });
  for (const [name, value] of Object.entries(headers)) {
    if ((name === 'accept' || name.startsWith('mcp-')) && value !== undefined) sent.set(name, String(value));
  }
  return sent;
}
