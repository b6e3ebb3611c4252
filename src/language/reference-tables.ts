import { formName } from './form-name.ts';
import type { Form, Keys } from './forms.ts';

/** The reference of some keys, those inside others included, in Markdown. */
export function keysText(keys: Keys): string {
  return table(['key', 'takes', ''], keyRows(keys));
}

export function keyRows(keys: Keys, prefix = ''): readonly string[] {
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

export function table(head: readonly string[], rows: readonly string[]): string {
  return [row(...head), row(...head.map(() => '---')), ...rows].join('\n');
}

export function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
