import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type Connections, createConnections } from './connections.ts';

/** What is being answered, and whether new connections are taken. */
export interface Lifecycle {
  /** A request has come, and is being answered until its response closes. @returns false: there are too many */
  enter(request: IncomingMessage, response: ServerResponse): boolean;
  readonly watch: Connections['watch'];
  readonly proven: Connections['proven'];
  readonly inFlight: () => number;
  readonly stopping: () => boolean;
  /** aborts when it stops */
  readonly ending: AbortSignal;
  /**
   * Takes no new connection, lets what is being answered finish, then cuts what is left.
   * @param grace milliseconds
   */
  stop(servers: readonly Server[], grace: number): Promise<void>;
}

/** @param most requests that are answered at the same time: more are told to come again */
export function createLifecycle(most: number): Lifecycle {
  let count = 0;
  const ending = new AbortController();
  const connections = createConnections();

  /** One listener for all of them: each response has one. */
  function leave(this: ServerResponse): void {
    count -= 1;
    connections.answered(this.req.socket);
  }

  return {
    watch: connections.watch,
    proven: connections.proven,
    enter(request, response) {
      count += 1;
      connections.asked(request);
      response.on('close', leave);
      return count <= most;
    },
    inFlight: () => count,
    stopping: () => ending.signal.aborted,
    ending: ending.signal,
    async stop(servers, grace) {
      ending.abort();
      const closed = Promise.all(
        servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))),
      );
      connections.end();
      // a connection that was busy when the server closed may be idle now
      const sweep = setInterval(() => {
        for (const server of servers) server.closeIdleConnections();
      }, 20);
      const cut = setTimeout(() => {
        for (const server of servers) server.closeAllConnections();
      }, grace);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}
