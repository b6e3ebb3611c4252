import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Kept } from '../kept/contract.ts';

/** Tokens of one make: what they begin with, and what their MAC is about besides. */
export interface TokenMake {
  readonly prefix: string;
  readonly domain: string;
  /** characters of a token at most */
  readonly longest: number;
}

/** What every such token says. */
export interface OnceToken {
  /** the one thing that it is for */
  readonly for: string;
  /** epoch seconds */
  readonly expires: number;
  /** kept as used from then on, for as long as it would last */
  readonly id: string;
}

/**
 * A text under a MAC that is good for one thing, once, soon. Nothing is kept for it before it is used.
 * @param lifetime seconds @param now epoch milliseconds
 */
export function signOnce(
  make: TokenMake,
  key: Uint8Array,
  said: Readonly<Record<string, unknown>> & Pick<OnceToken, 'for'>,
  { lifetime, now }: { readonly lifetime: number; readonly now: number },
): { readonly token: string; readonly id: string } {
  const id = randomUUID();
  const whole = { ...said, expires: Math.floor(now / 1_000) + lifetime, id };
  const payload = Buffer.from(JSON.stringify(whole)).toString('base64url');
  return { token: `${make.prefix}${payload}.${macOf(make, key, payload).toString('base64url')}`, id };
}

export interface OnceCheckOptions {
  readonly keys: readonly Uint8Array[];
  readonly kept: Kept;
  /** epoch milliseconds */
  readonly now: () => number;
}

/** A token that was taken, and the key that made it. */
export type Taken<T> = OnceToken & T & { readonly key: Uint8Array };

/**
 * Takes tokens of a make: each counts once, at whichever broker of those that keep together.
 * @returns undefined for all that is no such token, is over, was used, or is for something else
 * @throws FlowError where nobody can tell whether it was used
 */
export function createOnceCheck<T extends object>(make: TokenMake, { keys, kept, now }: OnceCheckOptions) {
  return async (token: string, wanted: string): Promise<Taken<T> | undefined> => {
    const found = read<T>(make, token, keys);
    if (found?.for !== wanted || found.expires * 1_000 <= now()) return undefined;
    return (await kept.put('used', found.id, found.expires * 1_000)) ? found : undefined;
  };
}

function read<T extends object>(make: TokenMake, token: string, keys: readonly Uint8Array[]): Taken<T> | undefined {
  if (!token.startsWith(make.prefix) || token.length > make.longest) return undefined;
  const [payload = '', mac = '', ...more] = token.slice(make.prefix.length).split('.');
  const sent = Buffer.from(mac, 'base64url');
  const key = keys.find((each) => {
    const made = macOf(make, each, payload);
    return sent.length === made.length && timingSafeEqual(sent, made);
  });
  if (key === undefined || more.length > 0) return undefined;
  // whoever has the key wrote it
  return { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as OnceToken & T), key };
}

function macOf({ domain }: TokenMake, key: Uint8Array, payload: string): Buffer {
  return createHmac('sha256', key).update(`${domain}\n${payload}`).digest();
}
