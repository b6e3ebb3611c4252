export interface PaceOptions {
  /** how many run at once */
  readonly atOnce: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** Runs work a few at a time, and work of one group no faster than so many a second. */
export function createPace(options: PaceOptions) {
  const waiting: (() => void)[] = [];
  const due = new Map<string, number>();
  let running = 0;

  async function slot(): Promise<void> {
    if (running < options.atOnce) {
      running += 1;
      return;
    }
    await new Promise<void>((resolve) => void waiting.push(resolve)); // the one that ends hands its slot over
  }

  function free(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  /** @param perSecond Infinity: as fast as it goes */
  return async function paced<T>(
    group: string,
    perSecond: number,
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    await slot();
    try {
      const at = Math.max(options.now(), due.get(group) ?? 0);
      due.set(group, at + 1000 / perSecond);
      const wait = at - options.now();
      if (wait > 0) await options.sleep(wait);
      signal?.throwIfAborted();
      return await work();
    } finally {
      free();
    }
  };
}
