import type { Agent, RequestOptions } from 'node:http';
import { isLoopbackHost } from '../foundation/safe-address.ts';
import type { Address } from './broker-address.ts';
import { BrokerError } from './broker-error.ts';

/** What reaches the broker. */
export interface Connections {
  readonly http: typeof import('node:http') | typeof import('node:https');
  /** where it is, and what it must prove */
  readonly place: () => RequestOptions;
  /** what a request's address begins with, as the broker sees it */
  readonly origin: string;
  /** keeps connections until it is destroyed */
  readonly agent: Agent;
  /** the proxy on the way, as a part of a message */
  readonly by: string;
  /** by a socket that a note named: where it is gone, the broker may be at its port all the same */
  readonly byNote: boolean;
}

type Tcp = Extract<Address, { kind: 'tcp' }>;

/**
 * New connections to a broker: by the socket that this user's own broker has beside its port, else by the process's proxy
 * where it is on another machine, and never where it is on this one.
 * @param ca PEM, instead of what is found
 * @param byPort whatever sockets there are
 */
export async function connectionsTo(address: Address, ca: string | undefined, byPort = false): Promise<Connections> {
  if (address.kind === 'socket') return bySocket(address.path, { host: 'localhost' });
  const { host, port } = address;
  const own = address.own && ca === undefined ? await import('./own-brokers.ts') : undefined;
  const noted = `http://${authorityOf({ host: host === 'localhost' ? '127.0.0.1' : host, port })}`;
  const socket = byPort ? undefined : own?.ownSocket(noted);
  if (socket !== undefined)
    return { ...bySocket(socket, { host, port }), origin: `http://${authorityOf(address)}`, byNote: true };

  // imported as an ES module it would load all of fetch with it, and the command starts half as fast
  const http = process.getBuiltinModule('node:https');
  const proxied = isLoopbackHost(host) ? undefined : await byProxyOfProcess(address);
  const place = () => {
    // as they are now
    const found = own?.ownCertificates() ?? [];
    return { host, port, rejectUnauthorized: true, ca: found.length === 0 ? ca : found };
  };
  const agent = proxied?.agent ?? new http.Agent(kept);
  return { http, place, origin: `https://${authorityOf(address)}`, agent, by: proxied?.by ?? '', byNote: false };
}

const kept = { keepAlive: true, maxSockets: 16, scheduling: 'lifo' } as const;

/** @param named what `Host` says */
function bySocket(socketPath: string, named: RequestOptions): Connections {
  const http = process.getBuiltinModule('node:http');
  const place = () => ({ ...named, socketPath });
  return { http, place, origin: 'http://localhost', agent: new http.Agent(kept), by: '', byNote: false };
}

const authorityOf = ({ host, port }: Pick<Tcp, 'host' | 'port'>) =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** @throws BrokerError unreachable, for a proxy that none is */
async function byProxyOfProcess(address: Tcp) {
  const { byProxy, wayOfProcess } = await import('../foundation/proxy.ts');
  try {
    const way = wayOfProcess();
    const agent = way.agent();
    if (agent === undefined) return undefined;
    const by = byProxy(way.proxyOf(`https://${authorityOf(address)}`));
    return { agent: Object.assign(agent, { maxSockets: 16 }), by };
  } catch (cause) {
    // its message holds no address
    throw new BrokerError('unreachable', { detail: (cause as Error).message, cause });
  }
}
