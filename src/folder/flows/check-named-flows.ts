import type { Environment, NamedThing, Settings } from '../service/settings.ts';
import { presentedAs, type Flow } from './flow.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { isFixedTool, toolNameOf } from '../reserved-names.ts';
import { usesOf } from './flow-uses.ts';

/**
 * The flows that service.yaml names. One of a `token-flow:` must be pure, run by itself, give a token, and not need its own
 * connection; one of `mcp:` must be for models.
 */
export function checkNamedFlows(
  settings: Settings,
  source: Source,
  flows: ReadonlyMap<string, Flow>,
  broken: ReadonlySet<string>,
): void {
  for (const environment of settings.environments.values()) {
    for (const { of, name, by, range } of environment.named) {
      if (of !== 'flows' || broken.has(name)) continue;
      const flow = flows.get(name);
      const trouble = flow === undefined ? undefined : by === undefined ? unfitTool(flow, environment) : unfit(flow, environment, by);
      if (flow === undefined) source.report(range, `unknown flow "${name}"`, suggest(name, flows.keys()));
      else if (trouble !== undefined)
        source.report(range, `the flow "${name}" ${trouble}`, by === undefined ? 'leave it out of mcp.tools' : 'it must give a token by itself');
    }
  }
}

/** characters: some clients take no more together with the name of the server */
const longestTool = 40;

function unfitTool({ name, environments, breakGlass }: Flow, environment: Environment): string | undefined {
  if (breakGlass) return 'is for break-glass, and no model is an emergency';
  if (environments?.includes(environment.name) === false) return `does not run in "${environment.name}"`;
  if (isFixedTool(toolNameOf(name))) return 'has the name of a tool that is there anyway';
  return name.length > longestTool ? `has a name of more than ${longestTool} characters` : undefined;
}

function unfit(flow: Flow, environment: Environment, by: NonNullable<NamedThing['by']>): string | undefined {
  if (flow.effect !== 'none') return 'writes';
  if (flow.environments?.includes(environment.name) === false) return `does not run in "${environment.name}"`;
  if (flow.inputs.some((input) => input.default === undefined)) return 'takes inputs that have no default';
  if (presentedAs(flow) !== 'token') return 'has another output than a token';
  const own = usesOf(flow, environment).connections.some(
    ({ kind, name }) => kind === by.kind && name === by.name,
  );
  return own ? 'needs the connection whose token it gives' : undefined;
}
