import type { Agent } from 'node:http';
import { isLoopbackHost } from '../foundation/safe-address.ts';
import type { Address } from './broker-address.ts';
import { BrokerError } from './broker-error.ts';
import { type Exchange, exchangeAlone, exchangeBy, type Sent } from './exchange.ts';

/** What reaches the broker. */
export interface Connections {
  /** what a request's address begins with, as the broker sees it */
  readonly origin: string;
  readonly begin: (sent: Sent) => Exchange;
  /** those that are kept */
  readonly close: () => void;
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
  if (address.kind === 'socket') return bySocket(address.path, 'localhost', false);
  const { host, port } = address;
  const own = address.own && ca === undefined ? await import('./own-brokers.ts') : undefined;
  const noted = `http://${authorityOf({ host: host === 'localhost' ? '127.0.0.1' : host, port })}`;
  const socket = byPort ? undefined : own?.ownSocket(noted);
  if (socket !== undefined) return bySocket(socket, authorityOf(address), true);

  // imported as an ES module it would load all of fetch with it, and the command starts half as fast
  const http = process.getBuiltinModule('node:https');
  const proxied = isLoopbackHost(host) ? undefined : await byProxyOfProcess(address);
  const place = () => {
    // as they are now
    const found = own?.ownCertificates() ?? [];
    // given some, Node takes no others by itself
    const extra = found.length === 0 ? [] : process.getBuiltinModule('node:tls').getCACertificates('extra');
    return { host, port, rejectUnauthorized: true, ca: found.length === 0 ? ca : [...found, ...extra] };
  };
  const agent = proxied?.agent ?? new http.Agent(kept);
  return {
    origin: `https://${authorityOf(address)}`,
    begin: (sent) => exchangeBy(http, { ...place(), agent }, sent),
    close: () => agent.destroy(),
    by: proxied?.by ?? '',
    byNote: false,
  };
}

const kept = { keepAlive: true, maxSockets: 16, scheduling: 'lifo' } as const;

/** Who asks more than once keeps connections from the second time on. @param authority what `Host` says */
function bySocket(socketPath: string, authority: string, byNote: boolean): Connections {
  let asked = false;
  let agent: Agent | undefined;
  return {
    origin: byNote ? `http://${authority}` : 'http://localhost',
    begin(sent) {
      if (!asked) {
        asked = true;
        return exchangeAlone(socketPath, authority, sent);
      }
      const http = process.getBuiltinModule('node:http');
      agent ??= new http.Agent(kept);
      return exchangeBy(http, { socketPath, agent }, { ...sent, headers: { host: authority, ...sent.headers } });
    },
    close: () => agent?.destroy(),
    by: '',
    byNote,
  };
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
