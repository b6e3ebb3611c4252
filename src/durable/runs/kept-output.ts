import { journalled } from '../../foundation/canonical-json.ts';
import { FlowError } from '../../foundation/errors.ts';
import { Reference } from '../../foundation/reference.ts';
import { Secret } from '../../foundation/secret.ts';
import type { StepOutput } from '../../engine/journal.ts';
import { type OutputFields, propertyOf } from '../../steps/contract.ts';

/** What may be kept of a step's output: its plain fields, and references as text. */
export function keptOf(fields: OutputFields, output: StepOutput): StepOutput {
  return Object.fromEntries(
    fieldsOf(fields).flatMap(([name, type]) => {
      const value = type === 'secret' ? undefined : output[name];
      return value === undefined ? [] : [[name, journalled(value)]];
    }),
  );
}

/** What {@link keptOf} kept, as the step gave it. Only a field that its kind declares as a reference becomes one. */
export function outputFrom(fields: OutputFields, kept: StepOutput): StepOutput {
  return Object.fromEntries(
    fieldsOf(fields).flatMap(([name, type]) => {
      const value = kept[name];
      return value === undefined ? [] : [[name, type === 'reference' ? referenceFrom(value) : value]];
    }),
  );
}

function fieldsOf(fields: OutputFields) {
  return Object.entries(fields).map(([name, { type }]) => [propertyOf(name), type] as const);
}

function referenceFrom(value: unknown): Reference {
  const reference = Reference.parse(String(value));
  if (reference instanceof Reference) return reference;
  throw new FlowError('internal', 'what was kept of a step is no reference');
}

/** JSON of plain data. @throws FlowError internal for a secret, which would print as a text that looks like none */
export function plainJson(value: unknown): string {
  requirePlain(value);
  return JSON.stringify(value) ?? 'null';
}

function requirePlain(value: unknown): void {
  if (value instanceof Secret)
    throw new FlowError('internal', 'a secret was about to be kept', {
      hint: 'a fault of a step kind; please report it',
    });
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) requirePlain(each);
}
