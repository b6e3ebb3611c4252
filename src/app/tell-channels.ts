import type { Notice, NotTold } from '../adapters/channels/contract.ts';
import { createNotice } from '../adapters/channels/notice.ts';
import { channelsOf } from '../folder/break-glass-accounts.ts';
import type { Flow } from '../folder/flows/flow.ts';
import type { Environment } from '../folder/service/settings.ts';
import { asFlowError, FlowError } from '../foundation/errors.ts';
import { unlessAborted } from '../foundation/unless-aborted.ts';
import type { Connections } from './connections.ts';

/** milliseconds that a run, once it is done, waits for those who are told */
const patience = 3_000;

export interface TellingOptions {
  readonly connections: () => Promise<Pick<Connections, 'urgent'>>;
  readonly environment: () => Environment;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

/** Who runs a flow, and whether people know of it already. */
export interface Running {
  readonly agent: string;
  readonly agentRun?: string | undefined;
  /** it goes on for who had its answer: a code is renewed */
  readonly again?: boolean | undefined;
  /** why, as a person says */
  readonly reason?: string | undefined;
}

/** Tells people of runs that are for break-glass, by the channels that these name. */
export interface Telling {
  /**
   * Does the work of a run, and tells of it meanwhile: what it gives is given once they were told. A channel that fails,
   * or takes three seconds longer than the run, holds nobody up: it is told of by `warn`, and to those who listen.
   */
  during<T>(flow: Pick<Flow, 'name' | 'notify'>, running: Running, work: () => Promise<T>): Promise<T>;
  /** Waits for those who listen, so that the trail can have it first; returns how to stop. */
  onNotTold(listener: (failure: NotTold) => Promise<void>): () => void;
}

/** Tells it now, of what cannot wait. @throws FlowError timeout where the signal aborts first, and what the channel says */
export async function sendUrgently(
  connections: Promise<Pick<Connections, 'urgent'>>,
  channel: string,
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  const late = () => new FlowError('timeout', `channel "${channel}" did not answer in time`);
  const sending = connections.then(async ({ urgent }) => urgent.channel(channel).send(notice, signal));
  await unlessAborted(sending, signal, late);
}

export function createTelling({ connections, environment, now, warn }: TellingOptions): Telling {
  const listeners = new Set<(failure: NotTold) => Promise<void>>();

  async function tell(
    flow: Pick<Flow, 'name' | 'notify'>,
    { agent, agentRun, reason }: Running,
    signal: AbortSignal,
  ): Promise<void> {
    const { name } = environment();
    const about = { environment: name, agent, agentRun, names: [flow.name], claimed: { reason } };
    const facts = { type: 'break-glass.run', ...about } as const;
    const notice = createNotice(facts, now());
    const told = channelsOf([flow], environment()).map(async (channel) => {
      try {
        await sendUrgently(connections(), channel, notice, signal);
      } catch (cause) {
        const error = asFlowError(cause);
        warn(`flow "${flow.name}" is run, and people were not told: ${error.line()}`);
        // whoever cannot write it down has warned of that
        await Promise.allSettled([...listeners].map((listener) => listener({ channel, notice, error })));
      }
    });
    await Promise.all(told);
  }

  return {
    async during(flow, running, work) {
      if (flow.notify.length === 0 || running.again === true) return work();
      const ending = new AbortController();
      const telling = tell(flow, running, ending.signal);
      try {
        return await work();
      } finally {
        const timer = setTimeout(() => ending.abort(), patience);
        await telling;
        clearTimeout(timer);
      }
    },
    onNotTold(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
