/** Told of values, so that it can tell one when it sees one. */
export interface ValueWatcher {
  made(value: string): void;
  /** what is called secret for where it came from alone: a client id, a user's name */
  disclosed(value: string): void;
}

const watchers = new Set<ValueWatcher>();

/** Tells of the value of every secret that is made from now on. @returns how to stop telling */
export function watchValues(watcher: ValueWatcher): () => void {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

/**
 * A value that must not be seen. It prints as `[secret]` everywhere (string, template, JSON, console, structured
 * clone), has nothing enumerable, and gives its value only to {@link Secret.reveal}, which is called by adapters and
 * by the step that needs the value.
 * @example
 * const secret = new Secret('hunter2');
 * console.log(`${secret}`, JSON.stringify({ secret })); // [secret] {"secret":"[secret]"}
 * const value: string = secret.reveal();
 */
export class Secret {
  readonly #value: string;
  #hash: string | undefined;

  /** @param value never trimmed, never changed */
  constructor(value: string) {
    this.#value = value;
    for (const watcher of watchers) watcher.made(value);
  }

  reveal(): string {
    return this.#value;
  }

  /** The value of what is no secret, though it came from where secrets are: a client id, which services tell too. */
  disclose(): string {
    for (const watcher of watchers) watcher.disclosed(this.#value);
    return this.#value;
  }

  get isEmpty(): boolean {
    return this.#value.length === 0;
  }

  /** SHA-256, hex: what a token is called where it may not be told. */
  hash(): string {
    return (this.#hash ??= process.getBuiltinModule('node:crypto').hash('sha256', this.#value, 'hex'));
  }

  /** Constant-time comparison. */
  equals(other: Secret): boolean {
    // every command loads this file, and few compare: an import would cost each of them 5 ms
    const { createHash, timingSafeEqual } = process.getBuiltinModule('node:crypto');
    const digest = (secret: Secret) => createHash('sha256').update(secret.#value).digest();
    return timingSafeEqual(digest(this), digest(other));
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.toPrimitive](): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}
