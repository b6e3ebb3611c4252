import type { Uses } from '../../../folder/flows/flow-uses.ts';

/** The names that a flow pushes to a store; undefined: one that is known only when the flow runs. */
export function pushedNames(use: Uses, store: string): readonly (string | undefined)[] {
  const there = use.connections.filter(({ kind, name }) => kind === 'stores' && name === store);
  return use.steps
    .filter(({ id }) => there.some(({ step }) => step === id))
    .flatMap(({ kind, input }) => kind.pushes?.(input).names ?? []);
}
