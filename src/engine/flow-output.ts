import { runScope } from './run-scope.ts';
import { FlowError } from '../foundation/errors.ts';
import { Reference } from '../foundation/reference.ts';
import { Secret } from '../foundation/secret.ts';
import { evaluate } from '../language/evaluate.ts';
import type { Execution } from './execution.ts';
import { type Flow, presentedStep, type Step } from '../folder/flows/flow.ts';
import type { Output, Shown } from './output.ts';
import { refuse } from './step-input.ts';
import { resolve } from '../folder/flows/scope.ts';
import { propertyOf } from '../steps/contract.ts';
import type { Token } from '../adapters/issuers/contract.ts';
import type { Value } from '../language/compiled-values.ts';

/** A flow's output, once its steps have run. What a step left out is left out. */
export function answerOf(execution: Execution): Output {
  const { output, steps } = execution.flow;
  if (output === undefined) return { kind: 'none' };
  if (output.kind === 'mapping') {
    const entries = output.entries.map(([name, value]) => [name, shown(execution, value)] as const);
    return {
      kind: 'mapping',
      entries: entries.flatMap(([name, each]) => (each === undefined ? [] : [[name, each] as const])),
    };
  }
  const several = output.value.as === 'whole' ? wholeStep(steps, output.value.expression.path) : undefined;
  if (several !== undefined) return fieldsOf(execution, several);
  const value = shown(execution, output.value);
  return value === undefined ? { kind: 'none' } : { kind: 'scalar', value };
}

/** A step that has no one field to stand for it, as the whole answer: all of its fields. */
function wholeStep(steps: readonly Step[], [root, id, ...more]: readonly string[]): Step | undefined {
  const step = root === 'steps' && more.length === 0 ? steps.find((each) => each.id === id) : undefined;
  return step?.kind !== undefined && step.kind.scalar === undefined ? step : undefined;
}

function fieldsOf({ outputs }: Execution, step: Step): Output {
  const output = outputs.get(step.id) ?? {};
  const fields = Object.keys(step.kind?.output ?? {}).map((name) => [name, output[propertyOf(name)]] as const);
  const given = fields.filter(([, value]) => value !== undefined);
  return { kind: 'mapping', entries: given.map(([name, value]) => [name, plainShown(value)] as const) };
}

function shown(execution: Execution, value: Value): Shown | undefined {
  const step = presentedStep(execution.flow, value);
  if (step !== undefined) return presented(execution, step);
  const { flow, inputs, services, outputs } = execution;
  const scope = runScope(flow, inputs, services, outputs, flow.steps.length);
  if (value.as !== 'whole') {
    return plainShown(
      evaluate(value, { resolve: (expression) => resolve(expression, scope), report: refuse(flow, 'invalid-value') }),
    );
  }
  const resolved = resolve(value.expression, scope);
  if ('problem' in resolved)
    return refuse(flow, 'invalid-value')(value.expression.range, resolved.problem, resolved.hint);
  return resolved.value === undefined ? undefined : plainShown(resolved.value);
}

function plainShown(value: unknown): Shown {
  if (value instanceof Secret) return { as: 'secret', value };
  if (value instanceof Reference) return { as: 'reference', value };
  return { as: 'plain', value };
}

function presented({ flow, finished, outputs, moments }: Execution, step: Step): Shown {
  const moment = moments.get(step.id);
  const at = moment && (async (time: number) => presentedAs(flow, step, await moment(time), time, at));
  return presentedAs(flow, step, outputs.get(step.id) ?? {}, finished.get(step.id) ?? 0, at);
}

/** @param time at which the step gave its output, epoch milliseconds @param at what it gives at other times */
function presentedAs(
  flow: Flow,
  step: Step,
  output: Readonly<Record<string, unknown>>,
  time: number,
  at: ((moment: number) => Promise<Shown>) | undefined,
): Shown {
  if (step.kind?.presents === 'token' && isToken(output)) return { as: 'token', token: output };
  const { code, validFor } = output;
  if (code instanceof Secret && typeof validFor === 'number') {
    return { as: 'one-time-code', code, validFor, validUntil: time + validFor * 1000, ...(at && { at }) };
  }
  throw new FlowError('internal', `step "${step.id}" gave nothing to show`, { place: { flow: flow.name } });
}

function isToken(output: object): output is Token {
  return 'accessToken' in output && output.accessToken instanceof Secret;
}

/** SHA-256 of the access token in a step's output, hex; undefined where there is none. */
export function tokenHash(output: unknown): string | undefined {
  return typeof output === 'object' && output !== null && isToken(output) ? output.accessToken.hash() : undefined;
}
