/** What Keycloak counts of a user's failures, as its status has it. */
export interface FailureStatus {
  readonly numFailures: number;
  readonly numSecondaryAuthFailures: number;
  /** epoch seconds */
  readonly failedLoginNotBefore: number;
  readonly disabled: boolean;
}

/** Keycloak's own values: two failures within a second lock a user for a minute, thirty for as long. */
const quick = 1_000;
const lock = 60_000;
const most = 30;

/** Its brute-force detection: a locked user's right answers are refused like wrong ones, and a success ends the count. */
export function createBruteForce(now: () => number) {
  const counts = new Map<string, { failures: number; secondary: number; last: number; until: number }>();
  const locked = (user: string) => (counts.get(user)?.until ?? 0) > now();
  return {
    locked,
    failed(user: string, what: 'password' | 'code'): void {
      const { failures = 0, secondary = 0, last = -Infinity, until = 0 } = counts.get(user) ?? {};
      const at = now();
      const locks = at - last < quick || failures + 1 >= most;
      counts.set(user, {
        failures: failures + 1,
        secondary: secondary + (what === 'code' ? 1 : 0),
        last: at,
        until: locks ? at + lock : until,
      });
    },
    forget: (user: string) => void counts.delete(user),
    status(user: string): FailureStatus {
      const { failures = 0, secondary = 0, until = 0 } = counts.get(user) ?? {};
      return {
        numFailures: failures,
        numSecondaryAuthFailures: secondary,
        failedLoginNotBefore: Math.ceil(until / 1000),
        disabled: locked(user),
      };
    },
  };
}

export type BruteForce = ReturnType<typeof createBruteForce>;
