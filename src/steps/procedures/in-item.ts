import { folded } from '../../foundation/names.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { StepContext } from '../contract.ts';

/** One change of an item at a time, of all flows on this machine; against other machines its version holds. */
export function inItem<T>(reference: Reference, context: StepContext, work: () => Promise<T>): Promise<T> {
  return context.locked(folded(`item ${context.environment} ${reference.itemReference.toString()}`), work);
}
