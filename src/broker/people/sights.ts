import type { EntryQuota } from '../../adapters/vaults/quota.ts';
import { type BreakGlassState, breakGlassState, readableOf } from '../../audit/break-glass-state.ts';
import { type NewestLines, newestLines, rememberNewest } from '../../audit/newest-lines.ts';
import type { AuditFilter } from '../../audit/read-trail.ts';
import type { WatchedTrail } from '../../audit/watched-trail.ts';
import type { BreakGlass } from '../../folder/break-glass-accounts.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import type { RulesInForce } from '../policy/rules-in-force.ts';
import { policyShown } from './policy-shown.ts';

/** What of a broker people look at besides approvals and agent runs. No value is in any of it. */
export interface Sights {
  policy(): ReturnType<typeof policyShown>;
  /** the newest first */
  trail(filter: AuditFilter, most: number): Promise<NewestLines>;
  /** which break-glass account was proven, and what is to be seen to; a minute old at most */
  breakGlass(): Promise<BreakGlassState>;
  quotas(): readonly EntryQuota[];
  /** Told of what happens, at most once a second: the actions of the trail. */
  watch(heard: (actions: readonly string[]) => void): () => void;
}

export interface SightsOptions {
  readonly rules: () => RulesInForce;
  /** the trails of the environment: the broker's, and those of commands */
  readonly trails: () => readonly string[];
  /** what is for break-glass, in the folder as it is now */
  readonly flows: () => readonly BreakGlass[];
  readonly quotas: () => readonly EntryQuota[];
  readonly trail: Pick<WatchedTrail, 'watch'>;
  readonly clock: Pick<BrokerClock, 'after' | 'monotonic' | 'now'>;
}

/** milliseconds */
const together = 1_000;
const stateKept = 60_000;

export function createSights({ rules, trails, flows, quotas, trail, clock }: SightsOptions): Sights {
  const state = createMemory<BreakGlassState>({ clock, capacity: 1 });
  const find = rememberNewest();
  const look = async () => {
    const { files, troubles } = readableOf(trails());
    const found = await breakGlassState(flows(), files, clock.now(), find);
    return { ...found, troubles: [...found.troubles, ...troubles] };
  };

  return {
    policy: () => policyShown(rules()),
    trail: (filter, most) => newestLines(readableOf(trails()).files, filter, most),
    breakGlass: () => state.get('all', look, () => ({ ends: clock.monotonic() + stateKept })),
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
