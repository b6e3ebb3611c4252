import type { Agent } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import { fetchOver } from '../../../foundation/agent-fetch.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { Fetch, Way } from '../../../foundation/proxy.ts';

interface PoolOptions {
  /** where all of it goes */
  readonly origin: URL;
  readonly way: Way;
  /** whether an address may be talked to */
  readonly mayReach: (address: string) => boolean;
  /** connections at the same time */
  readonly most: number;
  /** how names become addresses; default: the system's way */
  readonly lookup?: LookupFunction | undefined;
}

/** Connections to one origin, kept for a while. */
interface Pool {
  readonly fetch: Fetch;
  close(): void;
}

/** milliseconds to make a connection */
const patience = 10_000;
/** milliseconds that an unused one is kept: less than servers do, which would close it as it is used again */
const idle = 4_000;

/**
 * A connection is made to an address that was looked at: the one that the name led to, not the name, which may lead
 * elsewhere the next time. Where a proxy is between, it alone knows the address.
 */
export function createPool({ origin, way, mayReach, most, lookup = systemLookup }: PoolOptions): Pool {
  let agent: Agent | undefined;
  const made = () => (agent ??= way.proxyOf(origin) === undefined ? direct() : byProxy());

  function byProxy(): Agent {
    const tunnels = way.agent() ?? direct();
    tunnels.maxSockets = most;
    return tunnels;
  }

  function direct(): Agent {
    const { Agent: Made } = process.getBuiltinModule(origin.protocol === 'https:' ? 'node:https' : 'node:http');
    const options = { keepAlive: true, scheduling: 'lifo', maxSockets: most, timeout: idle, lookup: checked } as const;
    const kept: Agent = new Made(options);
    const connect = kept.createConnection.bind(kept);
    kept.createConnection = (given, done) => {
      const socket = connect(given, done) as Socket;
      const late = setTimeout(() => socket.destroy(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), patience);
      socket.once('connect', () => {
        clearTimeout(late);
        // a literal is never looked up, and what was looked up is looked at once more
        if (!mayReach(socket.remoteAddress ?? '')) socket.destroy(unreachable(origin.hostname));
      });
      socket.once('close', () => clearTimeout(late));
      return socket;
    };
    return kept;
  }

  /** All that a name leads to, or nothing: among good addresses a bad one is no accident. */
  const checked: LookupFunction = (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      const addresses = Array.isArray(found) ? found : [];
      if (error !== null) return done(error, '');
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => mayReach(address)))
        return done(unreachable(name), '');
      if (options.all === true) return done(null, addresses);
      return done(null, first.address, first.family);
    });
  };

  const send = async (url: string, init: RequestInit) => {
    try {
      return await fetchOver(made(), url, init);
    } catch (error) {
      throw error instanceof Error && error.cause instanceof FlowError ? error.cause : error;
    }
  };
  return {
    fetch: Object.assign(send, { proxyOf: way.proxyOf }),
    close: () => agent?.destroy(),
  };
}

const systemLookup: LookupFunction = (name, options, done) =>
  process.getBuiltinModule('node:dns').lookup(name, options, done);

function unreachable(name: string): FlowError {
  return new FlowError('refused', `${name} leads to an address that is not public`, {
    hint: 'write its network under private: of the API in service.yaml, if it is meant; this machine, what is link-local, and metadata services are never reached',
  });
}
