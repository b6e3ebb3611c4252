import { createServer, type RequestListener } from 'node:http';
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
  // a client that is busy between two requests must not find its connection just closed
  server.keepAliveTimeout = 60_000;
  const host = await new Promise<string>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new FlowError('unavailable', `cannot serve on port ${port} of 127.0.0.1`, {
          hint: 'end what uses the port, or name another one',
          cause,
        }),
      ),
    );
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.removeAllListeners('error');
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server has no port'));
      else resolve(`127.0.0.1:${address.port}`);
    });
  });
  return {
    host,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
