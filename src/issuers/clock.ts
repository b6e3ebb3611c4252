import { requireSafeAddress } from '../address.ts';

export interface ClockOptions {
  readonly development: boolean;
  readonly now: () => number;
  readonly fetch?: typeof globalThis.fetch;
  /** milliseconds, default 2,000 */
  readonly deadline?: number;
}

/**
 * Local clock minus the `Date` that a server answers with, in whole seconds; undefined where it does not answer soon
 * or tells no date. Nothing is sent but the request.
 */
export async function clockSkewOf(url: string, options: ClockOptions): Promise<number | undefined> {
  const { development, now, fetch = globalThis.fetch, deadline = 2_000 } = options;
  if (requireSafeAddress(url, development) !== undefined) return undefined;
  try {
    const started = now();
    const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(deadline) });
    const date = Date.parse(response.headers.get('date') ?? '');
    await response.body?.cancel();
    if (Number.isNaN(date)) return undefined;
    // the header has whole seconds, and was written somewhere between sending and now
    return Math.round(((started + now()) / 2 - 500 - date) / 1000);
  } catch {
    return undefined;
  }
}
