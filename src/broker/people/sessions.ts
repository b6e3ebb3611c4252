import { hash, randomBytes } from 'node:crypto';
import { createMemory } from '../../foundation/expiring-memory.ts';
import type { SignInPlace } from './sign-ins.ts';

/** Who looks at the page. */
export interface Person {
  /** the name under `approvers:`; undefined: the operator, by a link of `flows page`, who may look and nothing else */
  readonly approver: string | undefined;
  /** for the trail: `ann`, or `local:ann` */
  readonly name: string;
  readonly by: 'passkey' | 'oidc' | 'link';
  /** of `oidc`: where they signed in */
  readonly place?: SignInPlace | undefined;
}

/** Sessions of the page: bearers that its script holds, in the memory of this process. A cookie would reach every local port. */
export interface Sessions {
  open(person: Person): { readonly token: string; readonly seconds: number };
  person(token: string): Person | undefined;
  end(token: string): void;
}

const prefix = 'flows-page_';
/** seconds */
const life = 8 * 3_600;
const mostSessions = 1_000;

export function createSessions(clock: { readonly monotonic: () => number }): Sessions {
  const sessions = createMemory<Person>({ clock, capacity: mostSessions });
  const keyOf = (token: string) => hash('sha256', token, 'base64url');
  return {
    open(person) {
      const token = `${prefix}${randomBytes(32).toString('base64url')}`;
      sessions.put(keyOf(token), person, { ends: clock.monotonic() + life * 1_000 });
      return { token, seconds: life };
    },
    person: (token) => (token.startsWith(prefix) ? sessions.peek(keyOf(token))?.value : undefined),
    end: (token) => sessions.forget(keyOf(token)),
  };
}
