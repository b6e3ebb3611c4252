import { randomUUID } from 'node:crypto';
import type { Secret } from '../../foundation/secret.ts';
import type { ClientSeed } from './options.ts';

export interface LiveSecret {
  readonly id: string;
  readonly value: Secret;
  /** epoch milliseconds */
  readonly createdAt: number;
  /** the same; absent: it does not end by itself */
  readonly until?: number | undefined;
}

/** The secrets that clients may show: two at a time, as during a rotation. */
export interface LiveSecrets {
  /** newest first; undefined: no such client, or one that shows none */
  of(clientId: string): readonly LiveSecret[] | undefined;
  /** The one that is there where it is live already. undefined: two others are */
  add(clientId: string, value: Secret): LiveSecret | undefined;
  /**
   * These and no others, newest first; those that are there already stay what they are.
   * @param formerUntil epoch milliseconds at which all but the first end
   */
  set(clientId: string, values: readonly Secret[], ending?: { readonly formerUntil: number }): void;
  /** false: it is the only one. Nothing happens where it is gone. */
  retire(id: string): boolean;
}

const most = 2;

/** @param now epoch milliseconds */
export function createLiveSecrets(clients: readonly ClientSeed[], now: () => number): LiveSecrets {
  const made = (value: Secret): LiveSecret => ({ id: randomUUID(), value, createdAt: now() });
  const live = new Map<string, readonly LiveSecret[]>();
  for (const { clientId, secrets = [] } of clients) if (secrets.length > 0) live.set(clientId, secrets.map(made));
  const of = (clientId: string) => live.get(clientId)?.filter(({ until = Infinity }) => until > now());
  return {
    of,
    add(clientId, value) {
      const before = of(clientId) ?? [];
      const there = before.find((each) => each.value.equals(value));
      if (there !== undefined) return there;
      if (before.length >= most) return undefined;
      const added = made(value);
      live.set(clientId, [added, ...before]);
      return added;
    },
    set(clientId, values, ending) {
      const before = live.get(clientId) ?? [];
      const kept = (value: Secret) => before.find((each) => each.value.equals(value)) ?? made(value);
      const [first, ...former] = values.map(kept);
      const ended = former.map((each) => (ending === undefined ? each : { ...each, until: ending.formerUntil }));
      live.set(clientId, first === undefined ? [] : [{ ...first, until: undefined }, ...ended]);
    },
    retire(id) {
      for (const [clientId, secrets] of live) {
        const others = secrets.filter((each) => each.id !== id);
        if (others.length === secrets.length) continue;
        if (others.length === 0) return false;
        live.set(clientId, others);
      }
      return true;
    },
  };
}
