import type { Flow } from '../folder/flows/flow.ts';
import { noHookRules, type Policy } from '../folder/policy/policy.ts';
import { isWithin } from './agent-runs/narrowing.ts';
import type { Granted } from './audited-answers.ts';
import type { Caller, Inspection } from './contract.ts';
import type { GivenValues } from './given-values.ts';

export interface InspectOptions {
  readonly given: Pick<GivenValues, 'find'>;
  readonly policy: Policy;
  /** the flows that it may run */
  readonly flows: readonly Flow[];
}

/**
 * What someone who watches an agent's tools needs: whether texts that the agent has hold what it was given, the rules of
 * policy.yaml, and the environments to name instead. Nothing is said of what others were given, or a run above it.
 */
export function inspect(
  { agent, agentRun }: Caller,
  texts: readonly string[],
  { given, policy, flows }: InspectOptions,
): Granted<Inspection> {
  const may = (name: string) => agentRun?.chain.every((above) => isWithin(above, name)) !== false;
  const found = texts.flatMap((each, text) => given.find(agent, each, may).map((value) => ({ text, ...value })));
  const names = [...new Set(found.map(({ name }) => name))];
  return {
    value: {
      found,
      rules: policy.hook ?? noHookRules,
      environments: flows.filter(isEnvironment).map(({ name }) => name),
    },
    rule: undefined,
    // that nothing was found is worth no wait for the disk
    ...(names.length === 0 ? { mayRepeat: true } : { detail: `found: ${names.join(', ')}` }),
  };
}

/** What `flows exec` gives a program. */
function isEnvironment({ steps, output }: Flow): boolean {
  return steps.length === 0 && output?.kind === 'mapping';
}
