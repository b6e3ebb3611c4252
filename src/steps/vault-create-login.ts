import { folded } from '../foundation/names.ts';
import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, optional, required, withDefault, type InputOf } from '../language/forms.ts';
import { writeStep, type Change, type StepContext } from './contract.ts';
import { Reference } from '../foundation/reference.ts';
import type { Item, ItemField, PasswordRecipe } from '../adapters/vaults/contract.ts';
import { recipeKey } from './procedures/password-recipe.ts';
import { lookForLogin, recipeTag, type Standing } from './procedures/owned-login.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';

const defaults: PasswordRecipe = { length: 32, digits: true, symbols: true };
// oxlint-disable-next-line no-control-regex -- a title is one printable line
const line = { pattern: /^[^\u0000-\u001f\u007f]{1,512}$/, expects: 'one line of at most 512 characters' };

const keys = {
  vault: required(form.text(line), 'the vault, by name or id'),
  title: required(form.text(line), 'the title of the item'),
  username: required(form.text(line), 'the user name'),
  password: recipeKey(defaults, "the recipe for the password, which the vault's own generator makes"),
  provider: optional(
    connection('identity-providers'),
    'where a user of this user name gets the password: while there is none, an item whose recipe has changed is archived and made again',
    { example: '${{ identity-providers.main }}' },
  ),
  website: optional(form.text({ pattern: /^https?:\/\/\S+$/i, expects: 'an http(s) address' }), 'where it is used'),
  tags: withDefault(form.list(form.text(line)), [], 'further tags'),
};
type Input = InputOf<typeof keys>;
type Identifying = Pick<Input, 'vault' | 'title' | 'username'>;

export const vaultCreateLogin = writeStep({
  name: 'vault/create-login',
  summary: "Makes a login item, once, with a password from the vault's generator.",
  effect: 'write',
  with: keys,
  output: {
    item: { type: 'reference', description: 'the item' },
    username: { type: 'reference', description: 'its user name field' },
    password: { type: 'reference', description: 'its password field' },
  },
  scalar: 'item',
  needs: ['ownership-key'],
  writes: (input) => (input.vault === undefined ? [] : [input.vault]),
  async plan(input, context) {
    const { vault, title, username } = input;
    if (vault === undefined || title === undefined || username === undefined) {
      return { changes: [{ action: 'create', what: 'a login item', detail: 'known after run' }] };
    }
    const what = `item "${title}" in vault "${vault}"`;
    const standing = await look({ vault, title, username }, input.password, context);
    if (standing.is === 'free') return { changes: [{ action: 'create', what }] };
    if (standing.is === 'taken') return { changes: [{ action: 'conflict', what, detail: standing.why }] };
    if (standing.recipe === 'changed' && (await hasNoUser(username, input.provider))) {
      const detail = 'the recipe has changed and no user has the password yet: archived and made again';
      return { changes: [{ action: 'update', what, detail }] };
    }
    const change: Change = { action: 'none', what, detail: 'made by this step' };
    return { changes: [change], output: outputOf(standing.item) };
  },
  async run(input, context) {
    // two flows that make an item of one title wait for each other
    const name = folded(`item ${context.environment} ${input.vault}/${input.title}`);
    return context.locked(name, async () => outputOf(await lookOrCreate(input, context)));
  },
});

async function lookOrCreate(input: Input, context: StepContext): Promise<Item> {
  const items = writableItems(context.vault);
  const standing = await look(input, input.password, context);
  if (standing.is === 'taken') {
    throw new FlowError('conflict', `item "${input.title}" in vault "${input.vault}" ${standing.why}`, {
      hint: 'use another title, or rename or archive that item if it is not needed',
    });
  }
  if (standing.is === 'ours') {
    const { item } = standing;
    if (standing.recipe === 'same') return adopted(standing, context);
    if (!(await hasNoUser(input.username, input.provider))) {
      context.warn(
        `item "${input.title}" was made by another password recipe and stays as it is: a user may have its password`,
      );
      return adopted(standing, context);
    }
    context.progress(`making item "${input.title}" again: its recipe has changed`);
    for (const old of [...standing.later, item]) await items.archive(old);
  }
  return create(input, context);
}

async function create(input: Input, context: StepContext): Promise<Item> {
  const { vault, title, username, website } = input;
  const [mark] = await marksOf(input, context);
  const tags = [...new Set([...input.tags, mark, recipeTag(input.password)])];
  context.progress(`making item "${title}" in vault "${vault}"`);
  const made = await writableItems(context.vault).createLogin({
    vault,
    title,
    username,
    website,
    tags,
    password: input.password,
  });
  // a run on another machine, which our lock does not reach, may have been as fast
  const standing = await look(input, input.password, context);
  return standing.is === 'ours' ? adopted(standing, context) : made;
}

/** The oldest of our items; later ones that nothing has touched since they were made are archived. */
async function adopted(standing: Extract<Standing, { is: 'ours' }>, context: StepContext): Promise<Item> {
  for (const later of standing.later) {
    if (later.version > 1) continue;
    context.warn(`a second item "${later.title}" was made for this at the same time: it is archived`);
    await writableItems(context.vault).archive(later);
  }
  return standing.item;
}

async function look(of: Identifying, recipe: PasswordRecipe | undefined, context: StepContext): Promise<Standing> {
  return lookForLogin(writableItems(context.vault), of, await marksOf(of, context), recipe ?? defaults);
}

/** Vaults, titles and user names are compared without case everywhere, so the mark is of the lower case. */
function marksOf({ vault, title, username }: Identifying, context: StepContext) {
  return context.ownershipMarks({
    vault: folded(vault),
    title: folded(title),
    username: username.toLowerCase(),
  });
}

/** Known only where the flow says which provider the login is for. */
async function hasNoUser(username: string, provider: Input['provider']): Promise<boolean> {
  return provider !== undefined && (await provider.find(username)) === undefined;
}

function outputOf(item: Item) {
  const place = { vault: item.vault, item: item.id };
  const field = (name: string): Reference => {
    const named = (each: ItemField) => each.id === name || each.label === name;
    const found = item.fields.find(named);
    if (found !== undefined) return found.reference;
    throw new FlowError('invalid-value', `item "${item.title}" has no field "${name}" any more`, {
      hint: 'restore an older version of the item in 1Password, or archive it so that it is made again',
      place: { subject: Reference.of(place).toString() },
    });
  };
  return { item: item.reference, username: field('username'), password: field('password') };
}
