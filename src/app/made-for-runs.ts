import type { MadeForRun } from '../engine/services.ts';

/** What was made for one agent run alone, until that ends. */
export interface MadeForRuns {
  readonly add: (agentRun: string, made: MadeForRun) => void;
  /** Forgets what it gives. What has expired meanwhile is not among it. */
  end(agentRun: string): readonly MadeForRun[];
}

/** Agent runs whose tokens are known; of the one before them they end by their expiry. */
const mostRuns = 10_000;

/** @param now epoch milliseconds */
export function createMadeForRuns(now: () => number): MadeForRuns {
  const runs = new Map<string, MadeForRun[]>();
  const alive = ({ expiresAt }: MadeForRun) => expiresAt === undefined || expiresAt * 1_000 > now();
  return {
    add(agentRun, made) {
      const before = runs.get(agentRun) ?? [];
      const [oldest] = runs.keys();
      if (before.length === 0 && runs.size >= mostRuns && oldest !== undefined) runs.delete(oldest);
      runs.set(agentRun, [...before.filter(alive), made]);
    },
    end(agentRun) {
      const made = runs.get(agentRun) ?? [];
      runs.delete(agentRun);
      return made.filter(alive);
    },
  };
}
