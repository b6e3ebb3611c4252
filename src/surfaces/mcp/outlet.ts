import { createMasking, type Masking } from '../../foundation/masking/masking.ts';
import { Secret } from '../../foundation/secret.ts';

/** The one way out: whatever is sent to a client goes through it. */
export interface Outlet {
  /** A value that went by: it is to be seen in nothing that is sent from now on. @param name stands where it stood */
  learn(name: string, value: Secret): void;
  /** A message without any value that was learnt, in no form of it; a {@link Secret} is its name alone. */
  clean<T>(message: T): T;
}

/** values that are looked for; the oldest leaves first */
const mostValues = 500;

/**
 * Knows values by having seen them, so that text which holds one (of another service, of a flow's plain output, of an
 * error) does not carry it out.
 * @example
 * outlet.learn('orders-token', token);
 * outlet.clean({ text: `Bearer ${token.reveal()}` }); // { text: 'Bearer [orders-token]' }
 */
export function createOutlet(): Outlet {
  const values = new Map<string, { readonly name: string; readonly value: Secret }>();
  let masking: Masking | undefined;

  function cleaned(value: unknown): unknown {
    if (typeof value === 'string') return masked(value);
    if (value instanceof Secret) return String(value);
    if (Array.isArray(value)) return value.map(cleaned);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [masked(key), cleaned(each)]));
    if (typeof value !== 'number') return value;
    // the digits of a code may be a number by chance
    const text = masked(String(value));
    return text === String(value) ? value : text;
  }

  function masked(text: string): string {
    if (values.size === 0) return text;
    masking ??= createMasking([...values.values()]);
    return masking.text(text);
  }

  return {
    learn(name, value) {
      const hash = value.hash();
      if (value.isEmpty || values.has(hash)) return;
      values.set(hash, { name, value });
      const [oldest] = values.keys();
      if (values.size > mostValues && oldest !== undefined) values.delete(oldest);
      masking = undefined;
    },
    // JSON in, JSON of the same form out
    clean: <T>(message: T) => cleaned(message) as T,
  };
}
