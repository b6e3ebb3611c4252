import type { AuditEvent } from '../../../src/audit/contract.ts';
import { createClaimCheck, signClaim } from '../../../src/broker/authentication/operator-token.ts';
import { createDecisions } from '../../../src/broker/people/decide.ts';
import { pageAddress } from '../../../src/broker/people/page-address.ts';
import type { Kept } from '../../../src/broker/kept/contract.ts';
import { keptInDatabase } from '../../../src/broker/kept/in-database.ts';
import { keptInMemory } from '../../../src/broker/kept/in-memory.ts';
import { createPageClients } from '../../../src/broker/people/page-clients.ts';
import type { ProofWanted } from '../../../src/broker/people/proof.ts';
import { createSignIns } from '../../../src/broker/people/sign-ins.ts';
import { createReveals } from '../../../src/broker/people/reveal.ts';
import { createSights } from '../../../src/broker/people/sights.ts';
import { createPeople, type SignedIn } from '../../../src/broker/people/people.ts';
import type { Flow } from '../../../src/folder/flows/flow.ts';
import type { Approver, Passkey, Trust } from '../../../src/folder/policy/policy.ts';
import type { PageClient } from '../../../src/folder/service/settings.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createSoftwarePasskey, type SoftwarePasskey } from '../../../src/laptop/software-passkey.ts';
import { approving } from '../approvals/stand.ts';

export const operatorKey = new Uint8Array(32).fill(7);
export const asked = { request: 'r-page', address: '127.0.0.1' };

/** Approvals, and people with software passkeys in the place of policy.yaml. */
export async function peopled(origin?: string, ...rules: readonly object[]) {
  return peopledOn(await approving(...rules), origin);
}

/** The same around approvals that are there. */
export function peopledOn(stand: Awaited<ReturnType<typeof approving>>, origin = 'http://localhost:7700') {
  const page = pageAddress(origin);
  const keys = new Map<string, readonly Passkey[]>();
  const ownerOf = new Map<string, readonly string[]>();
  const trust = new Map<string, readonly Trust[]>();
  const trails: string[] = [];
  const policy = () => {
    const names = [...(stand.policy().approvers ?? new Map<string, Approver>()).keys()];
    const approvers = names.map((name): [string, Approver] => [
      name,
      {
        name,
        passkeys: keys.get(name) ?? [],
        trust: trust.get(name) ?? [],
        ownerOf: ownerOf.get(name) ?? [],
        notify: [],
        reveal: stand.policy().approvers?.get(name)?.reveal,
      },
    ]);
    return { ...stand.policy(), approvers: new Map(approvers) };
  };
  const { now } = stand.clock;
  const shared = keptInDatabase(() => Promise.resolve(stand.database), now);
  const links = createClaimCheck({ keys: [operatorKey], kept: shared, now });
  const record = async (event: (typeof stand.trail.events)[number]): Promise<void> => {
    if (stand.trail.broken) throw new Error('disk full');
    stand.trail.events.push(event);
  };
  const pageClients: PageClient[] = [];
  /** values of the vault by their references, and those that were read */
  const held = { values: new Map<string, string>(), reads: [] as string[] };
  const warnings: string[] = [];
  const clients = createPageClients({
    clients: () => pageClients,
    keptFor: () => 300,
    async read(reference) {
      const name = reference.toString();
      held.reads.push(name);
      const value = held.values.get(name);
      if (value === undefined) throw new FlowError('not-found', 'no such item', { place: { subject: name } });
      return new Secret(value);
    },
    clock: stand.clock,
    warn: (message) => void warnings.push(message),
  });
  const signIns = createSignIns({ policy, now: stand.clock.now, development: true, page: () => page, clients });
  const challengesIn = (kept: Kept) => ({ keys: [new Uint8Array(32).fill(8)], kept, now });
  const of = (kept: Kept) =>
    createPeople({
      policy,
      links,
      challenges: challengesIn(kept),
      page: () => page,
      keep: async (name, passkey) => void keys.set(name, [...(keys.get(name) ?? []), passkey]),
      record,
      signIns,
      clock: stand.clock,
    });
  const kept = keptInMemory(stand.clock);
  const people = of(kept);
  const { approvals } = stand;
  const deciding = (at: Kept) =>
    createDecisions({ approvals, people, signIns, page: () => page, record, challenges: challengesIn(at) });
  const decisions = deciding(kept);
  /** what flows were run, and for whom */
  const ran: object[] = [];
  const reveals = createReveals({
    app: {
      ...stand.app,
      async run(flow, inputs, { agent, reason } = {}) {
        ran.push({ flow: flow.name, agent, reason, events: stand.trail.events.length });
        return stand.app.run(flow, inputs, { ...(agent !== undefined && { agent }) });
      },
    },
    policy,
    installation: 'test',
    counts: stand.ledger.counts,
    signIns,
    page: () => page,
    record,
    challenges: challengesIn(kept),
    clock: stand.clock,
  });
  const watching = new Set<(event: AuditEvent) => void>();
  const sights = createSights({
    rules: () => ({ policy: policy(), registry: { secrets: new Map() }, version: 'v1' }),
    trails: () => trails,
    flows: () => [{ flow: { name: 'glass', close: { flow: 'close' } } as Flow, drills: [] }],
    quotas: () => [],
    trail: {
      watch(heard) {
        watching.add(heard);
        return () => void watching.delete(heard);
      },
    },
    clock: stand.clock,
  });
  const link = (what: string) =>
    signClaim(operatorKey, { user: 'op', for: what, lifetime: 900, now: stand.clock.now() }).reveal();
  const challengeIn = (wanted: ProofWanted | Readonly<Record<string, unknown>>) => {
    const options = ('options' in wanted ? wanted.options : wanted) as Readonly<Record<string, unknown>>;
    return Buffer.from(String(options['challenge']), 'base64url');
  };
  return {
    ...stand,
    page,
    keys,
    ownerOf,
    /** issuers that prove them, by name */
    trust,
    /** clients of the page that are not public, and where their credentials are */
    pageClients,
    held,
    warnings,
    signIns,
    people,
    /** those of another broker on the database, which has not seen what this one has */
    elsewhere: () => of(keptInMemory(stand.clock)),
    /** those of a broker that shares with others what it keeps */
    sharing: () => ({ people: of(shared), decisions: deciding(shared) }),
    decisions,
    reveals,
    ran,
    sights,
    /** trails that people look at */
    trails,
    /** something is on the trail now */
    happens: (event: AuditEvent) => watching.forEach((heard) => heard(event)),
    link,
    challengeIn,
    async enrolled(
      name: string,
      passkey = createSoftwarePasskey(),
    ): Promise<SignedIn & { readonly passkey: SoftwarePasskey }> {
      const { ticket, options } = await people.enrolOptions(asked, name, link(`enrol ${name}`));
      const signedIn = await people.enrol(
        asked,
        ticket,
        passkey.register({ ...page, challenge: challengeIn(options) }),
      );
      return { ...signedIn, passkey };
    },
  };
}
