import type { Environment, Settings } from '../service/settings.ts';
import { presentedStep, type Flow } from './flow.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { usesOf } from './flow-uses.ts';
import type { Node } from '../../language/yaml.ts';

/** The flows that `token-flow:` names: each must be pure, run by itself, give a token, and not need its own provider. */
export function checkTokenFlows(
  settings: Settings,
  service: { readonly root: Node; readonly source: Source },
  flows: ReadonlyMap<string, Flow>,
  broken: ReadonlySet<string>,
): void {
  for (const environment of settings.environments.values()) {
    for (const [provider, { tokenFlow }] of environment.identityProviders) {
      if (tokenFlow === undefined || broken.has(tokenFlow)) continue;
      const flow = flows.get(tokenFlow);
      const node = nodeAt(service.root, [
        'environments',
        environment.name,
        'identity-providers',
        provider,
        'token-flow',
      ]);
      const trouble = flow === undefined ? undefined : unfit(flow, environment, provider);
      if (flow === undefined)
        service.source.report(node.range, `unknown flow "${tokenFlow}"`, suggest(tokenFlow, flows.keys()));
      else if (trouble !== undefined)
        service.source.report(node.range, `the flow "${tokenFlow}" ${trouble}`, 'it must give a token by itself');
    }
  }
}

function unfit(flow: Flow, environment: Environment, provider: string): string | undefined {
  if (flow.effect !== 'none') return 'writes';
  if (flow.environments?.includes(environment.name) === false) return `does not run in "${environment.name}"`;
  if (flow.inputs.some((input) => input.default === undefined)) return 'takes inputs that have no default';
  const output = flow.output?.kind === 'scalar' ? presentedStep(flow, flow.output.value) : undefined;
  if (output?.kind?.presents !== 'token') return 'has another output than a token';
  const own = usesOf(flow, environment).connections.some(
    ({ kind, name }) => kind === 'identity-providers' && name === provider,
  );
  return own ? 'needs the provider whose token it gives' : undefined;
}

function nodeAt(node: Node, path: readonly string[]): Node {
  let at = node;
  for (const key of path) {
    const entry = at.kind === 'mapping' ? at.entries.find((each) => each.key === key) : undefined;
    if (entry === undefined) return at;
    at = entry.value;
  }
  return at;
}
