import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { hasBody } from './request-body.ts';

/** The connections on which nothing is being answered: those that were opened, or that have not sent a request whole. */
export interface Connections {
  /** Keeps an eye on a server's connections, and room among them. */
  watch(server: Server): void;
  /** The headers of a request have come on one. */
  asked(request: IncomingMessage): void;
  /** A request on it was answered, or will not be. */
  answered(socket: Socket): void;
  /** A request on it was whole, and proved to be an agent's: it keeps its place before those that proved nothing. */
  proven(socket: Socket, agent: string): void;
  /** Ends those on which nothing is being answered and no answer was given yet. */
  end(): void;
}

/** The share of all connections that may wait, and of those that one agent may have. */
const share = 1 / 2;
const ofOneAgent = 1 / 4;

/**
 * Whoever only holds a connection is the first to lose it, whatever was sent on it before: the one that has waited
 * longest, of those that proved nothing; then of the agent that holds too many.
 */
export function createConnections(): Connections {
  /** in the order in which they began to wait */
  const waiting = new Set<Socket>();
  const agents = new WeakMap<Socket, string>();
  const answered = new WeakSet<Socket>();

  /** One listener for all of them: each request has one. */
  function whole(this: IncomingMessage): void {
    waiting.delete(this.socket);
  }

  function* waitingOf(agent: string | undefined): Generator<Socket> {
    for (const socket of waiting) if (agents.get(socket) === agent) yield socket;
  }

  function makeRoom(most: number): void {
    if (waiting.size <= most * share) return;
    const [longest] = waitingOf(undefined);
    if (longest !== undefined) {
      longest.destroy();
      return;
    }
    const held = new Map<string, number>();
    for (const socket of waiting) {
      const agent = agents.get(socket) ?? '';
      held.set(agent, (held.get(agent) ?? 0) + 1);
    }
    const [greediest] = [...held].toSorted(([, a], [, b]) => b - a);
    if (greediest === undefined || greediest[1] <= most * ofOneAgent) return;
    const [oldest] = waitingOf(greediest[0]);
    oldest?.destroy();
  }

  return {
    watch(server) {
      const come = (socket: Socket) => {
        waiting.add(socket);
        socket.once('close', () => waiting.delete(socket));
        makeRoom(server.maxConnections);
      };
      // one of TLS alone tells of what is beneath too
      if (server.listenerCount('secureConnection') === 0) server.on('connection', come);
      server.on('secureConnection', (socket: Socket, beneath?: Socket) => {
        if (beneath !== undefined) waiting.delete(beneath);
        come(socket);
      });
      // who is turned away now finds room when it comes again
      server.on('drop', () => server.closeIdleConnections());
    },
    asked(request) {
      // headers are no request: what has a body waits until that is there
      if (hasBody(request)) request.on('end', whole);
      else waiting.delete(request.socket);
    },
    answered(socket) {
      answered.add(socket);
      waiting.delete(socket);
      if (!socket.destroyed) waiting.add(socket);
    },
    proven: (socket, agent) => void agents.set(socket, agent),
    end() {
      for (const socket of waiting) if (!answered.has(socket)) socket.destroy();
    },
  };
}
