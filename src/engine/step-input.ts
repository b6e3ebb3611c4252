import { FlowError } from '../foundation/errors.ts';
import type { ConnectionLabels } from '../foundation/canonical-json.ts';
import { evaluateKeys } from '../language/evaluate.ts';
import type { Flow, Step } from '../folder/flows/flow.ts';
import type { Range } from '../language/problems.ts';
import { resolve, type Scope } from '../folder/flows/scope.ts';
import type { StepKind } from '../steps/contract.ts';

/** What a step is about to be given. */
export interface Prepared {
  readonly kind: StepKind;
  readonly input: Readonly<Record<string, unknown>>;
  /** keys that are only known after steps that have not run */
  readonly unknown: ReadonlySet<string>;
  readonly labels: ConnectionLabels;
}

/** A step's input with everything put in. @throws FlowError usage or invalid-value, for a value that does not fit */
export function prepare(flow: Flow, step: Step, scope: Scope): Prepared {
  const { kind } = step;
  if (kind === undefined || step.with === undefined) throw notLoaded(flow);
  const labels = new Map<unknown, string>();
  const { known, unknown } = evaluateKeys(step.with, {
    resolve: (expression) => resolve(expression, scope),
    report: refuse(flow, step.after.size === 0 ? 'usage' : 'invalid-value'),
    onConnection: ({ kind: to, name, value }) => labels.set(value, `${to ?? ''}.${name ?? ''}`),
  });
  for (const [key, { required }] of Object.entries(kind.with)) {
    if (!required || unknown.has(key) || (Object.hasOwn(known, key) && known[key] !== undefined)) continue;
    throw new FlowError('invalid-value', `"${key}" has no value`, { hint: 'the step that it is taken from gave none' });
  }
  return { kind, input: known, unknown, labels };
}

/** Turns what would be a problem at check into an error of the run. */
export function refuse(flow: Flow, code: 'usage' | 'invalid-value') {
  return (range: Range, message: string, hint?: string): never => {
    const place = { location: flow.source.location(range) };
    throw new FlowError(code, message, hint === undefined ? { place } : { hint, place });
  };
}

function notLoaded(flow: Flow): FlowError {
  return new FlowError('invalid', 'the file has problems', { hint: 'run flows check', place: { flow: flow.name } });
}
