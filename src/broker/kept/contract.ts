/**
 * What is kept for whoever comes back with its key, until it ends: who is signed in to the page, and which links, claims
 * and challenges were used. Brokers on one database keep it together; one by itself keeps it in memory.
 */
export interface Kept {
  /**
   * Keeps it, once: of two that come with the same key one is told so.
   * @param key a secret, or what stands for one: only its hash is kept
   * @param until epoch milliseconds
   * @param value JSON, without any secret
   * @returns false where the key is there already, or too many are @throws FlowError
   */
  put(kind: KeptKind, key: string, until: number, value?: unknown): Promise<boolean>;
  /** undefined: it is not there, or has ended @throws FlowError */
  get(kind: KeptKind, key: string): Promise<unknown>;
  /** @throws FlowError */
  forget(kind: KeptKind, key: string): Promise<void>;
}

export type KeptKind = 'session' | 'used';

/** How many of each kind there are at once: nobody fills a disk, and what was used is never forgotten to make room. */
export const mostKept: Readonly<Record<KeptKind, number>> = { session: 1_000, used: 10_000 };
