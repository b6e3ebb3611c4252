import { FlowError } from '../foundation/errors.ts';
import type { Reference } from '../foundation/reference.ts';
import { form, required } from '../language/forms.ts';
import type { FieldChange } from '../adapters/vaults/contract.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';
import { writeStep, type StepContext } from './contract.ts';
import { changeOfItem } from './procedures/change-of-item.ts';
import { named, placeOf, rotatedField, sinceTag, type RotatedField } from '../adapters/vaults/rotated-field.ts';
import { inItem } from './procedures/in-item.ts';

export const vaultPromoteSecret = writeStep({
  name: 'vault/promote-secret',
  summary: 'Puts the next value of a field in force, and keeps the former one beside it until it is dropped.',
  effect: 'write',
  with: {
    secret: required(form.reference(), 'the next value, once it is proven; the field itself: nothing is promoted', {
      example: '${{ steps.proven.secret }}',
    }),
  },
  output: {
    secret: { type: 'reference', description: 'the field, with the value in force' },
    previous: { type: 'reference', description: 'where the former value stands, as long as it is kept' },
  },
  scalar: 'secret',
  writes: ({ secret }) => (secret === undefined ? [] : [secret.vault]),
  async plan({ secret }, context) {
    if (secret === undefined)
      return { changes: [{ action: 'update', what: 'a value in force', detail: 'known after run' }] };
    const rotated = await rotatedField(secret, context);
    const { item, current, next } = rotated;
    const what = named(item, current.label);
    if (next === undefined || placeOf(secret) !== 'next')
      return { changes: [{ action: 'none', what, detail: 'nothing is staged' }], output: outputOf(rotated) };
    const detail = `"${next.label}" comes into force; the former value is kept as "${current.label} (previous)"`;
    return { changes: [changeOfItem(item, { action: 'update', what, detail })] };
  },
  async run({ secret }, context) {
    return inItem(secret, context, async () => {
      const rotated = await rotatedField(secret, context);
      await promote(rotated, secret, context);
      return outputOf(rotated);
    });
  },
});

async function promote(rotated: RotatedField, secret: Reference, context: StepContext): Promise<void> {
  const { item, current, next } = rotated;
  if (next === undefined || placeOf(secret) !== 'next') return;
  if (next.value.equals(current.value)) {
    throw new FlowError('conflict', `"${next.label}" is the value in force`, {
      hint: 'a rotation needs another value: remove that field, and run again',
      place: { subject: secret.toString() },
    });
  }
  context.progress(`promoting ${named(item, next.label)}`);
  const changes: readonly FieldChange[] = [
    { field: current, value: next.value },
    { field: { label: `${current.label} (previous)`, beside: current }, value: current.value },
    { field: next, value: undefined },
  ];
  await writableItems(context.vault).setFields(item, changes, { tag: sinceTag(current, context.now()) });
}

function outputOf({ references: { current, previous } }: RotatedField) {
  return { secret: current, previous };
}
