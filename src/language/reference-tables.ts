import { formName } from './form-name.ts';
import type { Form, Keys } from './forms.ts';
import type { StepKinds } from '../steps/register.ts';
import type { StepKind } from '../steps/contract.ts';

/** The reference of every step kind, in Markdown. */
export function stepsText(kinds: StepKinds): string {
  return [...kinds.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(stepText)
    .join('\n\n');
}

function stepText(kind: StepKind): string {
  const effect = kind.effect === 'write' ? 'writes' : 'reads only';
  const cached = kind.effect === 'none' && kind.expiresAt !== undefined ? ', cached' : '';
  const options = (kind.options ?? []).map((option) => `\`--${option}\``);
  const outputs = Object.entries(kind.output).map(([name, field]) => {
    const scalar = kind.scalar === name ? '; what `${{ steps.ID }}` stands for' : '';
    return row(`\`${name}\``, field.type, `${field.description}${scalar}`);
  });
  return [
    `#### \`${kind.name}\``,
    `${kind.summary} (${effect}${cached}${options.length === 0 ? '' : `; options ${options.join(', ')}`})`,
    table(['with', 'takes', ''], keyRows(kind.with)),
    ...(outputs.length === 0 ? [] : [table(['gives', 'type', ''], outputs)]),
  ].join('\n\n');
}

/** The reference of some keys, those inside others included, in Markdown. */
export function keysText(keys: Keys): string {
  return table(['key', 'takes', ''], keyRows(keys));
}

function keyRows(keys: Keys, prefix = ''): readonly string[] {
  return Object.entries(keys).flatMap(([name, key]) => {
    const needed = key.required ? ' (required)' : '';
    const otherwise = key.default === undefined ? '' : `; default \`${JSON.stringify(key.default)}\``;
    const example = key.example === undefined ? '' : `; for instance \`${key.example}\``;
    const inner = innerKeys(key.form);
    const takes = inner === undefined ? formName(key.form) : inner.takes;
    const own = row(`\`${prefix}${name}\`${needed}`, takes, `${key.description}${otherwise}${example}`);
    return [own, ...(inner === undefined ? [] : keyRows(inner.keys, `${prefix}${name}${inner.between}`))];
  });
}

/** The keys that stand inside a form, and how a path goes on to them. */
function innerKeys(form: Form): { readonly keys: Keys; readonly between: string; readonly takes: string } | undefined {
  if (form.kind === 'object') return { keys: form.keys, between: '.', takes: 'keys' };
  if (form.kind !== 'list' && form.kind !== 'mapping') return undefined;
  const inner = innerKeys(form.of);
  if (inner === undefined) return undefined;
  if (form.kind === 'mapping') return { ...inner, between: `.NAME${inner.between}`, takes: 'a mapping of names' };
  return { ...inner, between: `[]${inner.between}`, takes: form.orOne === true ? 'one entry, or a list' : 'a list' };
}

function table(head: readonly string[], rows: readonly string[]): string {
  return [row(...head), row(...head.map(() => '---')), ...rows].join('\n');
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
