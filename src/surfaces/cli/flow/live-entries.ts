import { asFlowError, errorCodes } from '../../../foundation/errors.ts';
import type { Output, Shown } from '../../../engine/output.ts';

export type Entries = readonly (readonly [string, Shown])[];

/** A mapping whose one-time codes are renewed. */
export interface LiveEntries {
  all(): Entries;
  /** why the codes that are over could not be renewed; they stay, and it is tried again */
  trouble(): string | undefined;
  /** Renews the codes that are over. @throws FlowError, where that fails in a way that lasts */
  renew(): Promise<void>;
}

/** milliseconds until a renewal that failed is tried again */
const pause = 5_000;

/** @param again asks for everything anew, where a code does not tell those that come after it @param now epoch milliseconds */
export function createLiveEntries(first: Entries, again: () => Promise<Output>, now: () => number): LiveEntries {
  let entries = first;
  let trouble: string | undefined;
  let renewing: Promise<void> | undefined;
  let notBefore = 0;

  async function renewed(): Promise<void> {
    const at = now();
    const over = entries.filter(([, shown]) => shown.as === 'one-time-code' && shown.validUntil <= at);
    if (over.length === 0 || at < notBefore) return;
    try {
      entries = over.every(([, shown]) => shown.as === 'one-time-code' && shown.at !== undefined)
        ? await Promise.all(entries.map(async ([name, shown]) => [name, await ofTheMoment(shown, at)] as const))
        : entriesOf(await again(), entries);
      trouble = undefined;
    } catch (error) {
      const failure = asFlowError(error);
      if (!errorCodes[failure.code].retryable) throw failure;
      notBefore = now() + Math.max(pause, (failure.retryAfter ?? 0) * 1000);
      trouble = failure.line();
    }
  }

  return {
    all: () => entries,
    trouble: () => trouble,
    renew() {
      renewing ??= renewed().finally(() => (renewing = undefined));
      return renewing;
    },
  };
}

async function ofTheMoment(shown: Shown, at: number): Promise<Shown> {
  return shown.as === 'one-time-code' && shown.validUntil <= at ? ((await shown.at?.(at)) ?? shown) : shown;
}

function entriesOf(output: Output, before: Entries): Entries {
  return output.kind === 'mapping' ? output.entries : before;
}
