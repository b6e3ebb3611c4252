/** Wrong passwords and codes in a row that are free. */
const free = 5;
/** seconds of the first lock, doubled by each further failure */
const firstLock = 30;
const longestLock = 900;

/**
 * Slows guessing down, by user: after five failures in a row each further one locks the user's sign-in for 30 s,
 * 60 s, and so on up to 15 minutes. A locked user's right answers are refused like wrong ones. Only a complete sign-in
 * ends the count: a right password alone does not, or whoever knows it could guess codes for ever.
 */
export interface Attempts {
  locked(userId: string): boolean;
  failed(userId: string): void;
  signedIn(userId: string): void;
  /** One judgement at a time for a user name, so that parallel guesses meet the count of those before them. */
  inTurn<T>(userName: string, judge: () => Promise<T>): Promise<T>;
}

export function createAttempts(now: () => number): Attempts {
  const failures = new Map<string, { count: number; until: number }>();
  const turns = new Map<string, Promise<unknown>>();
  return {
    locked: (userId) => (failures.get(userId)?.until ?? 0) > now(),
    failed: (userId) => {
      const count = (failures.get(userId)?.count ?? 0) + 1;
      const seconds = count < free ? 0 : Math.min(longestLock, firstLock * 2 ** (count - free));
      failures.set(userId, { count, until: now() + seconds * 1000 });
    },
    signedIn: (userId) => void failures.delete(userId),
    inTurn: async (userName, judge) => {
      const before = turns.get(userName) ?? Promise.resolve();
      const mine = before.then(judge);
      const settled = mine.catch(() => undefined);
      turns.set(userName, settled);
      try {
        return await mine;
      } finally {
        if (turns.get(userName) === settled) turns.delete(userName);
      }
    },
  };
}
