import { durationText, parseDuration } from '../../foundation/duration.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { PasswordRecipe } from '../../adapters/vaults/contract.ts';
import { writableItems } from '../../adapters/vaults/writable-items.ts';
import { durationForm } from '../../language/duration-form.ts';
import { form, optional, required, type InputOf } from '../../language/forms.ts';
import type { StepContext, StepPlan } from '../contract.ts';
import { changeOfItem } from './change-of-item.ts';
import { named, rotatedField, type RotatedField } from '../../adapters/vaults/rotated-field.ts';
import { inItem } from './in-item.ts';

export const stageKeys = {
  field: required(form.reference(), 'the field whose value is to be another one', {
    example: 'op://Agents/Orders M2M/credential',
  }),
  'if-older-than': optional(durationForm, 'only where the value in force is older; default: whatever its age', {
    example: '60d',
  }),
};
type Input = InputOf<typeof stageKeys>;

export const stageOutput = {
  secret: { type: 'reference', description: 'the next value; the field itself where none is staged' },
} as const;
type Output = { readonly secret: Reference };

export async function planToStage(input: Partial<Input>, context: StepContext): Promise<StepPlan<Output>> {
  const { field } = input;
  if (field === undefined) return { changes: [{ action: 'create', what: 'a next value', detail: 'known after run' }] };
  const rotated = await rotatedField(field, context);
  const { item, current } = rotated;
  const what = named(item, `${current.label} (next)`);
  const detail = standingOf(rotated, input['if-older-than'], context.now());
  if (detail === undefined) return { changes: [changeOfItem(item, { action: 'create', what })] };
  return { changes: [{ action: 'none', what, detail }], output: outputOf(rotated) };
}

/** @param make the next value, where one is to be staged */
export async function stageNext(
  input: Input,
  make: () => Promise<Secret> | PasswordRecipe,
  context: StepContext,
): Promise<Output> {
  return inItem(input.field, context, async () => {
    const rotated = await rotatedField(input.field, context);
    if (standingOf(rotated, input['if-older-than'], context.now()) !== undefined) return outputOf(rotated);
    const { item, current, references } = rotated;
    const label = `${current.label} (next)`;
    context.progress(`making ${named(item, label)}`);
    await writableItems(context.vault).setFields(item, [{ field: { label, beside: current }, value: await make() }]);
    return { secret: references.next };
  });
}

/** Why there is nothing to do. */
function standingOf({ next, previous, since }: RotatedField, ifOlderThan: string | undefined, now: number) {
  if (next !== undefined) return 'staged, and not promoted yet';
  if (previous !== undefined) return `promoted; "${previous.label}" is not retired yet`;
  const wanted = parseDuration(ifOlderThan ?? '');
  if (wanted === undefined || now - since >= wanted * 1_000) return undefined;
  return `in force since ${new Date(since).toISOString().slice(0, 10)}, and not ${durationText(wanted)} old`;
}

function outputOf({ next, references }: RotatedField): Output {
  return { secret: next === undefined ? references.current : references.next };
}
