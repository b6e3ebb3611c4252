import type { Item } from '../../adapters/vaults/contract.ts';
import type { Change } from '../contract.ts';

/**
 * A change of an item, as a plan may promise it: of an item that no flow has made the vault's SDK says only when it is
 * changed whether it can keep all that is in it.
 */
export function changeOfItem({ isFixed, tags }: Item, change: Change): Change {
  const { what, detail } = change;
  if (isFixed === true)
    return { action: 'conflict', what, detail: 'the item has fields that the SDK cannot keep: use another for this' };
  if (tags.some((tag) => tag.startsWith('flows-owner:'))) return change;
  const unless = 'refused, with nothing changed, where a browser has saved further fields in the item';
  return { ...change, detail: detail === undefined ? unless : `${detail}; ${unless}` };
}
