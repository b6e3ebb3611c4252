import type { Flow } from './flows/flow.ts';
import { usesOf } from './flows/flow-uses.ts';
import type { Folder } from './load-folder.ts';
import type { Environment } from './service/settings.ts';

/** A sign-in that a flow proves an account by. */
export interface ProvingStep {
  readonly step: string;
  readonly username: string;
  /** name of the identity provider in service.yaml */
  readonly provider: string;
  /** the item with its password */
  readonly item: string;
}

/** A flow that proves accounts: it only reads, and signs in. */
export interface Drill {
  readonly flow: Flow;
  readonly proves: readonly ProvingStep[];
  /** channels of the break-glass flows whose accounts it proves: told in a drill as they would be in earnest */
  readonly notify: readonly string[];
}

/** A flow that is for break-glass, and the drills that sign in with what it gives. */
export interface BreakGlass {
  readonly flow: Flow;
  readonly drills: readonly Drill[];
}

/**
 * What proves what in an environment, told without running anything. A break-glass flow and a drill belong together where
 * both read a password of the same item, so that nothing has to be declared twice.
 */
export function breakGlassIn(
  { flows }: Pick<Folder, 'flows'>,
  environment: Environment,
): { readonly flows: readonly BreakGlass[]; readonly drills: readonly Drill[] } {
  const here = [...flows.values()].filter((flow) => flow.environments?.includes(environment.name) ?? true);
  const glass = here
    .filter(({ breakGlass }) => breakGlass)
    .map((flow) => ({ flow, items: itemsOf(flow, environment) }));
  const drills = here.flatMap((flow): Drill[] => {
    const proves = flow.effect === 'none' ? signInsOf(flow, environment) : [];
    if (proves.length === 0) return [];
    const served = glass.filter(({ items }) => proves.some(({ item }) => items.has(item)));
    return [
      {
        flow,
        proves,
        notify: channelsOf(
          served.map((each) => each.flow),
          environment,
        ),
      },
    ];
  });
  return {
    drills,
    flows: glass.map(({ flow, items }) => ({
      flow,
      drills: drills.flatMap((drill) => {
        const proves = drill.proves.filter(({ item }) => items.has(item));
        return proves.length === 0 ? [] : [{ ...drill, proves }];
      }),
    })),
  };
}

/** What the laptop does not declare is left out there: nothing real is given on it. */
export function channelsOf(flows: readonly Pick<Flow, 'notify'>[], { laptop, notify }: Environment): readonly string[] {
  const named = flows.flatMap((flow) => flow.notify.map(({ channel }) => channel));
  return [...new Set(named)].filter((each) => !laptop || notify.has(each));
}

function itemsOf(flow: Flow, environment: Environment): ReadonlySet<string> {
  return new Set(usesOf(flow, environment).references.map(({ reference }) => reference.itemReference.toString()));
}

function signInsOf(flow: Flow, environment: Environment): readonly ProvingStep[] {
  const { connections, steps } = usesOf(flow, environment);
  return steps.flatMap(({ id, kind, input }) => {
    const provider = connections.find((each) => each.step === id && each.kind === 'identity-providers')?.name;
    const users = kind.effect === 'none' && provider !== undefined ? (kind.users?.(input) ?? []) : [];
    return users.map(({ username, password }) => ({
      step: id,
      username,
      provider: provider ?? '',
      item: password.itemReference.toString(),
    }));
  });
}
