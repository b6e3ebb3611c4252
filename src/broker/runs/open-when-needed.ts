import type { Runs } from '../../durable/runs/contract.ts';
import { asFlowError, FlowError } from '../../foundation/errors.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import { BrokerRefusal } from '../refusal.ts';

/** Runs that are opened once somebody needs them: until then nothing of them is loaded. */
export interface LazyRuns {
  /** @throws BrokerRefusal runs-unavailable; the next one who asks tries again */
  open(): Promise<Runs>;
  /** Some may have been left in the middle: they go on, as soon as the database can be used. */
  goOn(): void;
  close(): Promise<void>;
}

/** seconds after which a database that could not be used is tried again by itself */
const patience = 10;

export function openWhenNeeded(
  open: () => Promise<Runs>,
  { warn }: { readonly warn: (message: string) => void },
): LazyRuns {
  const opened = madeOnce(open);
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let told: string | undefined;

  const once = (): Promise<Runs> =>
    closed ? Promise.reject(new FlowError('unavailable', 'the broker ends')) : opened.get();
  const goOn = (): void => {
    once().catch((error: unknown) => {
      const line = asFlowError(error).line();
      // the same trouble, every few seconds, is told once
      if (line !== told) warn(`runs wait: ${line}`);
      told = line;
      if (!closed) timer = setTimeout(goOn, patience * 1_000).unref();
    });
  };
  return {
    goOn,
    async open() {
      try {
        return await once();
      } catch (cause) {
        throw new BrokerRefusal('runs-unavailable', { retryAfter: patience, cause });
      }
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await (await opened.known())?.close();
    },
  };
}
