import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { alsoTls } from '../../src/surfaces/server/also-tls.ts';
import { own } from '../surfaces/server/stand.ts';

export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Handler = (asked: Asked, response: ServerResponse) => unknown;

/** A server that says what a test wants it to, over HTTP and TLS, and remembers what it was asked. */
export async function startAnswering(handler: Handler, listen: { port: number } | { path: string } = { port: 0 }) {
  const asked: Asked[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
      asked.push(one);
      void handler(one, response);
    });
    request.on('error', () => undefined);
  });
  alsoTls(server, own, 10_000);
  await new Promise<void>((resolve, reject) => {
    server
      .once('error', reject)
      .listen('path' in listen ? listen.path : { port: listen.port, host: '127.0.0.1' }, resolve);
  });
  const address = server.address();
  const url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  return {
    url,
    asked,
    server,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  const type = status === 200 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, 'x-request-id': 'request-1' }).end(JSON.stringify(value));
}

/** A clock that a test sets. */
export function handClock() {
  const timers = new Set<{ readonly at: number; readonly work: () => void }>();
  const clock = {
    time: 1_700_000_000_000,
    mono: 1_000,
    now: () => clock.time,
    monotonic: () => clock.mono,
    after: (milliseconds: number, work: () => void) => void timers.add({ at: clock.mono + milliseconds, work }),
    /** how many wait for a time to come */
    waiting: () => timers.size,
    pass(milliseconds: number) {
      clock.time += milliseconds;
      clock.mono += milliseconds;
      for (const timer of timers) {
        if (timer.at > clock.mono) continue;
        timers.delete(timer);
        timer.work();
      }
    },
  };
  return clock;
}
