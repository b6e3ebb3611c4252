import { randomBytes } from 'node:crypto';
import type { Kept } from '../kept/contract.ts';
import { BrokerRefusal } from '../refusal.ts';
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

/** Sessions of the page: bearers that its script holds. A cookie would reach every local port. @throws FlowError */
export interface Sessions {
  /** @throws BrokerRefusal overloaded */
  open(person: Person): Promise<{ readonly token: string; readonly seconds: number }>;
  person(token: string): Promise<Person | undefined>;
  end(token: string): Promise<void>;
}

const prefix = 'flows-page_';
/** seconds */
const life = 8 * 3_600;

/** @param now epoch milliseconds */
export function createSessions(kept: Kept, now: () => number): Sessions {
  return {
    async open(person) {
      const token = `${prefix}${randomBytes(32).toString('base64url')}`;
      if (!(await kept.put('session', token, now() + life * 1_000, person)))
        throw new BrokerRefusal('overloaded', { detail: 'as many people as can be are signed in' });
      return { token, seconds: life };
    },
    // what stands there we wrote
    person: async (token) =>
      token.startsWith(prefix) ? ((await kept.get('session', token)) as Person | undefined) : undefined,
    end: (token) => kept.forget('session', token),
  };
}
