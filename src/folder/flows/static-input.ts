import type { Environment, Plain } from '../service/settings.ts';
import { evaluateKeys, type Evaluation } from '../../language/evaluate.ts';
import type { Flow, Step } from './flow.ts';
import { resolve, type Scope } from './scope.ts';
import { expressionsOf, type ObjectValue } from '../../language/compiled-values.ts';

/** More choices than this are not tried one by one. */
const mostCombinations = 64;

/** A step's input without running anything, once for every choice of the enum inputs that it takes. */
export interface Looked {
  readonly known: Readonly<Record<string, unknown>>;
  readonly value: ObjectValue;
}

export function* lookAt(
  flow: Flow,
  step: Step,
  environment: Environment,
  sinks: Omit<Evaluation, 'resolve'>,
): Generator<Looked> {
  const value = step.with;
  if (value === undefined) return;
  for (const inputs of choicesOf(flow, value)) {
    const scope = staticScope(flow, environment, step.index, inputs);
    const { known } = evaluateKeys(value, { ...sinks, resolve: (expression) => resolve(expression, scope) });
    yield { known, value };
  }
}

/** A scope in which only what stands in the files is known. */
export function staticScope(
  flow: Flow,
  environment: Environment,
  before: number,
  inputs: ReadonlyMap<string, Plain> = new Map(),
): Scope {
  return { flow, environment, before, inputs, outputs: new Map() };
}

/** Every combination of the enum inputs that a value takes. */
function choicesOf(flow: Flow, value: ObjectValue): readonly ReadonlyMap<string, Plain>[] {
  const taken = new Set<string>();
  for (const { path } of expressionsOf(value)) if (path[0] === 'inputs' && path[1] !== undefined) taken.add(path[1]);
  let combinations: ReadonlyMap<string, Plain>[] = [new Map()];
  for (const { name, values } of flow.inputs) {
    if (values === undefined || !taken.has(name)) continue;
    if (combinations.length * values.length > mostCombinations) return [new Map()];
    combinations = combinations.flatMap((each) => values.map((choice) => new Map([...each, [name, choice]])));
  }
  return combinations;
}
