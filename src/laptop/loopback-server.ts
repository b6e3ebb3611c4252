import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FlowError } from '../foundation/errors.ts';

/** A server on this machine's loopback. */
export interface LoopbackServer {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  close(): Promise<void>;
}

/**
 * Serves on 127.0.0.1 alone. A request that names another host is refused: a page of another site may have its name
 * resolve to loopback (DNS rebinding).
 * @param port 0: any free one
 * @throws FlowError unavailable where the port cannot be had
 */
export async function serveOnLoopback(listener: RequestListener, port = 0): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    if (request.headers.host === host) return listener(request, response);
    response.writeHead(421, { 'Content-Type': 'text/plain' }).end(`this server is http://${host}/\n`);
  });
  const host = await listenOnLoopback(server, port).catch((cause: unknown) => {
    throw new FlowError('unavailable', `cannot serve on port ${port} of 127.0.0.1`, {
      hint: 'end what uses the port, or name another one',
      cause,
    });
  });
  return { host, close: () => endNow(server) };
}

/** @param port 0: any free one. @returns `127.0.0.1:PORT` */
export async function listenOnLoopback(server: Server, port = 0): Promise<string> {
  // a client that is busy between two requests must not find its connection just closed
  server.keepAliveTimeout = 60_000;
  server.listen({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends it with all its connections. */
export function endNow(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** @param longest bytes. @param tooLarge what is thrown for more */
export async function bodyOf(request: IncomingMessage, longest: number, tooLarge: () => Error): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > longest) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
