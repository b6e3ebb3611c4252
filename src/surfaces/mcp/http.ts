import { createMcpHandler } from '@modelcontextprotocol/server';
import type { IncomingHttpHeaders } from 'node:http';
import type { Door } from './door.ts';
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
  readonly text: string;
}

/**
 * Answers messages of any number of clients, in both eras of the protocol, without keeping anything of them: each is
 * answered whole, at once.
 */
export function createMcpOverHttp({
  version,
}: {
  readonly version: string;
}): (message: McpMessage) => Promise<McpReply> {
  const doors = new Map<string, Door>();
  const servers = createMcpServers({
    version,
    doorOf: ({ http }) => doors.get(http?.authInfo?.token ?? '') ?? closed,
    agentOf: ({ http }) => http?.authInfo?.clientId ?? '',
  });
  // nothing that a client could subscribe to changes
  const handler = createMcpHandler(servers, { maxSubscriptions: 0, onerror: () => undefined });
  let count = 0;

  return async ({ message, headers, agent, door, signal }) => {
    // a name for this request: what it is proven by goes no further
    const token = `request ${(count += 1)}`;
    doors.set(token, door);
    try {
      const request = new Request('http://localhost/mcp', {
        method: 'POST',
        headers: ofProtocol(headers),
        signal,
        body: '',
      });
      const authInfo = { token, clientId: agent, scopes: [] };
      const response = await handler.fetch(request, { authInfo, parsedBody: message });
      return {
        status: response.status,
        type: response.headers.get('content-type') ?? 'application/json',
        text: await response.text(),
      };
    } finally {
      doors.delete(token);
    }
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
