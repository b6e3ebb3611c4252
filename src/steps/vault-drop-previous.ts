import { form, required } from '../language/forms.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';
import { writeStep } from './contract.ts';
import { changeOfItem } from './procedures/change-of-item.ts';
import { named, placeOf, rotatedField } from '../adapters/vaults/rotated-field.ts';
import { inItem } from './procedures/in-item.ts';

export const vaultDropPrevious = writeStep({
  name: 'vault/drop-previous',
  summary: 'Removes the former value of a field, once nothing takes it any more: the last stage of a rotation.',
  effect: 'write',
  with: {
    secret: required(form.reference(), 'the former value, once it is retired; the field itself: nothing is dropped', {
      example: '${{ steps.retired.previous }}',
    }),
  },
  output: {},
  writes: ({ secret }) => (secret === undefined ? [] : [secret.vault]),
  async plan({ secret }, context) {
    if (secret === undefined)
      return { changes: [{ action: 'remove', what: 'a former value', detail: 'known after run' }] };
    const { item, current, previous } = await rotatedField(secret, context);
    const what = named(item, `${current.label} (previous)`);
    if (previous === undefined) return { changes: [{ action: 'none', what, detail: 'is not there' }], output: {} };
    if (placeOf(secret) !== 'previous')
      return { changes: [{ action: 'none', what, detail: 'is kept until it is retired' }], output: {} };
    return { changes: [changeOfItem(item, { action: 'remove', what })] };
  },
  async run({ secret }, context) {
    await inItem(secret, context, async () => {
      const { item, previous } = await rotatedField(secret, context);
      if (previous === undefined || placeOf(secret) !== 'previous') return;
      context.progress(`removing ${named(item, previous.label)}`);
      await writableItems(context.vault).setFields(item, [{ field: previous, value: undefined }]);
    });
    return {};
  },
});
