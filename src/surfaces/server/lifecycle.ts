import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** What is being answered, and whether new connections are taken. */
export interface Lifecycle {
  /** A request has come. @returns false: there are too many */
  enter(): boolean;
  leave(): void;
  /** Keeps an eye on a server's connections, and room among them: whoever only holds one is the first to lose it. */
  watch(server: Server): void;
  readonly inFlight: () => number;
  readonly stopping: () => boolean;
  /**
   * Takes no new connection, lets what is being answered finish, then cuts what is left.
   * @param grace milliseconds
   */
  stop(servers: readonly Server[], grace: number): Promise<void>;
}

/** @param most requests that are answered at the same time: more are told to come again */
export function createLifecycle(most: number): Lifecycle {
  let count = 0;
  let stopping = false;
  /** connections that have not sent a request: Node does not count them among the idle */
  const silent = new Set<Socket>();
  return {
    watch(server) {
      server.on(server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection', (socket: Socket) => {
        silent.add(socket);
        socket.once('close', () => silent.delete(socket));
        const [longest] = silent;
        if (silent.size > server.maxConnections / 2) longest?.destroy();
      });
      // who is turned away now finds room when it comes again
      server.on('drop', () => server.closeIdleConnections());
      server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
    },
    enter() {
      count += 1;
      return count <= most;
    },
    leave() {
      count -= 1;
    },
    inFlight: () => count,
    stopping: () => stopping,
    async stop(servers, grace) {
      stopping = true;
      const closed = Promise.all(
        servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))),
      );
      for (const socket of silent) socket.destroy();
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
