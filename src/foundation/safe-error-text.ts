import { type FlowError, framesOf, oneLine } from './errors.ts';

/** Errors from outside may hold a value: whatever in their words is quoted, or one long word, is left out. */
export function worded(error: unknown): { readonly name: string; readonly text: string } {
  const raw = error instanceof Error ? error.message : String(error);
  const text = raw
    .replace(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replace(/[A-Za-z0-9_+/=-]{24,}/g, '…')
    .slice(0, 300);
  return { name: error instanceof Error ? error.constructor.name : typeof error, text };
}

/** Why it went wrong, and why that, one line each. */
export function causesOf(error: Error): readonly string[] {
  const lines: string[] = [];
  for (
    let at = error.cause;
    at !== undefined && at !== null && lines.length < 5;
    at = at instanceof Error ? at.cause : undefined
  ) {
    const { name, text } = worded(at);
    // what is in other quotes: the words of a parser, a path
    lines.push(oneLine(`${name}: ${text.replace(/(?<!\w)(['`]).*?\1(?!\w)/gs, '$1…$1')}`));
  }
  return lines;
}

/** What `--debug` shows below the line of a failure: what caused it, or the stack of an unexpected fault. It holds no values. */
export function detailOf(failure: FlowError): string {
  const { code, cause } = failure;
  if (code !== 'internal')
    return causesOf(failure)
      .map((line) => `  ${line}\n`)
      .join('');
  return cause instanceof Error ? `${cause.name}\n${framesOf(cause).join('\n')}\n` : '';
}
