import type { Server } from 'node:http';

/** What one client, or all of them, can take: times in milliseconds. */
export interface Bounds {
  /** until a request's headers are there */
  readonly headers: number;
  /** until all of a request is there */
  readonly request: number;
  /** while nothing moves on a connection, as an answer is made or read */
  readonly idle: number;
  /** until a connection without a request is closed: one that is used often must not end between two of them */
  readonly keepAlive: number;
  /** connections at the same time */
  readonly connections: number;
  /** requests that are answered at the same time */
  readonly inFlight: number;
  /** for which a flood of refusals is gathered into one line of the trail */
  readonly gather: number;
}

const usual: Bounds = {
  headers: 10_000,
  request: 15_000,
  idle: 120_000,
  keepAlive: 60_000,
  connections: 2_048,
  inFlight: 2_048,
  gather: 1_000,
};

/** The bounds, as Node's HTTP server takes them too. */
export function boundsWith(changes: Partial<Bounds> = {}) {
  const bounds = { ...usual, ...changes };
  return {
    ...bounds,
    http: {
      maxHeaderSize: 16_384,
      headersTimeout: bounds.headers,
      requestTimeout: bounds.request,
      keepAliveTimeout: bounds.keepAlive,
      connectionsCheckingInterval: Math.min(1_000, bounds.headers),
      // two Hosts, two credentials: joined they are neither
      joinDuplicateHeaders: true,
      // checked by us, so that the refusal is a problem like any other
      requireHostHeader: false,
      insecureHTTPParser: false,
    },
  };
}

export function bindBounds(server: Server, { connections, idle }: Bounds): void {
  server.maxConnections = connections;
  // nothing is dropped in silence: what is too much for maxHeaderSize is refused
  server.maxHeadersCount = 0;
  server.setTimeout(idle);
}
