import { createHmac, randomBytes } from 'node:crypto';
import { FlowError } from '../../foundation/errors.ts';
import { type ValueWatcher, watchValues } from '../../foundation/secret.ts';
import { formsOf } from '../../foundation/value-forms.ts';

/** Looks at what is about to be stored. */
export interface ValueGuard {
  /** @throws FlowError internal where a parameter holds a value of a secret, in any of the ways in which values travel */
  check(parameters: readonly unknown[]): void;
  close(): void;
}

/** characters that a value is told by; a shorter one is found in any text, so it is not looked for */
const width = 8;
/** values that are told; the oldest leaves first */
const manyValues = 20_000;

/** One way in which a value travels, kept so that it can be told but not read. */
interface Form {
  /** a number made of its first characters */
  readonly head: number;
  readonly length: number;
  readonly print: string;
}

/**
 * The last fence: whatever a step, a library or an error does, no statement carries a value that was a {@link Secret} in
 * this process since the guard was made. It keeps fingerprints under a key of its own, never values, so it outlasts
 * them: a value that nothing holds any more, but that stands in an error's text, is still told.
 */
export function createValueGuard(mostValues = manyValues): ValueGuard {
  const key = randomBytes(32);
  const printOf = (text: string) => createHmac('sha256', key).update(text).digest('base64');
  const values = new Map<string, readonly Form[]>();
  const disclosed = new Set<string>();
  const byHead = new Map<number, Set<Form>>();

  const forget = (print: string) => {
    for (const form of values.get(print) ?? []) {
      const same = byHead.get(form.head);
      same?.delete(form);
      if (same?.size === 0) byHead.delete(form.head);
    }
    values.delete(print);
  };
  const watcher: ValueWatcher = {
    made(value) {
      if (value.length < width) return;
      const print = printOf(value);
      if (disclosed.has(print)) return;
      const known = values.get(print);
      const forms = known ?? formsOf(value).flatMap((text) => (text.length < width ? [] : [formOf(text, printOf)]));
      // the youngest again
      values.delete(print);
      values.set(print, forms);
      if (known !== undefined) return;
      for (const form of forms) byHead.set(form.head, (byHead.get(form.head) ?? new Set()).add(form));
      const [oldest] = values.keys();
      if (values.size > mostValues && oldest !== undefined) forget(oldest);
    },
    disclosed(value) {
      const print = printOf(value);
      disclosed.add(print);
      forget(print);
      const [oldest] = disclosed;
      if (disclosed.size > mostValues && oldest !== undefined) disclosed.delete(oldest);
    },
  };
  const stop = watchValues(watcher);

  const holdsValue = (text: string): boolean => {
    for (const { at, head } of headsIn(text)) {
      for (const { length, print } of byHead.get(head) ?? []) {
        if (at + length <= text.length && printOf(text.slice(at, at + length)) === print) return true;
      }
    }
    return false;
  };
  return {
    check(parameters) {
      for (const parameter of parameters) {
        const text = textOf(parameter);
        if (text === undefined || !holdsValue(text)) continue;
        throw new FlowError('internal', 'a value was about to be stored, and was not', {
          hint: 'no store holds a value: if it is no secret, give it as plain text, not by a reference; else please report it',
        });
      }
    },
    close: stop,
  };
}

function formOf(text: string, printOf: (text: string) => string): Form {
  const [first] = headsIn(text.slice(0, width));
  return { head: first?.head ?? 0, length: text.length, print: printOf(text) };
}

/** What the rolling sum loses with the character that leaves it. */
const leaving = Array.from({ length: width }).reduce<number>((power) => Math.imul(power, 31), 1);

/** A number for each run of so many characters, where it begins (Karp and Rabin): one step of the sum a character. */
function* headsIn(text: string): Generator<{ readonly at: number; readonly head: number }> {
  let head = 0;
  for (let end = 0; end < text.length; end += 1) {
    head = (Math.imul(head, 31) + text.charCodeAt(end)) | 0;
    if (end >= width) head = (head - Math.imul(text.charCodeAt(end - width), leaving)) | 0;
    if (end >= width - 1) yield { at: end - width + 1, head };
  }
}

/** A parameter as it goes to the database. */
function textOf(parameter: unknown): string | undefined {
  if (typeof parameter === 'string') return parameter;
  if (parameter instanceof Uint8Array) return Buffer.from(parameter).toString('latin1');
  return typeof parameter === 'object' && parameter !== null ? JSON.stringify(parameter) : undefined;
}
