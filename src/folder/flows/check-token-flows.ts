import type { Environment, NamedThing, Settings } from '../service/settings.ts';
import { presentedStep, type Flow } from './flow.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { usesOf } from './flow-uses.ts';

/** The flows that a `token-flow:` names: each must be pure, run by itself, give a token, and not need its own connection. */
export function checkTokenFlows(
  settings: Settings,
  source: Source,
  flows: ReadonlyMap<string, Flow>,
  broken: ReadonlySet<string>,
): void {
  for (const environment of settings.environments.values()) {
    for (const { of, name, by, range } of environment.named) {
      if (of !== 'flows' || broken.has(name)) continue;
      const flow = flows.get(name);
      const trouble = flow === undefined ? undefined : unfit(flow, environment, by);
      if (flow === undefined) source.report(range, `unknown flow "${name}"`, suggest(name, flows.keys()));
      else if (trouble !== undefined)
        source.report(range, `the flow "${name}" ${trouble}`, 'it must give a token by itself');
    }
  }
}

function unfit(flow: Flow, environment: Environment, by: NamedThing['by']): string | undefined {
  if (flow.effect !== 'none') return 'writes';
  if (flow.environments?.includes(environment.name) === false) return `does not run in "${environment.name}"`;
  if (flow.inputs.some((input) => input.default === undefined)) return 'takes inputs that have no default';
  const output = flow.output?.kind === 'scalar' ? presentedStep(flow, flow.output.value) : undefined;
  if (output?.kind?.presents !== 'token') return 'has another output than a token';
  const own = usesOf(flow, environment).connections.some(
    ({ kind, name }) => kind === by.kind && name === by.name,
  );
  return own ? 'needs the provider whose token it gives' : undefined;
}
