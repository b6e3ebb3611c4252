import { keyRows, row, table } from '../language/reference-tables.ts';
import type { StepKind, StepKinds } from './contract.ts';

/** The reference of every step kind, in Markdown. */
export function stepsText(kinds: StepKinds): string {
  return [...new Set(kinds.values())]
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
  const aliases = (kind.aliases ?? []).map((name) => `; also named \`${name}\``).join('');
  return [
    `#### \`${kind.name}\``,
    `${kind.summary} (${effect}${cached}${options.length === 0 ? '' : `; options ${options.join(', ')}`}${aliases})`,
    table(['with', 'takes', ''], keyRows(kind.with)),
    ...(outputs.length === 0 ? [] : [table(['gives', 'type', ''], outputs)]),
  ].join('\n\n');
}
