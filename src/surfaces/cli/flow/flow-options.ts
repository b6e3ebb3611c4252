import type { Flow } from '../../../folder/flows/flow.ts';
import type { StepKind } from '../../../steps/contract.ts';
import { wordsOf } from '../arguments.ts';
import { type OptionTable, runOptions } from '../command-table.ts';

/** What the command of a break-glass flow has besides. */
export const reasonOption = {
  reason: { type: 'string', value: 'TEXT', help: 'why, for the trail and for those who are told (or FLOWS_REASON)' },
} as const satisfies OptionTable;

/** Whether the word after a flow's name is `close`. @param words that stand before it */
export function isClosing(argv: readonly string[], words: number): boolean {
  return wordsOf(argv, 1, reasonOption)[words] === 'close';
}

/** The options of a flow: those of its kind, and those that its step kinds declare. An input `reason` is the reason too. */
export function optionsOf(flow: Flow): OptionTable {
  const own = runOptionsOf(flow.steps.flatMap(({ kind }) => kind ?? []));
  return flow.breakGlass && flow.inputs.every(({ name }) => name !== 'reason') ? { ...own, ...reasonOption } : own;
}

/** The options of a flow of such steps. It writes where any of them does. */
export function runOptionsOf(kinds: readonly Pick<StepKind, 'effect' | 'options'>[]): OptionTable {
  const {
    overwrite,
    adopt,
    strict,
    'prune-most': pruneMost,
    'accept-gap': acceptGap,
    yes,
    plan,
    'detailed-exitcode': detailed,
    header,
    reveal,
    json,
  } = runOptions;
  const declared = new Set(kinds.flatMap(({ options = [] }) => options));
  return {
    plan,
    'detailed-exitcode': detailed,
    ...(kinds.some(({ effect }) => effect === 'write') ? { yes } : { header }),
    json,
    reveal,
    ...Object.fromEntries(
      Object.entries({ overwrite, adopt, strict, 'prune-most': pruneMost, 'accept-gap': acceptGap }).filter(([name]) =>
        declared.has(name),
      ),
    ),
  };
}

/** The inputs of a flow, as options. */
export function inputOptions(flow: Flow): OptionTable {
  return Object.fromEntries(
    flow.inputs.map(({ name, type, description }) => [
      name,
      { type: type === 'boolean' ? 'boolean' : 'string', help: description },
    ]),
  );
}
