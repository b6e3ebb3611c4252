import { type Flow, outputValues, presentedStep } from './flows/flow.ts';

/** Why a page cannot reveal what a flow gives to a person; undefined where it can. */
export function revealTrouble(flow: Flow): string | undefined {
  if (!flow.breakGlass) return 'is not for break-glass';
  if (flow.effect === 'write') return 'writes';
  const hasCode = outputValues(flow).some((value) => presentedStep(flow, value)?.kind?.presents === 'one-time-code');
  return hasCode ? undefined : 'gives no one-time code';
}
