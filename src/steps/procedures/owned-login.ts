import { FlowError } from '../../foundation/errors.ts';
import { Reference } from '../../foundation/reference.ts';
import type { Item, PasswordRecipe, VaultItems } from '../../adapters/vaults/contract.ts';

/** Whose an item is: nobody's yet, made by the step that asks, or somebody else's. */
export type Standing =
  | { readonly is: 'free' }
  | {
      readonly is: 'ours';
      /** the oldest */
      readonly item: Item;
      /** others with the same mark: runs that were as fast, or that ended before they looked again */
      readonly later: readonly Item[];
      /** whether its password was made as the flow says now */
      readonly recipe: 'same' | 'changed';
    }
  | { readonly is: 'taken'; readonly why: string };

/** Which recipe an item's password was made by, as a tag that anyone may read: it tells nothing of the password. */
export function recipeTag({ length, digits, symbols }: PasswordRecipe): string {
  return ['flows-recipe:', String(length), digits ? '-digits' : '', symbols ? '-symbols' : ''].join('');
}

/** An item is ours by its mark, never by its title alone. */
export async function lookForLogin(
  items: VaultItems,
  login: { readonly vault: string; readonly title: string },
  marks: readonly string[],
  recipe: PasswordRecipe,
): Promise<Standing> {
  for (const mark of marks) {
    const [item, ...later] = await items.find(login.vault, mark);
    if (item === undefined) continue;
    const same = item.tags.includes(recipeTag(recipe)) || !item.tags.some((tag) => tag.startsWith('flows-recipe:'));
    return { is: 'ours', item, later, recipe: same ? 'same' : 'changed' };
  }
  try {
    const { id } = await items.get(Reference.of({ vault: login.vault, item: login.title }));
    return { is: 'taken', why: `exists (${id}), and was not made by this step` };
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    if (error.code === 'not-found') return { is: 'free' };
    if (error.code === 'ambiguous') return { is: 'taken', why: 'exists more than once' };
    throw error;
  }
}
