import type { Range } from './problems.ts';

/** `${{ steps.token }}`: a dotted path, no code. */
export interface Expression {
  readonly path: readonly string[];
  /** the path as written */
  readonly text: string;
  /** where in the file */
  readonly range: Range;
}

export type Parts = readonly (string | Expression)[];

export type Located = (start: number, end: number, text: string) => Range;

const opening = '${{';
const closing = '}}';
const segment = '[A-Za-z0-9_][A-Za-z0-9_-]*';
const pathPattern = new RegExp(`^[A-Za-z_][A-Za-z0-9_-]*(?:\\.${segment})*$`);

/** Roots that people bring from elsewhere, and ours. */
const foreignRoots: readonly (readonly [RegExp, string])[] = [
  [/^secrets\b/, 'read it in a step: uses: vault/read, then ${{ steps.ID }}'],
  [
    /^(?:github|runner|job|matrix|strategy|needs|context|params|variables)\b/,
    'paths begin with inputs, vars, issuers, identity-providers, stores, apis or steps',
  ],
];

/** Forms that people bring from elsewhere, and ours. */
const foreign: readonly (readonly [RegExp, string])[] = [
  ...foreignRoots,
  [/\[/, 'write a dotted path: ${{ steps.ID.FIELD }}'],
  [/\(|\|\||&&|[=!<>?+*/|]|['"]/, 'dotted paths only, no code: compute it in a step or pass it as an input'],
  [/^$/, 'write a path, as in ${{ inputs.NAME }}'],
];

/**
 * Splits text at its expressions. Texts without any are returned as they are.
 * @param located where a part of the text stands in the file
 */
export function parseExpressions(
  text: string,
  located: Located,
  report: (range: Range, message: string, hint?: string) => void,
): Parts {
  if (!text.includes(opening)) return [text];
  const parts: (string | Expression)[] = [];
  let from = 0;
  for (let at = text.indexOf(opening); at !== -1; at = text.indexOf(opening, from)) {
    const end = text.indexOf(closing, at);
    if (end === -1) {
      report(located(at, text.length, text.slice(at)), '"${{" without "}}"', 'write ${{ path }}');
      break;
    }
    const stop = end + closing.length;
    const whole = text.slice(at, stop);
    const path = text.slice(at + opening.length, end).trim();
    const range = located(at, stop, whole);
    if (at > from) parts.push(text.slice(from, at));
    if (pathPattern.test(path)) {
      parts.push({ path: path.split('.'), text: path, range });
    } else {
      const hint = foreign.find(([pattern]) => pattern.test(path))?.[1] ?? 'write a dotted path: ${{ inputs.NAME }}';
      report(range, `"${whole}" is not an expression`, hint);
    }
    from = stop;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

/** What we have instead of a path that begins as elsewhere. */
export function foreignRootHint({ text }: Expression): string | undefined {
  return foreignRoots.find(([pattern]) => pattern.test(text))?.[1];
}

/** The one expression that a text consists of. */
export function wholeExpression(parts: Parts): Expression | undefined {
  const [only, ...more] = parts;
  return typeof only === 'object' && more.length === 0 ? only : undefined;
}

const roots = 'inputs|vars|steps|issuers|identity-providers|stores|env|secrets|github';

/** A form of substitution from elsewhere that stands in plain text, and ours. */
export function foreignForm(text: string): { readonly found: string; readonly hint: string } | undefined {
  const braces = new RegExp(`(?<!\\$)\\{\\{\\s*((?:${roots})\\.[\\w.-]*)\\s*\\}\\}`).exec(text);
  if (braces !== null) return { found: braces[0], hint: `write \${{ ${braces[1] ?? ''} }}` };
  const reference = /(?<!\$)\{\{\s*(op:\/\/[^{}]*?)\s*\}\}/.exec(text);
  if (reference !== null) {
    return {
      found: reference[0],
      hint: `write ${reference[1] ?? ''} by itself; {{ }} is for keys that take a template`,
    };
  }
  const shell = /\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}/.exec(text) ?? /^\$([A-Z_][A-Z0-9_]*)$/.exec(text);
  if (shell === null) return undefined;
  const name = (shell[1] ?? '').toLowerCase().replaceAll('_', '-');
  return { found: shell[0], hint: `write \${{ ${name.includes('.') ? name : `inputs.${name}`} }}` };
}
