import { type Document, isCollection, isPair, isScalar, type YAMLError } from 'yaml';
import type { Range, Source } from './problems.ts';

interface Fault {
  readonly range: Range;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** By the library's code: what to do, and what it is where the library's own words do not say. */
const known: Readonly<Partial<Record<YAMLError['code'], { readonly hint: string; readonly message?: string }>>> = {
  BAD_INDENT: { hint: 'begin the line at the same column as those it belongs to, or further in; close [ and {' },
  BAD_SCALAR_START: { hint: 'put the text in quotes' },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second ": " in one line, or a line that begins at the wrong column',
    hint: 'put text with ": " in it in quotes; keys of one mapping begin at the same column',
  },
  MISSING_CHAR: {
    message: 'a line that is no "KEY: VALUE", or no item of the list above it',
    hint: 'a space stands after the colon; lines that belong together begin at the same column',
  },
  MULTILINE_IMPLICIT_KEY: { message: 'a line that is no "KEY: VALUE"', hint: 'a space stands after the colon' },
  MULTIPLE_DOCS: { message: 'more than one document', hint: 'one file holds one: take the --- out' },
  TAB_AS_INDENT: { hint: 'indent with spaces' },
  TAG_RESOLVE_FAILED: { message: 'an unresolved tag', hint: 'put text that begins with ! in quotes' },
};

/** What keeps a file from being YAML, in our words: where it is, and what to do. */
export function yamlFault(document: Document.Parsed, trouble: YAMLError, source: Source): Fault {
  const [start, end] = trouble.pos;
  const fault = (message: string, hint?: string, range: Range = { start, end }): Fault => ({
    range,
    message: `not valid YAML: ${message}`,
    hint,
  });
  if (trouble.code === 'MISSING_CHAR' && /closing ['"]/.test(trouble.message)) {
    return fault('a quote that is never closed', 'close it, or one above it', lastQuote(document));
  }
  if (source.text.startsWith('${{', start - 1)) {
    return fault('${{ without quotes inside { } or [ ]', "write '${{ … }}'", { start: start - 1, end: start + 2 });
  }
  const { message = plain(trouble.message), hint } = known[trouble.code] ?? {};
  return fault(message, spaceHint(lineAt(source.text, start)) ?? hint);
}

/** The library tells where the file ends; the quote stands where the last text of it begins. */
function lastQuote(document: Document.Parsed): Range | undefined {
  let node: unknown = document.contents;
  while (isCollection(node)) {
    const last: unknown = node.items.at(-1);
    node = isPair(last) ? (last.value ?? last.key) : last;
  }
  const start = isScalar(node) ? node.range?.[0] : undefined;
  return start === undefined ? undefined : { start, end: start + 1 };
}

/** What looks like a space and is none, as word processors and web pages have them; or a tab where a line begins. */
function spaceHint(line: string): string | undefined {
  if (/[\u00a0\u2000-\u200b\u202f\u3000]/.test(line)) return 'the line holds a special space: type a plain one';
  return /^ *\t/.test(line) ? known.TAB_AS_INDENT?.hint : undefined;
}

function lineAt(text: string, at: number): string {
  return text.slice(text.lastIndexOf('\n', at - 1) + 1).split('\n', 1)[0] ?? '';
}

/** The library's words without what they repeat of the file, which may be a secret. */
function plain(message: string): string {
  const first = message.split(/\n|: /)[0] ?? message;
  return `${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(/\.$/, '');
}
