import { outputJson, outputKinds } from '../engine/output-json.ts';
import { type Output, shownIn } from '../engine/output.ts';
import { type Flow, presentedAs } from '../folder/flows/flow.ts';
import type { Granted } from './audited-answers.ts';
import type { Pass } from './approvals/admission-pass.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import type { Caller, FlowAnswer } from './contract.ts';
import type { Engine } from './flow-runner.ts';
import { checkedInputs } from './checked-inputs.ts';
import type { GivenValue } from './given-values.ts';
import { leftOf, requireShort } from './token-lifetime.ts';
import type { Permission } from './permission.ts';
import { BrokerRefusal } from './refusal.ts';

export interface RunsOptions {
  readonly engine: Engine;
  readonly permission: Permission;
  readonly clock: BrokerClock;
  /** puts on the trail that it begins, and by which rule; resolves when that is on the disk */
  readonly started: (rule: string) => Promise<void>;
  /** what was approved */
  readonly pass?: Pass | undefined;
}

/**
 * Runs a flow that only reads, for an agent. That it began goes to the disk while its services are asked, and is there
 * before anything is given: how it ended then only repeats what the trail says, unless it gives a value for the first time.
 * @throws BrokerRefusal
 */
export async function runFor(
  caller: Caller,
  name: string,
  given: Readonly<Record<string, unknown>>,
  { engine, permission, clock, started, pass }: RunsOptions,
): Promise<Granted<FlowAnswer>> {
  const approved = { inputs: given, pass };
  const { flow, rule: begins } = permission.flow(caller, name, approved);
  if (flow.effect !== 'none') throw new BrokerRefusal('write-not-served', { names: [name] });
  const inputs = checkedInputs(flow, given);
  const [, ran] = await Promise.all([started(begins), engine.run(flow, inputs, caller)]);
  const { output, tokens, source, jti } = ran;
  // what was taken away while we waited is not given any more
  const { rule, maxTtl } = permission.flow(caller, name, approved);
  for (const token of tokens) requireShort(leftOf(token, clock), maxTtl, name);
  const { files } = flow;
  const answer = { output: outputJson(output, clock.now()), as: outputKinds(output) };
  const value = files.length === 0 ? answer : { ...answer, files };
  const repeats = mayRepeat(flow, output) ? ({ mayRepeat: true } as const) : undefined;
  return { value, rule, source, jti, values: valuesIn(output, name), ...repeats };
}

/** A one-time code is new each time, and what is owed for a use of break-glass hangs on the line that it was given. */
function mayRepeat({ breakGlass }: Flow, output: Output): boolean {
  return !breakGlass && shownIn(output).every(({ as }) => as !== 'one-time-code');
}

/**
 * Whoever asks for a one-time code gets nothing else, and learns nothing of other flows.
 * @throws BrokerRefusal not-allowed
 */
export function requireGiven(flow: Flow | undefined, name: string, gives: 'one-time-code' | undefined): void {
  if (gives === undefined || flow === undefined) return;
  if (presentedAs(flow) !== gives)
    throw new BrokerRefusal('not-allowed', { names: [name], detail: `the flow gives no ${gives}` });
}

/** The secret values of a flow's output; a one-time code is over before anybody could tell it. */
export function valuesIn(output: Output, flow: string): readonly GivenValue[] {
  return shownIn(output).flatMap((each): readonly GivenValue[] => {
    if (each.as === 'secret') return [{ name: flow, kind: 'flow', value: each.value }];
    return each.as === 'token' ? [{ name: flow, kind: 'flow', value: each.token.accessToken }] : [];
  });
}
