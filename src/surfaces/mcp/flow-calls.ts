import { randomUUID } from 'node:crypto';
import { BrokerError } from '../../client/broker-error.ts';
import { approvalForm, pathOf, paths } from '../../foundation/wire.ts';
import type { Door, DoorRequest, Json } from './broker-door.ts';
import { flowsAt, type ListedFlow } from './flow-list.ts';
import type { Outlet } from './outlet.ts';
import { type Resumed, type ToolAnswer, waitingAnswer } from './tool-answer.ts';
import { shownOutput } from './shown-to-models.ts';

/** One call of a tool. */
export interface ToolCall {
  readonly door: Door;
  readonly outlet: Outlet;
  /** ends with the call */
  readonly signal: AbortSignal;
  /** it goes on after a question to a person */
  readonly resumed?: Resumed | undefined;
  /** seconds that it may wait for a person */
  readonly patience: number;
  /** Tells how far it is; undefined: the client does not want to know. */
  readonly progress?: ((message: string) => Promise<void>) | undefined;
}

interface Given {
  readonly inputs?: Json | undefined;
  readonly reason?: string | undefined;
  readonly approval?: string | undefined;
  readonly plan?: string | undefined;
}

/** The output of a flow that reads. What waits for a person is no failure. */
export async function readFlow(
  { name: flow }: ListedFlow,
  { inputs: given, reason: why, approval: brought }: Given,
  call: ToolCall,
): Promise<ToolAnswer> {
  const { door, outlet, resumed, patience, signal } = call;
  const id = resumed?.approval ?? brought;
  const request: DoorRequest = {
    method: 'POST',
    path: pathOf(paths.flow, flow),
    body: { inputs: given, reason: why },
    approvals: id === undefined ? undefined : [id],
    waits: patience,
    signal,
  };
  try {
    return { content: { output: shownOutput(flow, await door.ask(request), outlet) } };
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'approval-required' && error.approval !== undefined)
      return waitingAnswer(error.approval);
    throw error;
  }
}

/** seconds between looks at a run, together the longest wait: it is told early that it waits for a person */
const looksAt = [1, 2, 5, 12, 25] as const;

/** Begins a run, once for the call, and looks at it for a while. */
export async function writeFlow(
  { name: flow }: ListedFlow,
  { inputs: given, plan, reason: why }: Given,
  call: ToolCall,
): Promise<ToolAnswer> {
  const { door, resumed, signal } = call;
  if (resumed?.run !== undefined) return runAnswer(await followed(resumed.run, call.patience, call), call);
  const begun = await door.ask({
    method: 'POST',
    path: pathOf(paths.runs, flow),
    body: { inputs: given, plan, reason: why },
    key: randomUUID(),
    signal,
  });
  await call.progress?.(whereIs(begun));
  let seen = begun;
  for (const seconds of looksAt) {
    seen = await lookAt(String(begun['id']), seconds, call);
    if (seen['finished'] !== undefined || seen['state'] === 'waiting') break;
    await call.progress?.(whereIs(seen));
  }
  return runAnswer(seen, call);
}

/**
 * Where a run is once it has ended, or after a while. Whoever wants to know how far it is is told after each look.
 * @param wait seconds
 */
export async function followed(id: string, wait: number, call: ToolCall): Promise<Json> {
  let left = wait;
  for (const seconds of call.progress === undefined ? [] : looksAt) {
    if (seconds >= left) break;
    const seen = await lookAt(id, seconds, call);
    if (seen['finished'] !== undefined) return seen;
    await call.progress?.(whereIs(seen));
    left -= seconds;
  }
  return lookAt(id, left, call);
}

function whereIs({ id, state, step }: Json): string {
  const at = typeof step === 'string' ? `, step ${step}` : '';
  return `run ${String(id)}: ${String(state)}${at}`;
}

/** Where a run is. @param wait seconds for its end */
async function lookAt(id: string, wait: number, { door, signal }: ToolCall): Promise<Json> {
  const seen = await door.ask({ method: 'GET', path: `${pathOf(paths.run, id)}?wait=${wait}`, signal });
  // one that was begun elsewhere may be of a flow that does not exist here
  if (!(await flowsAt(door)).some(({ name: flow }) => flow === seen['flow'])) throw new BrokerError('no-such-run');
  return seen;
}

/** The same for a model, with its output where it succeeded. */
export async function runAnswer(seen: Json, { door, outlet, signal }: ToolCall): Promise<ToolAnswer> {
  const { id, flow, state, step, code, created, finished, approval: waited } = seen;
  const told = { run: id, flow, state, step, code, created, finished };
  if (state === 'waiting' && isApproval(waited)) return waitingAnswer(waited, told);
  if (state === 'succeeded') {
    const path = pathOf(paths.runOutput, String(id));
    const output = await door.ask({ method: 'GET', path, signal }).then(
      (answer) => shownOutput(String(flow), answer, outlet),
      (error: unknown) => {
        // it succeeded all the same
        if (error instanceof BrokerError) return { withheld: error.code };
        throw error;
      },
    );
    return { content: { ...told, output } };
  }
  const next = finished === undefined ? { next: 'It goes on: call get_run.' } : {};
  return { content: { ...told, ...next }, ...(finished === undefined ? {} : { failed: true }) };
}

function isApproval(value: unknown): value is { readonly id: string; readonly url?: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    approvalForm.test(value.id)
  );
}
