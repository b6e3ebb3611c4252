import { type Flow, presentedStep } from './flows/flow.ts';

/** Why a page cannot reveal what a flow gives to a person; undefined where it can. */
export function revealTrouble(flow: Flow): string | undefined {
  if (!flow.breakGlass) return 'is not for break-glass';
  if (flow.effect === 'write') return 'writes';
  const { output } = flow;
  const given =
    output === undefined ? [] : output.kind === 'scalar' ? [output.value] : output.entries.map(([, value]) => value);
  const hasCode = given.some((value) => presentedStep(flow, value)?.kind?.presents === 'one-time-code');
  return hasCode ? undefined : 'gives no one-time code';
}
