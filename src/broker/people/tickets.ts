import { randomBytes } from 'node:crypto';
import { createMemory } from '../../foundation/expiring-memory.ts';

/** Something that was asked and may be answered once, soon. It lives in memory, and dies with the process. */
export interface Tickets<T> {
  /** @param lasts milliseconds, default two minutes */
  put(what: T, lasts?: number): string;
  /** Takes it out: nobody gets it a second time. */
  take(ticket: string): T | undefined;
}

/** milliseconds */
const life = 120_000;
const mostOpen = 10_000;

export function createTickets<T>(clock: { readonly monotonic: () => number }): Tickets<T> {
  const open = createMemory<T>({ clock, capacity: mostOpen });
  return {
    put(what, lasts = life) {
      const ticket = randomBytes(24).toString('base64url');
      open.put(ticket, what, { ends: clock.monotonic() + lasts });
      return ticket;
    },
    take(ticket) {
      const found = open.peek(ticket)?.value;
      open.forget(ticket);
      return found;
    },
  };
}
