import { FlowError } from '../../foundation/errors.ts';
import { type ValueWatcher, watchValues } from '../../foundation/secret.ts';
import { formsOf } from '../../foundation/value-forms.ts';
import { createValuePrints, type Print } from '../../foundation/value-prints.ts';

/** Looks at what is about to be stored. */
export interface ValueGuard {
  /** @throws FlowError internal where a parameter holds a value of a secret, in any of the ways in which values travel */
  check(parameters: readonly unknown[]): void;
  close(): void;
}

/** characters that a value has at least; a shorter one is found in any text, so it is not looked for */
const shortest = 8;
/** values that are told; the oldest leaves first */
const manyValues = 20_000;

/**
 * The last fence: whatever a step, a library or an error does, no statement carries a value that was a {@link Secret} in
 * this process since the guard was made. It keeps prints under a key of its own, never values, so it outlasts them: a
 * value that nothing holds any more, but that stands in an error's text, is still told.
 */
export function createValueGuard(mostValues = manyValues): ValueGuard {
  const prints = createValuePrints();
  // what looks like a value is looked at, however often
  const index = prints.index<true>(Infinity);
  const values = new Map<string, readonly Print[]>();
  const disclosed = new Set<string>();

  const forget = (name: string) => {
    index.remove(values.get(name) ?? []);
    values.delete(name);
  };
  const watcher: ValueWatcher = {
    made(value) {
      if (value.length < shortest) return;
      const name = prints.mac(value);
      if (disclosed.has(name)) return;
      const known = values.get(name);
      const forms = known ?? prints.of(bytesOf(formsOf(value).filter((text) => text.length >= shortest)));
      // the youngest again
      values.delete(name);
      values.set(name, forms);
      if (known !== undefined) return;
      index.add(forms, true);
      const [oldest] = values.keys();
      if (values.size > mostValues && oldest !== undefined) forget(oldest);
    },
    disclosed(value) {
      const name = prints.mac(value);
      disclosed.add(name);
      forget(name);
      const [oldest] = disclosed;
      if (disclosed.size > mostValues && oldest !== undefined) disclosed.delete(oldest);
    },
  };
  const stop = watchValues(watcher);

  return {
    check(parameters) {
      if (parameters.flatMap(waysOf).every((bytes) => index.find(bytes).length === 0)) return;
      throw new FlowError('internal', 'a value was about to be stored, and was not', {
        hint: 'no store holds a value: if it is no secret, give it as plain text, not by a reference; else please report it',
      });
    },
    close: stop,
  };
}

function bytesOf(texts: readonly string[]): readonly Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

/** A parameter as it goes to the database; bytes may be a text in either of two encodings. */
function waysOf(parameter: unknown): readonly Uint8Array[] {
  if (typeof parameter === 'string') return bytesOf([parameter]);
  if (parameter instanceof Uint8Array) return [parameter, ...bytesOf([Buffer.from(parameter).toString('latin1')])];
  return typeof parameter === 'object' && parameter !== null ? bytesOf([JSON.stringify(parameter)]) : [];
}
