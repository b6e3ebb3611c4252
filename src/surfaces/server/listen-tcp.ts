import type { Server } from 'node:net';
import { isLoopbackHost } from '../../foundation/safe-address.ts';
import { codeOf, FlowError } from '../../foundation/errors.ts';

/** Where the broker listens. Without a socket, and beside one where host or port is given: TCP. */
export interface ListenAddress {
  /** default 127.0.0.1 */
  readonly host?: string | undefined;
  /** 0: any free one; default 7700 */
  readonly port?: number | undefined;
  /** path of a Unix socket */
  readonly socket?: string | undefined;
}

export const defaultPort = 7700;

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** @throws FlowError refused for an address beyond this machine without TLS */
export function tcpAddress({ host, port, socket }: ListenAddress, tls: boolean): TcpAddress | undefined {
  if (socket !== undefined && host === undefined && port === undefined) return undefined;
  // whatever /etc/hosts says of it
  const address = host === undefined || host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1');
  if (!tls && !isLoopbackHost(address)) {
    throw new FlowError('refused', `${host ?? ''} is reached from other machines, and there is no TLS`, {
      hint: 'give server: { tls: { certificate: FILE, key: FILE } } in service.yaml, or listen on 127.0.0.1',
    });
  }
  return { host: address, port: port ?? defaultPort };
}

/** Ports that are tried where any will do: the same must be free at both loopback addresses. */
const mostTries = 20;

/**
 * Listens at both loopback addresses, so that `localhost` is this process whichever of them a browser takes: a program
 * that had the other one would be the same origin to a passkey.
 * @param make a server for each address @returns the port @throws FlowError unavailable where one of them is taken
 */
export async function listenOnLoopback(make: () => Server, port: number): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const [first, second] = [make(), make()];
    const found = await listenOnTcp(first, { host: '127.0.0.1', port });
    try {
      await listenOnTcp(second, { host: '::1', port: found });
      return found;
    } catch (error) {
      // without IPv6 nobody can be there either
      if (error instanceof FlowError && codeOf(error.cause) !== 'EADDRINUSE') return found;
      await new Promise((resolve) => first.close(resolve));
      if (port !== 0 || tries === mostTries) throw error;
    }
  }
}

/** @returns the port @throws FlowError unavailable where the address cannot be had */
export function listenOnTcp(server: Server, { host, port }: TcpAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new FlowError('unavailable', `cannot listen on port ${port} of ${host}`, {
          hint: 'end what uses the port, or give --port (0: any free one)',
          cause,
        }),
      );
    server.once('error', failed).listen({ host, port, backlog: 1_024 }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
