import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import type { Ended, Running } from './home.ts';

/** A request to the laptop's servers: who made it is killed as the server begins with it, or when it has answered. */
export interface Boundary {
  readonly request: RegExp;
  /** from 1 */
  readonly nth: number;
  readonly when: 'start' | 'finish';
}

const channels = { start: 'http.server.request.start', finish: 'http.server.response.finish' } as const;

/** Servers in this process, such as a stack's. */
export interface Watched {
  readonly addresses: {
    readonly vault: Pick<RunningStack['addresses']['vault'], 'address'>;
    readonly issuer: string;
    readonly secretsManager: Pick<RunningStack['addresses']['secretsManager'], 'endpoint'>;
  };
}

/** Kills a process at a boundary. */
export async function killedAt(running: Running, at: Watched, boundary: Boundary): Promise<Ended> {
  using _ = onceAt(at, boundary, () => running.child.kill('SIGKILL'));
  return await running.ended;
}

/** Does something at a boundary, until it is disposed of. */
export function onceAt(at: Watched, { request: wanted, nth, when }: Boundary, doing: () => void): Disposable {
  const { vault, issuer, secretsManager } = at.addresses;
  const hosts = new Set([vault.address, issuer, secretsManager.endpoint].map((url) => new URL(url).host));
  let left = nth;
  const onMessage = (message: unknown) => {
    const { request } = message as { request: IncomingMessage & { readonly originalUrl?: string } };
    if (!hosts.has(request.headers.host ?? '')) return;
    const target = request.headers['x-amz-target'];
    const what = `${request.method} ${request.originalUrl ?? request.url} ${typeof target === 'string' ? target : ''}`;
    if (wanted.test(what) && (left -= 1) === 0) doing();
  };
  subscribe(channels[when], onMessage);
  return { [Symbol.dispose]: () => unsubscribe(channels[when], onMessage) };
}
