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

/** Tokens of a make, as they come back: each counts once, at whichever broker of those that keep together. */
export interface OnceTokens<T> {
  /** One that may be good still: nothing is kept for it. undefined: it is no such token, is over, or is for something else */
  look(token: string, wanted: string): Taken<T> | undefined;
  /** @returns false where it was used @throws FlowError where nobody can tell whether it was */
  use(found: OnceToken): Promise<boolean>;
  /** Both. */
  take(token: string, wanted: string): Promise<Taken<T> | undefined>;
}

export function createOnceTokens<T extends object>(
  make: TokenMake,
  { keys, kept, now }: OnceCheckOptions,
): OnceTokens<T> {
  const look: OnceTokens<T>['look'] = (token, wanted) => {
    const found = read<T>(make, token, keys);
    return found?.for === wanted && found.expires * 1_000 > now() ? found : undefined;
  };
  const use: OnceTokens<T>['use'] = ({ id, expires }) => kept.put('used', id, expires * 1_000);
  return {
    look,
    use,
    async take(token, wanted) {
      const found = look(token, wanted);
      return found !== undefined && (await use(found)) ? found : undefined;
    },
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
