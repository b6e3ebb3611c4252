import { randomBytes } from 'node:crypto';
import type { Caller } from '../../broker/contract.ts';
import { BrokerRefusal } from '../../broker/refusal.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import { Secret } from '../../foundation/secret.ts';
import { largestBody } from '../../foundation/wire.ts';
import type { Bringer, Json, VaultApiOptions, VaultReply } from './contract.ts';
import { requireAllowed } from './require-allowed.ts';
import { envelope, malformed, onlyOfKv, VaultRefusal } from './replies.ts';

/** Answers that wait for whoever brings the token that stands in their place: once, and for a while. */
export interface Wrapping {
  /** @param seconds that it is kept at most; never longer than what is in it @throws BrokerRefusal, VaultRefusal */
  wrap(reply: VaultReply, caller: Caller, seconds: number): Promise<VaultReply>;
  /**
   * What is refused, or cannot be written down, is kept for the next who brings the token.
   * @throws BrokerRefusal, VaultRefusal where there is no such token, or none any more
   */
  unwrap(token: string, by: Bringer): Promise<VaultReply>;
}

interface Wrapped {
  readonly body: Secret;
  readonly caller: Caller;
  readonly names: readonly string[];
  /** monotonic milliseconds */
  readonly ends: number;
  /** it makes room for another of the same agent */
  readonly release: () => void;
}

const prefix = 'flows_wrapped_';
/** seconds */
const longest = 3_600;
const mostKept = 1_000;
/** of one agent: the others' must not have to make room */
const mostOfOne = 100;

/** Whether a token is one that an answer was wrapped by. */
export function isWrapping(token: string): boolean {
  return token.startsWith(prefix);
}

/**
 * Response wrapping. What is wrapped is in memory only, and is looked at once more when it is unwrapped: an agent that
 * may not have it any more has not passed it on either.
 */
export function createWrapping({
  broker,
  record,
  clock,
}: Pick<VaultApiOptions, 'broker' | 'record' | 'clock'>): Wrapping {
  /** by the hash of the token */
  const kept = createMemory<Wrapped>({ clock, capacity: mostKept });
  const held = new Map<string, number>();

  const count = (agent: string, by: number): void => {
    const left = (held.get(agent) ?? 0) + by;
    if (left > 0) held.set(agent, left);
    else held.delete(agent);
  };

  return {
    async wrap({ body, kept: given }, caller, seconds) {
      if (given === undefined || body === undefined) throw onlyOfKv();
      const text = JSON.stringify(body);
      if (Buffer.byteLength(text) > largestBody) throw new VaultRefusal('too-large', ['it is too large to be wrapped']);
      if ((held.get(caller.agent) ?? 0) >= mostOfOne)
        throw new BrokerRefusal('rate-limited', { retryAfter: 60, detail: `${mostOfOne} wrapped answers wait` });
      const now = clock.now();
      const ttl = Math.floor(Math.min(seconds, longest, (given.ends - now) / 1_000));
      if (ttl < 1) throw malformed('what is wrapped would be over at once');
      const token = new Secret(`${prefix}${randomBytes(32).toString('base64url')}`);
      // before anything is waited for: many who ask at once are counted one after another
      count(caller.agent, 1);
      try {
        await record({ ...eventOf(caller), action: 'vault.wrapped', what: given.names, outcome: 'allowed' });
      } catch (error) {
        count(caller.agent, -1);
        throw error;
      }
      const stop = clock.after(ttl * 1_000, () => count(caller.agent, -1));
      const release = () => {
        stop();
        count(caller.agent, -1);
      };
      const ends = clock.monotonic() + ttl * 1_000;
      kept.put(token.hash(), { body: new Secret(text), caller, names: given.names, ends, release }, { ends });
      const info = {
        token: token.reveal(),
        accessor: '',
        ttl,
        creation_time: new Date(now).toISOString(),
        creation_path: caller.path ?? '',
        wrapped_accessor: '',
      };
      return { status: 200, body: { ...envelope({}), wrap_info: info } };
    },
    async unwrap(token, by) {
      const hash = new Secret(token).hash();
      const found = kept.peek(hash)?.value;
      // gone before anything is waited for: two who bring it do not both get it
      kept.forget(hash);
      if (found === undefined)
        throw new VaultRefusal('invalid-request', ['wrapping token is not valid or does not exist']);
      const { body, caller, names, ends, release } = found;
      try {
        await requireAllowed(broker, caller, names);
        const detail = `wrapped by ${caller.agent}, request ${caller.request}`;
        await record({ ...by, path: caller.path, action: 'vault.unwrapped', what: names, outcome: 'allowed', detail });
      } catch (error) {
        // nobody has it: as long as it lasts, it may be asked for again
        kept.put(hash, found, { ends });
        throw error;
      }
      if (clock.monotonic() < ends) release();
      return { status: 200, body: JSON.parse(body.reveal()) as Json };
    },
  };
}

function eventOf({ agent, request, address, path, agentRun, reason }: Caller) {
  return { agent, request, address, path, agentRun: agentRun?.run, reason };
}
