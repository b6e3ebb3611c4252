import { randomBytes } from 'node:crypto';
import type { AuditEvent } from '../../audit/contract.ts';
import { createFloods } from '../../audit/refusal-floods.ts';
import type { Approver, Passkey, Policy } from '../../folder/policy/policy.ts';
import {
  type Assertion,
  checkAssertion,
  checkRegistration,
  coseAlgorithms,
  type Registration,
} from '../../foundation/passkey.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import type { OnceCheckOptions } from '../authentication/once-token.ts';
import type { CheckClaim, OperatorClaim } from '../authentication/operator-token.ts';
import { BrokerRefusal, refusalOf } from '../refusal.ts';
import { type PageAddress, requirePage } from './page-address.ts';
import { createSessions, type Person } from './sessions.ts';
import { flightBy, patience as patienceThere, type SignInPlace, type SignIns } from './sign-ins.ts';
import { createTickets, type Derive } from './tickets.ts';

export interface PeopleOptions {
  readonly policy: () => Policy;
  /** whether the operator made a link, which is used up by asking */
  readonly links: CheckClaim;
  /** by what challenges are made, and where it is kept which were used, and who is signed in */
  readonly challenges: OnceCheckOptions;
  /** undefined: no page is served, and nobody can sign */
  readonly page: () => PageAddress | undefined;
  /** Writes a passkey beside a name into policy.yaml. @throws FlowError */
  readonly keep: (approver: string, passkey: Passkey) => Promise<void>;
  /** Resolves when it is on disk. @throws BrokerRefusal audit-unavailable */
  readonly record: (event: AuditEvent) => Promise<void>;
  readonly signIns: SignIns;
  readonly clock: Pick<BrokerClock, 'monotonic' | 'after'>;
}

/** A request of the page. */
export interface PageRequest {
  readonly request: string;
  readonly address: string;
}

/** A challenge, in the form that the browser's own parsers take. */
export interface Challenge {
  /** sent back with what the browser gives; good once, for two minutes */
  readonly ticket: string;
  /** for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface SignedIn {
  /** the bearer of the page's requests */
  readonly session: string;
  /** seconds that it lasts */
  readonly expiresIn: number;
  readonly person: Person;
}

/** The people who approve: their passkeys, and who of them looks at the page. */
export interface People {
  /** For whom a link of `flows approvers add` is: it is used up by this. @throws BrokerRefusal not-authenticated */
  enrolOptions(asked: PageRequest, approver: string, link: string): Promise<Challenge>;
  /** Keeps a passkey, and signs its owner in. @throws BrokerRefusal */
  enrol(asked: PageRequest, ticket: string, registration: Registration): Promise<SignedIn>;
  /** @returns the issuers at which people may sign in instead, too */
  loginOptions(): Challenge & { readonly places: readonly SignInPlace[] };
  /** @throws BrokerRefusal not-authenticated */
  login(asked: PageRequest, ticket: string, assertion: Assertion): Promise<SignedIn>;
  /** By a link of `flows page`, to look. @throws BrokerRefusal not-authenticated */
  loginByLink(asked: PageRequest, link: string): Promise<SignedIn>;
  /** Begins a sign-in at an issuer that `trust:` of an approver names. @throws BrokerRefusal not-allowed; FlowError */
  authorize(place: SignInPlace): Promise<{ readonly ticket: string; readonly authorize: string }>;
  /** By what came back from there: the query. @throws BrokerRefusal not-authenticated; FlowError */
  loginByIssuer(asked: PageRequest, ticket: string, callback: string): Promise<SignedIn>;
  logout(session: string): Promise<void>;
  /** undefined: nobody, or somebody whom policy.yaml does not have any more */
  person(session: string): Promise<Person | undefined>;
  approver(name: string): Approver | undefined;
}

/** milliseconds that the browser gives a person */
const patience = 120_000;

