import type { EntryQuota } from '../../adapters/vaults/quota.ts';
import { type NewestLines, newestLines } from '../../audit/newest-lines.ts';
import type { AuditFilter } from '../../audit/read-trail.ts';
import type { WatchedTrail } from '../../audit/watched-trail.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import type { RulesInForce } from '../policy/rules-in-force.ts';
import { policyShown } from './policy-shown.ts';

/** What of a broker people look at besides approvals and agent runs. No value is in any of it. */
export interface Sights {
  policy(): ReturnType<typeof policyShown>;
  /** the newest first */
  trail(filter: AuditFilter, most: number): Promise<NewestLines>;
  /** when each drill of the folder last held, and when it last did not */
  drills(): Promise<readonly Drill[]>;
  quotas(): readonly EntryQuota[];
  /** Told of what happens, at most once a second: the actions of the trail. */
  watch(heard: (actions: readonly string[]) => void): () => void;
}

/** A flow that only proves something, `…-drill`. Times as RFC 3339 writes them. */
export interface Drill {
  readonly flow: string;
  readonly description: string;
  /** undefined: never, as far back as was looked */
  readonly held: string | undefined;
  readonly failed: string | undefined;
}

export interface SightsOptions {
  readonly rules: () => RulesInForce;
  /** the trails of the environment: the broker's, and those of commands */
  readonly trails: () => readonly string[];
  readonly flows: () => Iterable<{ readonly name: string; readonly description: string }>;
  readonly quotas: () => readonly EntryQuota[];
  readonly trail: Pick<WatchedTrail, 'watch'>;
  readonly clock: Pick<BrokerClock, 'after' | 'monotonic'>;
}

/** milliseconds */
const together = 1_000;
const drillsKept = 60_000;
const runActions = new Set(['local.run', 'flow.run', 'run.finished']);

export function createSights({ rules, trails, flows, quotas, trail, clock }: SightsOptions): Sights {
  const drills = createMemory<readonly Drill[]>({ clock, capacity: 1 });

  async function lookForDrills(): Promise<readonly Drill[]> {
    const names = [...flows()].filter(({ name }) => /(?:^|-)drill$/.test(name));
    return Promise.all(
      names.map(async ({ name, description }) => {
        const last = async (outcome: string) => {
          const { lines } = await newestLines(trails(), { name, outcome }, 20);
          return lines.find(({ action }) => runActions.has(action))?.at;
        };
        const [held, failed] = await Promise.all([last('allowed'), last('failed')]);
        return { flow: name, description, held, failed };
      }),
    );
  }

  return {
    policy: () => policyShown(rules()),
    trail: (filter, most) => newestLines(trails(), filter, most),
    drills: () => drills.get('all', lookForDrills, () => ({ ends: clock.monotonic() + drillsKept })),
    quotas,
    watch(heard) {
      const actions = new Set<string>();
      let stopWaiting: (() => void) | undefined;
      const stop = trail.watch(({ action }) => {
        actions.add(action);
        stopWaiting ??= clock.after(together, () => {
          stopWaiting = undefined;
          const told = [...actions];
          actions.clear();
          heard(told);
        });
      });
      return () => {
        stop();
        stopWaiting?.();
      };
    },
  };
}
