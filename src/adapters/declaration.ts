import type { InputOf, Keys } from '../language/forms.ts';
import type { Way } from '../foundation/proxy.ts';
import type { LaptopStack } from './laptop-stack.ts';

/** What stands in service.yaml for one connection: its type, and what the keys of that type hold. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * What an adapter says of itself. Its part of service.yaml, of the check, of the JSON Schema, of the reference and of
 * what the commands tell is made of this; nothing else in `src` names an adapter.
 */
export interface Declaration<S, Services, Made> {
  /** as `type:` of service.yaml names it */
  readonly type: string;
  /** its own keys of service.yaml, besides `type` and those that its room has for all */
  readonly keys: Keys;
  /** the keys that `${{ stores.main.region }}` may read; `type` may be one of them */
  readonly plain: readonly string[];
  /**
   * Every address that it talks to: each must be https, or at a loopback address of a development environment.
   * @param settings what is known: also asked while some of it is wrong
   */
  addresses(settings: Partial<S>): readonly Address[];
  /** where it is, in a few words, for plans and `check --online`; default: its first address */
  place?(settings: S): string;
  /** what the forms of its keys cannot say; an empty `key` stands for all of it */
  check?(settings: S, given: ReadonlySet<string>): readonly KeyProblem[];
  /**
   * how it is reached on the laptop stack; absent: the laptop does not play it
   * @param declared what another environment says of a connection of this name, where its kind is shared with the laptop
   */
  laptop?(stack: LaptopStack, declared?: Partial<S>): S;
  /** Brings its code, where an environment with it is first used: what only checks files loads none of it. */
  load(): Promise<Factory<S, Services, Made>>;
}

export interface Factory<S, Services, Made> {
  /** Contacts nothing. */
  create(settings: S, services: Services): Made;
}

export interface Address {
  /** where it is written: `sign-in.redirect-uri` */
  readonly key: string;
  /** undefined or empty: not given */
  readonly url: string | undefined;
  /** it is reached at this machine in development alone, by https too */
  readonly isElsewhere?: boolean;
}

export interface KeyProblem {
  readonly key: string;
  readonly problem: string;
  readonly hint?: string | undefined;
}

/** The settings of an adapter with these keys, and what the laptop gives besides. */
export type SettingsOf<K extends Keys, Laptop = unknown> = InputOf<K> & Partial<Laptop>;

/** What every adapter gets. */
export interface Services {
  /** the connection's name in service.yaml, for messages */
  readonly name: string;
  /** plain http, and other things that only a laptop may, at loopback addresses */
  readonly development: boolean;
  /** epoch milliseconds */
  readonly now: () => number;
  /** by which way others are reached, for everything that an adapter sends */
  readonly way: Way;
}

/**
 * The adapters of a room by their type, once their rules hold.
 * @throws TypeError naming the adapter and the rule
 */
export function adaptersOf<A extends Pick<Declaration<never, never, unknown>, 'type' | 'keys' | 'plain'>>(
  common: Keys,
  adapters: readonly A[],
): ReadonlyMap<string, A> {
  const found = new Map<string, A>();
  for (const adapter of adapters) {
    const refuse = (rule: string) => new TypeError(`adapter "${adapter.type}": ${rule}`);
    if (!/^[a-z][a-z0-9-]*$/.test(adapter.type)) throw refuse('its type is not a lower-case name');
    if (found.has(adapter.type)) throw refuse('registered twice');
    for (const key of Object.keys(adapter.keys)) {
      if (!/^[a-z][a-z0-9-]*$/.test(key)) throw refuse(`key "${key}" is not a lower-case name`);
      if (key === 'type' || Object.hasOwn(common, key)) throw refuse(`its room has the key "${key}" for all`);
    }
    for (const name of adapter.plain) {
      const known = name === 'type' || Object.hasOwn(adapter.keys, name);
      if (!known) throw refuse(`"${name}" is plain, and no key of it`);
    }
    found.set(adapter.type, adapter);
  }
  return found;
}
