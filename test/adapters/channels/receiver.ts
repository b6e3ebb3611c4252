import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Somebody who is told: a server on loopback that keeps what it got. @param answer undefined: it does not, until it is released */
export async function startReceiver(answer: (received: Received) => Answer | undefined = () => ({ status: 204 })) {
  const received: Received[] = [];
  const held: ServerResponse[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    const each = { method, path: url, headers, body: await text(request) };
    received.push(each);
    const found = answer(each);
    if (found === undefined) held.push(response);
    else response.writeHead(found.status, found.headers).end(found.body);
  };
  // a caller that leaves is no concern of the receiver's
  const server = createServer((request, response) => void take(request, response).catch(() => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    posts: () => received.filter(({ method }) => method === 'POST'),
    /** answers what was not answered */
    release(status: number) {
      for (const response of held.splice(0)) response.writeHead(status).end();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
