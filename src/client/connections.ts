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
  /** PEM of the authorities of its certificate, as they are now; undefined: those that Node knows */
  readonly authorities: () => string | string[] | undefined;
}

/**
 * New connections to a broker: by the process's proxy where it is on another machine, and never where it is on this one.
 * @param ca PEM, instead of what is found
 */
export async function connectionsTo(address: Address, ca: string | undefined): Promise<Connections> {
  // imported as an ES module it would load all of fetch with it, and the command starts half as fast
  const http = process.getBuiltinModule(address.kind === 'socket' ? 'node:http' : 'node:https');
  const near = address.kind === 'socket' || isLoopbackHost(address.host);
  const proxied = near ? undefined : await byProxyOfProcess(address);
  const agent = proxied?.agent ?? new http.Agent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo' });
  return { http, agent, by: proxied?.by ?? '', authorities: await authoritiesOf(address, ca) };
}

async function authoritiesOf(address: Address, ca: string | undefined): Promise<Connections['authorities']> {
  if (ca !== undefined || address.kind === 'socket' || !address.own) return () => ca;
  const { ownCertificates } = await import('./own-certificates.ts');
  return () => {
    const found = ownCertificates();
    return found.length === 0 ? undefined : found;
  };
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
