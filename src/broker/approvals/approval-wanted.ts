import { type Demand, type DemandedName, demandOf, type DemandFacts, termsOf } from './demand.ts';
import type { Pass } from './admission-pass.ts';

/** What must be approved now, and what approving these names would be for. */
export interface Wanted {
  /** in groups that one yes is for, each with those of its names that are asked for */
  readonly demands: readonly { readonly demand: Demand; readonly asked: readonly string[] }[];
  readonly now: (names: readonly string[]) => Demand | undefined;
}

export interface WantedFacts extends Omit<DemandFacts, 'what'> {
  /** the names that are asked for */
  readonly asked: readonly string[];
  /** every name that there is */
  readonly known: () => Iterable<string>;
  /** what must be approved of a name, as the rules are now; undefined: nothing, or it is not to be had */
  readonly gated: (name: string) => DemandedName | undefined;
}

/**
 * What of a request must be approved. A yes for more than one call is for all names that the very same rules are about,
 * so that an agent with six helpers asks once and not for each name.
 */
export function wantedOf({ asked, known, gated, ...facts }: WantedFacts): Wanted {
  const groups = Map.groupBy(
    asked.flatMap((name) => gated(name) ?? []),
    keyOf,
  );
  const demands = [...groups].map(([key, group]) => {
    const { scope } = termsOf(group[0]?.rules ?? [], facts.caller.agentRun !== undefined);
    const wider = () => [...known()].flatMap((name) => gated(name) ?? []).filter((each) => keyOf(each) === key);
    const what = scope === 'call' ? group : wider();
    return { demand: demandOf({ ...facts, what }), asked: group.map(({ name }) => name) };
  });
  return {
    demands,
    now(names) {
      const what = names.flatMap((name) => gated(name) ?? []);
      return what.length < names.length || what.length === 0 ? undefined : demandOf({ ...facts, what });
    },
  };
}

/** The names that are asked for and not approved. */
export function unapproved({ demands, now }: Wanted, pass: Pass | undefined): readonly string[] {
  if (demands.length === 0) return [];
  const covered = pass?.covered(now);
  return demands.flatMap(({ asked }) => asked.filter((name) => covered?.has(name) !== true));
}

function keyOf({ rules }: DemandedName): string {
  return rules
    .map(({ text }) => text)
    .toSorted()
    .join('\n');
}
