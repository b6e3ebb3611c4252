import type { Uses } from '../../../folder/flows/flow-uses.ts';
import type { PushUse } from '../../../steps/contract.ts';

/** The names that a flow pushes to a store; undefined: one that is known only when the flow runs. */
export function pushedNames(use: Uses, store: string): readonly (string | undefined)[] {
  return pushesTo(use, store).flatMap(({ names }) => names);
}

/** What a flow's steps push to a store. */
export function pushesTo(use: Uses, store: string): readonly PushUse[] {
  const there = use.connections.filter(({ kind, name }) => kind === 'stores' && name === store);
  return use.steps
    .filter(({ id }) => there.some(({ step }) => step === id))
    .flatMap(({ kind, input }) => kind.pushes?.(input) ?? []);
}