export function createPeople(options: PeopleOptions): People {
  const { policy, links, page, record, challenges, clock, signIns } = options;
  const sessions = createSessions(challenges.kept, challenges.now);
  const enrolments = createTickets<{ readonly approver: string; readonly by: string }>('enrol', challenges);
  const logins = createTickets<null>('login', challenges);
  const visits = createTickets<SignInPlace>('visit', challenges);
  const here = () => requirePage(page());
  const approver = (name: string): Approver | undefined => policy().approvers?.get(name);

  // anybody who reaches the page can be refused, as often as they like
  const recordFlood = createFloods({ record, monotonic: clock.monotonic, after: clock.after });

  async function refused(asked: PageRequest, detail: string): Promise<BrokerRefusal> {
    const recorded = await recordFlood({
      ...asked,
      agent: 'unknown',
      action: 'authenticate',
      what: [],
      outcome: 'denied',
      code: 'not-authenticated',
      detail,
    });
    return new BrokerRefusal(recorded === undefined ? 'overloaded' : 'not-authenticated', { detail });
  }

  /** Who made a link for this, which is used up by asking. */
  async function makerOf(asked: PageRequest, link: string, wanted: string): Promise<OperatorClaim> {
    const claim = await links(link, wanted).catch((error: unknown) => Promise.reject(refusalOf(error)));
    if (claim !== undefined) return claim;
    throw await refused(asked, 'a link that was used, has ended, or is none');
  }

  /** Once somebody is proven: nobody else takes the room in which it is kept what was used. */
  async function usedUp(asked: PageRequest, ticket: { readonly use: () => Promise<boolean> }): Promise<void> {
    if (!(await ticket.use())) throw await refused(asked, 'a sign-in that was used already');
  }

  async function signedIn(asked: PageRequest, person: Person, detail?: string): Promise<SignedIn> {
    await record({
      ...asked,
      agent: person.name,
      action: 'approver.signed-in',
      what: [],
      outcome: 'allowed',
      detail: detail ?? `by ${person.by}`,
    });
    const { token, seconds } = await sessions.open(person);
    return { session: token, expiresIn: seconds, person };
  }

  return {
    approver,
    async enrolOptions(asked, name, link) {
      const { rpId } = here();
      const { user } = await makerOf(asked, link, `enrol ${name}`);
      const found = approver(name);
      if (found === undefined) throw await refused(asked, `policy.yaml has no approver "${name}"`);
      const { ticket, derive } = enrolments.issue({ approver: name, by: user });
      return {
        ticket,
        options: {
          rp: { id: rpId, name: 'flows' },
          // another one each time: a passkey made under the same would take the place of the one before
          user: { id: randomBytes(32).toString('base64url'), name, displayName: name },
          challenge: derive(challengeLabel),
          pubKeyCredParams: Object.values(coseAlgorithms).map((alg) => ({ type: 'public-key', alg })),
          timeout: patience,
          attestation: 'none',
          authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
          excludeCredentials: found.passkeys.map(({ id }) => ({ type: 'public-key', id })),
        },
      };
    },
    async enrol(asked, ticket, registration) {
      const enrolment = await enrolments.take(ticket);
      if (enrolment === undefined) throw await refused(asked, 'an enrolment that nobody began, or that took too long');
      const { approver: name, by } = enrolment.what;
      const found = checkRegistration(registration, { ...here(), challenge: challengeBy(enrolment.derive) });
      if ('problem' in found) throw await refused(asked, `a passkey for "${name}" that is not taken: ${found.problem}`);
      const { id, publicKey, algorithm, synced } = found;
      if (ownerOf(policy(), id) !== undefined) throw await refused(asked, 'a passkey that somebody has already');
      const added = new Date(challenges.now()).toISOString().slice(0, 10);
      const kind = `${algorithm}, ${synced ? 'synced' : 'on one device'}`;
      const detail = `passkey ${id.slice(0, 12)}… (${kind}), by a link of ${by}`;
      await record({
        ...asked,
        agent: `local:${by}`,
        approver: name,
        action: 'approver.key-added',
        what: [],
        outcome: 'allowed',
        detail,
      });
      await options.keep(name, { id, publicKey, algorithm, synced, added });
      return signedIn(asked, { approver: name, name, by: 'passkey' }, 'by a new passkey');
    },
    loginOptions() {
      const { rpId } = here();
      const { ticket, derive } = logins.issue(null);
      const challenge = derive(challengeLabel);
      return {
        ticket,
        // without a list, so that nobody learns who has which passkey
        options: { challenge, rpId, timeout: patience, userVerification: 'required', allowCredentials: [] },
        places: signIns.places(),
      };
    },
    async login(asked, ticket, assertion) {
      const login = logins.look(ticket);
      if (login === undefined) throw await refused(asked, 'a sign-in that nobody began, or that took too long');
      const owner = ownerOf(policy(), assertion.id);
      if (owner === undefined) throw await refused(asked, 'a passkey that is nobody’s');
      const found = checkAssertion(assertion, owner.passkey, { ...here(), challenge: challengeBy(login.derive) });
      if ('problem' in found)
        throw await refused(asked, `a passkey of "${owner.approver}" that is not taken: ${found.problem}`);
      await usedUp(asked, login);
      const detail = owner.passkey.software ? 'by a software key' : undefined;
      return signedIn(asked, { approver: owner.approver, name: owner.approver, by: 'passkey' }, detail);
    },
    async loginByLink(asked, link) {
      const { user } = await makerOf(asked, link, 'page');
      return signedIn(asked, { approver: undefined, name: `local:${user}`, by: 'link' });
    },
    async authorize(place) {
      const { ticket, derive } = visits.issue(place, patienceThere);
      return { ticket, authorize: await signIns.begin(place, flightBy(derive)) };
    },
    async loginByIssuer(asked, ticket, callback) {
      const visit = visits.look(ticket);
      if (visit === undefined) throw await refused(asked, 'a sign-in that nobody began, or that took too long');
      const place = visit.what;
      const found = await signIns.finish(place, flightBy(visit.derive), callback);
      if ('problem' in found) throw await refused(asked, `a sign-in at an issuer that is not taken: ${found.problem}`);
      await usedUp(asked, visit);
      const { approver: name } = found;
      return signedIn(asked, { approver: name, name, by: 'oidc', place }, `by a sign-in at ${place.issuer}`);
    },
    logout: sessions.end,
    async person(session) {
      const person = await sessions.person(session);
      return person?.approver === undefined || approver(person.approver) !== undefined ? person : undefined;
    },
  };
}

const challengeLabel = 'challenge';
const challengeBy = (derive: Derive): Buffer => Buffer.from(derive(challengeLabel), 'base64url');

interface Owned {
  readonly approver: string;
  readonly passkey: Passkey;
}

function ownerOf({ approvers = new Map() }: Policy, id: string): Owned | undefined {
  for (const { name, passkeys } of approvers.values()) {
    const passkey = passkeys.find((each: Passkey) => each.id === id);
    if (passkey !== undefined) return { approver: name, passkey };
  }
  return undefined;
}
