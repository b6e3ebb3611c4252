import type { Agent } from 'node:http';
import { isLoopbackHost } from '../foundation/safe-address.ts';
import type { Address } from './broker-address.ts';
import { BrokerError } from './broker-error.ts';

/** What reaches the broker. */
export interface Connections {
  readonly http: typeof import('node:http') | typeof import('node:https');
  /** keeps connections until it is destroyed */
  readonly agent: Agent;
  /** the proxy on the way, as a part of a message */
  readonly by: string;
}

/** New connections to a broker: by the process's proxy where it is on another machine, and never where it is on this one. */
export async function connectionsTo(address: Address): Promise<Connections> {
  // imported as an ES module it would load all of fetch with it, and the command starts half as fast
  const secure = address.kind === 'tcp' && address.secure;
  const http = secure ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http');
  const proxied = secure && !isLoopbackHost(address.host) ? await byProxyOfProcess(address) : undefined;
  return { http, agent: new http.Agent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo' }), by: '', ...proxied };
}

/** @throws BrokerError unreachable, for a proxy that none is */
async function byProxyOfProcess({ host, port }: Extract<Address, { kind: 'tcp' }>) {
  const { byProxy, wayOfProcess } = await import('../foundation/proxy.ts');
  try {
    const way = wayOfProcess();
    const agent = way.agent();
    if (agent === undefined) return undefined;
    const by = byProxy(way.proxyOf(`https://${host.includes(':') ? `[${host}]` : host}:${port}`));
    return { agent: Object.assign(agent, { maxSockets: 16 }), by };
  } catch (cause) {
    // its message holds no address
    throw new BrokerError('unreachable', { detail: (cause as Error).message, cause });
  }
}
