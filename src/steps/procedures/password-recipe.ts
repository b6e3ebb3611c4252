import type { PasswordRecipe } from '../../adapters/vaults/contract.ts';
import { form, withDefault, type Key } from '../../language/forms.ts';

/** A key that says how the vault's own generator makes a value. */
export function recipeKey(defaults: PasswordRecipe, description: string): Key<PasswordRecipe> {
  const recipe = form.object({
    length: withDefault(form.number({ integer: true, minimum: 8, maximum: 100 }), defaults.length, 'characters'),
    digits: withDefault(form.boolean(), defaults.digits, 'whether it has digits'),
    symbols: withDefault(form.boolean(), defaults.symbols, 'whether it has symbols'),
  });
  return withDefault(recipe, defaults, description);
}
