import { FlowError, someOf } from '../../foundation/errors.ts';
import { Reference } from '../../foundation/reference.ts';
import { Secret } from '../../foundation/secret.ts';
import type { StoreRules } from '../../adapters/stores/contract.ts';
import type { StepContext } from '../contract.ts';
import type { DeclaredSecret, ValueSource } from './declared-secrets.ts';

/**
 * The values of all secrets, in their order. All references are read in one batch; what is wrong is told all at once,
 * before anything is written.
 */
export async function valuesOf(
  secrets: readonly DeclaredSecret[],
  rules: StoreRules,
  context: StepContext,
): Promise<readonly Secret[]> {
  const references = new Map(
    secrets.flatMap((each) => referencesOf(each.source)).map((each) => [each.toString(), each]),
  );
  const read =
    references.size === 0 ? new Map<string, Secret | FlowError>() : await context.vault.read([...references.values()]);
  const failures: FlowError[] = [];
  for (const text of references.keys()) {
    const found = read.get(text) ?? new FlowError('internal', 'the vault gave no answer for it');
    if (found instanceof FlowError) failures.push(found.at({ subject: text }));
  }
  throwAll(failures, 'references cannot be read', context);
  const reveal = (reference: Reference): string => {
    const found = read.get(reference.toString());
    return found instanceof Secret ? found.reveal() : '';
  };
  const values = secrets.map((each) => new Secret(textOf(each.source, reveal)));
  throwAll(
    secrets.flatMap((each, index) => valueProblem(each, values[index], rules) ?? []),
    'values cannot be pushed',
    context,
  );
  for (const { name, source } of secrets) {
    if (source.kind === 'reference') continue;
    const empty = referencesOf(source).find((each) => reveal(each) === '');
    if (empty !== undefined) context.warn(`secret "${name.name}": ${empty.toString()} is empty`);
  }
  return values;
}

function referencesOf(source: ValueSource): readonly Reference[] {
  if (source.kind === 'reference') return [source.reference];
  const parts = source.kind === 'json' ? source.members.map(([, value]) => value) : source.parts;
  return parts.filter((part) => part instanceof Reference);
}

function textOf(source: ValueSource, reveal: (reference: Reference) => string): string {
  switch (source.kind) {
    case 'reference':
      return reveal(source.reference);
    case 'template':
      return source.parts.map((part) => (part instanceof Reference ? reveal(part) : part)).join('');
    case 'json': {
      // written by hand: an object would put keys that look like numbers first
      const members = source.members
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(
          ([key, value]) =>
            `${JSON.stringify(key)}:${JSON.stringify(value instanceof Reference ? reveal(value) : value)}`,
        );
      return `{${members.join(',')}}`;
    }
  }
}

function valueProblem(
  { name, source }: DeclaredSecret,
  value: Secret | undefined,
  rules: StoreRules,
): FlowError | undefined {
  const text = value?.reveal() ?? '';
  const bytes = Buffer.byteLength(text, 'utf8');
  const found = text.isWellFormed() ? rules.valueProblem(bytes) : halved;
  if (found === undefined) return undefined;
  const from = source.kind === 'reference' ? source.reference.toString() : 'its template';
  return new FlowError('invalid-value', `${bytes === 0 ? from : 'its value'} ${found.problem}`, {
    hint: found.hint,
    place: { subject: `secret "${name.name}"` },
  });
}

/** Of a surrogate without its other half UTF-8 has nothing: another value would be stored than the one that was read. */
const halved = { problem: 'has half a character in it, which no store keeps', hint: 'see where it was cut' };

/** One failure as it is; of several, each as a warning and their number as the error. */
function throwAll(failures: readonly FlowError[], what: string, context: StepContext): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1) throw first;
  for (const each of failures) context.warn(each.line());
  const subjects = someOf(failures.map((each) => each.place.subject ?? ''));
  throw new FlowError(first.code, `${failures.length} ${what}: ${subjects}`, {
    hint: 'nothing was written; put them right and run again',
    cause: first,
  });
}
