import { asFlowError, errorCodes, type ErrorCode } from '../foundation/errors.ts';
import { about, contextOf, prepareStep, type Execution } from './execution.ts';

/** Nobody said no: whoever runs it again goes on with what is there. */
const undecided: ReadonlySet<ErrorCode> = new Set(['aborted', 'internal', 'outcome-unknown']);

/**
 * The run failed: what steps before the one that did hold back until a later one says yes, they take back, the last first.
 * Not where the same step may succeed when it is tried again. What cannot be taken back now is told, and hides nothing.
 */
export async function takeBack(execution: Execution): Promise<void> {
  const { failure, flow, onEvent, outputs } = execution;
  if (failure === undefined || errorCodes[failure.code].retryable || undecided.has(failure.code)) return;
  const failed = flow.steps.findIndex(({ id }) => id === failure.place.step);
  for (const step of flow.steps.slice(0, Math.max(failed, 0)).toReversed()) {
    const { id, kind } = step;
    const output = outputs.get(id);
    if (kind?.effect !== 'write' || kind.withdraw === undefined || output === undefined) continue;
    const context = contextOf(execution, step);
    const start = context.now();
    try {
      if (!(await kind.withdraw(prepareStep(execution, step).input, output, context))) continue;
      await onEvent?.({
        ...about(execution, step, kind),
        type: 'step-taken-back',
        milliseconds: context.now() - start,
      });
    } catch (error) {
      context.warn(`step "${id}" did not take back what it holds back: ${asFlowError(error).line()}`);
    }
  }
}
