import { folded } from '../foundation/names.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, optional, required } from '../language/forms.ts';
import { writeStep, type Change, type StepContext } from './contract.ts';
import { changeOfItem } from './procedures/change-of-item.ts';
import { sameSeed, storedSeeds } from './procedures/stored-seeds.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import { newOneTimePassword, parseOneTimePassword } from '../foundation/totp.ts';
import type { Item } from '../adapters/vaults/contract.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';

const keys = {
  item: required(form.reference('item'), 'the item that gets the one-time password', {
    example: 'op://Accounts/Break Glass',
  }),
  seed: optional(
    form.reference(),
    'a field with an otpauth://totp/… URI or a base32 seed; without it one is made, unless the item has one',
    { example: 'op://Accounts/Hand-over/seed' },
  ),
};

export const vaultSetOneTimePassword = writeStep({
  name: 'vault/set-one-time-password',
  summary: 'Gives an item its one-time password field.',
  effect: 'write',
  with: keys,
  output: { reference: { type: 'reference', description: 'the one-time password field' } },
  scalar: 'reference',
  seeds: ({ seed }) => (seed === undefined ? [] : [seed]),
  writes: (input) => (input.item === undefined ? [] : [input.item.vault]),
  async plan(input, context) {
    if (input.item === undefined) {
      return { changes: [{ action: 'create', what: 'a one-time password', detail: 'known after run' }] };
    }
    const item = await writableItems(context.vault).get(input.item);
    const standing = await compare(item, input.seed, context);
    const change: Change = {
      action: standing.action,
      what: `one-time password of item "${item.title}" in vault "${item.vault}"`,
      ...(standing.action === 'update' ? { detail: 'the former one is kept as the field "previous"' } : {}),
    };
    if (standing.action === 'none') return { changes: [change], output: { reference: standing.field } };
    return { changes: [changeOfItem(item, change)] };
  },
  async run(input, context) {
    return context.locked(folded(`item ${context.environment} ${input.item.toString()}`), async () => {
      const item = await writableItems(context.vault).get(input.item);
      const standing = await compare(item, input.seed, context);
      if (standing.action === 'none') return { reference: standing.field };
      const seed = standing.seed ?? (await newOneTimePassword()).secret;
      context.progress(`storing a one-time password in item "${item.title}"`);
      const changed = await writableItems(context.vault).setOneTimePassword(item, seed, { previous: 'keep' });
      const { current } = await storedSeeds(changed);
      if (current !== undefined) return { reference: current.field };
      throw new FlowError('protocol', 'the vault did not keep the one-time password', {
        hint: 'look at the item in 1Password, then run again',
        place: { subject: item.reference.toString() },
      });
    });
  },
});

type Comparison =
  | { readonly action: 'none'; readonly field: Reference }
  | { readonly action: 'create' | 'update'; readonly seed: Secret | undefined };

/** What the item holds against what it should hold. Without a seed, any that is there will do. */
async function compare(item: Item, seed: Reference | undefined, context: StepContext): Promise<Comparison> {
  const { current } = await storedSeeds(item);
  const value = seed === undefined ? undefined : await context.read(seed);
  const wanted = value === undefined ? undefined : await parseOneTimePassword(value, seed?.toString());
  if (current === undefined) return { action: 'create', seed: value };
  const fits = wanted === undefined || sameSeed(current.password, wanted);
  return fits ? { action: 'none', field: current.field } : { action: 'update', seed: value };
}
