import { FlowError } from '../foundation/errors.ts';
import { journalled } from '../foundation/canonical-json.ts';
import { Reference } from '../foundation/reference.ts';
import { Secret } from '../foundation/secret.ts';
import { propertyOf, type StepKind } from '../steps/contract.ts';

const classes = { secret: Secret, reference: Reference } as const;

/** The output as the kind declares it; a step that writes gives no secret, whatever its author did. */
export function checkedOutput(
  kind: StepKind,
  output: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  for (const [name, field] of Object.entries(kind.output)) {
    const value = output[propertyOf(name)];
    const wanted = field.type === 'secret' || field.type === 'reference' ? classes[field.type] : undefined;
    const missing = value === undefined && field.optional !== true;
    const wrong = value !== undefined && (wanted === undefined ? holdsSecret(value) : !(value instanceof wanted));
    if (missing || wrong) {
      const what = `step kind "${kind.name}" gave ${missing ? 'no' : 'a wrong'} "${name}"`;
      throw new FlowError('internal', what, { hint: 'a fault of the step kind; please report it' });
    }
  }
  return output;
}

function holdsSecret(value: unknown): boolean {
  if (value instanceof Secret) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Reference) &&
    Object.values(value).some(holdsSecret)
  );
}

/** What of an output may be journalled: plain fields, and references as text. */
export function plainOutput(
  kind: StepKind,
  output: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const fields = Object.keys(kind.output).filter(
    (name) => kind.output[name]?.type !== 'secret' && output[propertyOf(name)] !== undefined,
  );
  return Object.fromEntries(fields.map((name) => [name, journalled(output[propertyOf(name)])]));
}
