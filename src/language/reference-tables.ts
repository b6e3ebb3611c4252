import { formName } from './form-name.ts';
import { variantOf } from './variants.ts';
import type { ByTypeForm, Form, Key, Keys } from './forms.ts';

/** The reference of some keys, those inside others included, in Markdown. */
export function keysText(keys: Keys): string {
  return table(['key', 'takes', ''], keyRows(keys));
}

export function keyRows(keys: Keys): readonly string[] {
  return entryRows(Object.entries(keys), '');
}

type Entries = readonly (readonly [name: string, key: Key])[];

function entryRows(entries: Entries, prefix: string): readonly string[] {
  return entries.flatMap(([name, key]) => {
    const needed = key.required ? ' (required)' : '';
    const otherwise = key.default === undefined ? '' : `; default \`${JSON.stringify(key.default)}\``;
    const example = key.example === undefined ? '' : `; for instance \`${key.example}\``;
    const inner = innerKeys(key.form);
    const takes = inner === undefined ? formName(key.form) : inner.takes;
    const own = row(`\`${prefix}${name}\`${needed}`, takes, `${key.description}${otherwise}${example}`);
    return [own, ...(inner === undefined ? [] : entryRows(inner.entries, `${prefix}${name}${inner.between}`))];
  });
}

interface Inner {
  readonly entries: Entries;
  readonly between: string;
  readonly takes: string;
}

/** The keys that stand inside a form, and how a path goes on to them. */
function innerKeys(form: Form): Inner | undefined {
  if (form.kind === 'object') return { entries: Object.entries(form.keys), between: '.', takes: 'keys' };
  if (form.kind === 'by-type') return { entries: entriesByType(form), between: '.', takes: 'keys' };
  if (form.kind !== 'list' && form.kind !== 'mapping') return undefined;
  const inner = innerKeys(form.of);
  if (inner === undefined) return undefined;
  if (form.kind === 'mapping') return { ...inner, between: `.NAME${inner.between}`, takes: 'a mapping of names' };
  return { ...inner, between: `[]${inner.between}`, takes: form.orOne === true ? 'one entry, or a list' : 'a list' };
}

/** What all types have, then each type's own, with its name where there are several. */
function entriesByType(form: ByTypeForm): Entries {
  const [first = ''] = form.types.keys();
  const shared = Object.entries(variantOf(form, first).keys).filter(
    ([name]) => name === 'type' || Object.hasOwn(form.common, name),
  );
  const own = [...form.types].flatMap(([type, { keys }]) =>
    Object.entries(keys).map(([name, key]): readonly [string, Key] =>
      form.types.size === 1 ? [name, key] : [name, { ...key, description: `\`${type}\`: ${key.description}` }],
    ),
  );
  return [...shared, ...own];
}

export function table(head: readonly string[], rows: readonly string[]): string {
  return [row(...head), row(...head.map(() => '---')), ...rows].join('\n');
}

export function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
