import type { Notice, NotTold } from '../../adapters/channels/contract.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { asFlowError, FlowError } from '../../foundation/errors.ts';
import { unlessAborted } from '../../foundation/unless-aborted.ts';
import type { Database } from '../database/contract.ts';
import { outboxChannel } from './enqueue.ts';

export interface OutboxOptions {
  readonly database: Database;
  readonly clock: BrokerClock;
  /** Tells it by a channel, once. @throws FlowError */
  readonly send: (channel: string, notice: Notice, signal: AbortSignal) => Promise<void>;
  /** One attempt failed, and there will be more. */
  readonly failed: (failure: NotTold) => void;
  /** It is not told any more. Resolves when that is on the trail. */
  readonly gaveUp: (failure: NotTold & { readonly tries: number }) => Promise<void>;
}

/** Delivers what {@link enqueue} has put there, here or at another broker, from before too. */
export interface Outbox {
  /** Resolves when nothing is under way here: what is left waits for its time, or is another broker's. */
  idle(): Promise<void>;
  /** Calls that are under way are ended, and made again by whoever comes next. */
  close(): Promise<void>;
}

/** notices under way at once: a slow channel leaves room for the others */
const most = 10;
/** milliseconds for one attempt, what it asks of the vault included */
const deadline = 20_000;
/** milliseconds that a broker has one to itself: longer than an attempt takes */
const lease = 30_000;
/** milliseconds to the second attempt; then twice as long each time */
const firstPause = 5_000;
const longestPause = 30 * 60_000;
/** milliseconds after which nobody wants to be told any more */
const patience = 24 * 3_600_000;
/** milliseconds between looks where nothing was announced: a lost connection tells nothing */
const lookEvery = 30_000;

interface Taken {
  readonly id: string;
  readonly channel: string;
  readonly notice: Notice;
  readonly made: number;
  readonly tries: number;
}

/**
 * Begins to deliver. Of several brokers on one database one tells each notice; where that one ends before it has noted
 * that it did, another tells it again.
 */
export async function createOutbox(options: OutboxOptions): Promise<Outbox> {
  const { database, clock, send, failed, gaveUp } = options;
  const ending = new AbortController();
  const underWay = new Set<Promise<void>>();
  let looking: Promise<void> | undefined;
  let again = false;
  let stopTimer = (): void => undefined;

  /** Those whose time has come, for this broker alone until their lease ends. */
  async function take(): Promise<readonly Taken[]> {
    return database.query<Taken>(
      `update flows_outbox set tries = tries + 1, next = $1::bigint + $2 where (id, channel) in
         (select id, channel from flows_outbox where next <= $1 order by next limit $3 for update skip locked)
       returning id, channel, notice, made::float8 as made, tries`,
      [clock.now(), lease, most - underWay.size],
    );
  }

  async function tell({ id, channel, notice, made, tries }: Taken): Promise<void> {
    const gone = () => database.query('delete from flows_outbox where id = $1 and channel = $2', [id, channel]);
    try {
      if (notice.expires !== undefined && notice.expires <= clock.now())
        throw new FlowError('timeout', `channel "${channel}" was not reached before its time was over`);
      const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(deadline)]);
      const late = () => new FlowError('timeout', `channel "${channel}" did not answer within ${deadline / 1_000} s`);
      await unlessAborted(send(channel, notice, signal), signal, late);
      await gone();
    } catch (cause) {
      // it was ended, not refused: whoever comes next tells it
      if (ending.signal.aborted) return;
      const error = asFlowError(cause);
      const next = clock.now() + pauseAfter(tries, error);
      const last = Math.min(made + patience, notice.expires ?? Infinity);
      if (next < last) {
        failed({ channel, notice, error });
        await database.query('update flows_outbox set next = $3 where id = $1 and channel = $2', [id, channel, next]);
        return;
      }
      // on the trail first: a crash in between tells it twice
      await gaveUp({ channel, notice, error, tries });
      await gone();
    }
  }

  async function look(): Promise<void> {
    while (!ending.signal.aborted && underWay.size < most) {
      const taken = await take();
      for (const each of taken) {
        // where the database or the trail does not take what became of it, it is told again when its lease ends
        const telling = tell(each)
          .catch(() => undefined)
          .finally(() => {
            underWay.delete(telling);
            wake();
          });
        underWay.add(telling);
      }
      if (taken.length === 0) break;
    }
    const [first] = await database.query<{ next: number | null }>('select min(next)::float8 as next from flows_outbox');
    stopTimer();
    if (!ending.signal.aborted)
      stopTimer = clock.after(Math.min((first?.next ?? Infinity) - clock.now(), lookEvery), wake);
  }

  /** One look at a time, and one more where something was said meanwhile. */
  function wake(): void {
    if (ending.signal.aborted) return;
    again = looking !== undefined;
    looking ??= look()
      .catch(() => {
        stopTimer();
        stopTimer = clock.after(lookEvery, wake);
      })
      .finally(() => {
        looking = undefined;
        if (again) wake();
      });
  }

  async function idle(): Promise<void> {
    if (looking === undefined && underWay.size === 0) return;
    await Promise.all([looking, ...underWay]);
    await idle();
  }

  const listening = await database.listen(outboxChannel, wake);
  wake();
  return {
    idle,
    async close() {
      ending.abort();
      stopTimer();
      await listening[Symbol.asyncDispose]();
      await Promise.all([looking, ...underWay]);
    },
  };
}

/** Twice as long each time, or as long as the service asks. */
function pauseAfter(tries: number, { retryAfter = 0 }: FlowError): number {
  return Math.min(Math.max(firstPause * 2 ** Math.min(tries - 1, 20), retryAfter * 1_000), longestPause);
}
