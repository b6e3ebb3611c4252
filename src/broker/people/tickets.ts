import { createHmac } from 'node:crypto';
import { createOnceTokens, type OnceCheckOptions, signOnce, type TokenMake } from '../authentication/once-token.ts';

/** A text of its own for each label, which only brokers can make again that have the key. */
export type Derive = (label: string) => string;

/**
 * Something that was asked and may be answered once, soon. What was asked is in the ticket, under a MAC: whoever asks
 * without ever answering costs nothing, and a broker that shares the key takes the answer too.
 */
export interface Tickets<T> {
  /** @param what JSON, without any secret @param lasts milliseconds, default two minutes */
  issue(what: T, lasts?: number): { readonly ticket: string; readonly derive: Derive };
  /** Nobody gets it a second time. @throws FlowError where nobody can tell whether it was used */
  take(ticket: string): Promise<Asked<T> | undefined>;
  /** What was asked, for who must prove something first: anybody has a ticket, and what is kept for each has an end. */
  look(ticket: string): (Asked<T> & { readonly use: () => Promise<boolean> }) | undefined;
}

/** What was asked. */
export interface Asked<T> {
  readonly what: T;
  readonly derive: Derive;
}

/** milliseconds */
const life = 120_000;
const make: TokenMake = { prefix: 'flows-ticket_', domain: 'auth-chain page ticket v1', longest: 16_384 };

/** @param purpose what is asked: a ticket for one thing is none for another */
export function createTickets<T>(purpose: string, options: OnceCheckOptions): Tickets<T> {
  const tokens = createOnceTokens<{ readonly what: T }>(make, options);
  const deriving =
    (key: Uint8Array, id: string): Derive =>
    (label) =>
      createHmac('sha256', key).update(`auth-chain page ${label} v1\n${id}`).digest('base64url');
  return {
    issue(what, lasts = life) {
      const [key] = options.keys;
      if (key === undefined) throw new TypeError('tickets need a key');
      const { token, id } = signOnce(
        make,
        key,
        { for: purpose, what },
        { lifetime: Math.ceil(lasts / 1_000), now: options.now() },
      );
      return { ticket: token, derive: deriving(key, id) };
    },
    async take(ticket) {
      const found = await tokens.take(ticket, purpose);
      return found && { what: found.what, derive: deriving(found.key, found.id) };
    },
    look(ticket) {
      const found = tokens.look(ticket, purpose);
      return found && { what: found.what, derive: deriving(found.key, found.id), use: () => tokens.use(found) };
    },
  };
}
