import { answers } from './refusal-answers.ts';
import type { RequestLimits } from './seeds.ts';

export interface Quota {
  /** @throws Answer 429 with Retry-After where a limit is used up */
  spend(email: string, kind: 'read' | 'write'): void;
  /** @throws Answer 429 where nothing is left to read: the service does not even sign such a token in */
  assertOpen(email: string): void;
  set(limits: RequestLimits): void;
}

const hour = 3_600_000;
const day = 24 * hour;

/** The service's limits: reads and writes an hour for each token, and a day's requests for all together. */
export function createQuota(now: () => number, initial: RequestLimits): Quota {
  let limits = initial;
  const spent = new Map<string, number[]>();

  /** epoch milliseconds of what was spent within the window, oldest first */
  const within = (key: string, span: number): number[] => {
    const from = now() - span;
    const kept = (spent.get(key) ?? []).filter((time) => time > from);
    spent.set(key, kept);
    return kept;
  };
  const check = (key: string, span: number, limit: number | undefined): void => {
    if (limit === undefined) return;
    const times = within(key, span);
    if (times.length < limit) return;
    throw answers.tooMany(Math.max(1, Math.ceil(((times[0] ?? now()) + span - now()) / 1000)));
  };
  const limitOf = (kind: 'read' | 'write') => (kind === 'read' ? limits.readsPerHour : limits.writesPerHour);

  return {
    spend(email, kind) {
      check('all', day, limits.perDay);
      check(`${kind} ${email}`, hour, limitOf(kind));
      within('all', day).push(now());
      within(`${kind} ${email}`, hour).push(now());
    },
    assertOpen(email) {
      check('all', day, limits.perDay);
      check(`read ${email}`, hour, limits.readsPerHour);
    },
    set(changed) {
      limits = changed;
      spent.clear();
    },
  };
}
