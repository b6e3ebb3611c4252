import { FlowError } from '../../../foundation/errors.ts';
import { type Circuit, countsAsFailure, failed, leftAlone, probing, stateOf } from './circuit-breaker.ts';
import type { Ledger, RequestKind } from './ledger.ts';
import { type Bucket, bucketAt, day, hour, usedWithin, waitFor } from './sliding-window.ts';
import type { QuotaIdentity, QuotaLimits, QuotaState } from '../quota.ts';

export interface AccountOptions {
  /** undefined: none is known, and only failures are minded */
  readonly limits: QuotaLimits | undefined;
  /** share of each limit that only urgent calls may use, 0–1 */
  readonly reserve: number;
  /** epoch milliseconds */
  readonly now: () => number;
  /** 0–1 */
  readonly random: () => number;
}

export interface Call {
  readonly kind: RequestKind;
  /** requests that it will take, about */
  readonly expected: number;
  /** of a break-glass flow: it may use the reserve, and asks whatever failed before */
  readonly urgent: boolean;
}

/** A call that was let through. Its requests are in the ledger already, so that a crash leaves none uncounted. */
export interface Ticket extends Call {
  readonly identity: QuotaIdentity;
  /** epoch milliseconds */
  readonly at: number;
}

export interface Refusal {
  readonly refused: FlowError;
  readonly state: 'open' | 'exhausted';
}

interface Rule {
  readonly name: string;
  readonly window: number;
  readonly limit: (limits: QuotaLimits) => number;
  readonly buckets: (ledger: Ledger, identity: QuotaIdentity) => readonly Bucket[];
  readonly needs: (call: Call) => number;
}

const readsOf = ({ kind, expected }: Call) => (kind === 'read' ? expected : Math.max(0, expected - 1));
const writesOf = ({ kind }: Call) => (kind === 'write' ? 1 : 0);

/** What the published limits count. */
const rules: readonly Rule[] = [
  {
    name: "this hour's quota of requests",
    window: hour,
    limit: (limits) => limits.hour,
    buckets: (ledger, { token }) => ledger.buckets(token, 'read'),
    needs: readsOf,
  },
  {
    name: "this hour's quota of writes",
    window: hour,
    limit: (limits) => limits.hourWrites,
    buckets: (ledger, { token }) => ledger.buckets(token, 'write'),
    needs: writesOf,
  },
  {
    name: "this day's quota of requests",
    window: day,
    limit: (limits) => limits.day,
    buckets: (ledger, identity) => dayBuckets(ledger, identity),
    needs: (call) => readsOf(call) + writesOf(call),
  },
];

function dayBuckets(ledger: Ledger, { account }: QuotaIdentity): readonly Bucket[] {
  return [...ledger.buckets(accountScope(account), 'read'), ...ledger.buckets(accountScope(account), 'write')];
}

const accountScope = (account: string) => `account ${account}`;
const circuitScope = (token: string, kind: RequestKind) => `${token} ${kind}`;

/** The rules by which calls are let through, and what they leave in the ledger. */
export function createAccount({ limits, reserve, now, random }: AccountOptions) {
  function charge(ledger: Ledger, { token, account }: QuotaIdentity, kind: RequestKind, at: number, count: number) {
    for (const scope of [token, accountScope(account)]) ledger.add(scope, kind, bucketAt(at), count);
  }

  /** A quota for reading that is used up stops writes too: each of them reads first. */
  function circuitsFor(
    ledger: Ledger,
    { token }: QuotaIdentity,
    kind: RequestKind,
  ): readonly (readonly [string, Circuit])[] {
    return (kind === 'write' ? (['read', 'write'] as const) : (['read'] as const)).flatMap((each) => {
      const scope = circuitScope(token, each);
      const circuit = ledger.circuit(scope);
      return circuit === undefined ? [] : [[scope, circuit] as const];
    });
  }

  function admit(ledger: Ledger, identity: QuotaIdentity, call: Call): Ticket | Refusal {
    const at = now();
    const circuits = call.urgent ? [] : circuitsFor(ledger, identity, call.kind);
    for (const [, circuit] of circuits) {
      if (stateOf(circuit, at) === 'open') return { refused: leftAlone(circuit, at), state: 'open' };
    }
    for (const rule of limits === undefined ? [] : rules) {
      const needed = rule.needs(call);
      if (needed === 0 || limits === undefined) continue;
      const allowed = Math.floor(rule.limit(limits) * (call.urgent ? 1 : 1 - reserve));
      const buckets = rule.buckets(ledger, identity);
      // a call that is larger than the whole limit may go where nothing else went
      const room = Math.max(0, allowed - needed);
      if (usedWithin(buckets, rule.window, at) <= room) continue;
      return {
        refused: exhausted(rule.name, call.urgent, waitFor(buckets, rule.window, room, at)),
        state: 'exhausted',
      };
    }
    for (const [scope, circuit] of circuits) {
      if (stateOf(circuit, at) === 'half-open') ledger.setCircuit(scope, probing(circuit, at));
    }
    charge(ledger, identity, 'read', at, readsOf(call));
    charge(ledger, identity, 'write', at, writesOf(call));
    return { ...call, identity, at };
  }

  /** @param used requests that were made since this was asked last. @returns whether the vault is left alone now */
  function settle(ledger: Ledger, ticket: Ticket, used: number, error: FlowError | undefined): boolean {
    const { identity, kind, at } = ticket;
    charge(ledger, identity, 'read', at, -readsOf(ticket));
    charge(ledger, identity, 'read', now(), Math.max(0, used - writesOf(ticket)));
    const meaning = meaningOf(error);
    if (meaning === 'failure' && error !== undefined) {
      const scope = circuitScope(identity.token, error.code === 'rate-limited' ? kind : 'read');
      const before = ledger.circuit(scope);
      // calls that were under way together are one failure
      if (before === undefined || at >= before.last) ledger.setCircuit(scope, failed(before, error, now(), random()));
    }
    const circuits = circuitsFor(ledger, identity, kind);
    const over = meaning === 'answer' ? circuits.filter(([, circuit]) => at >= circuit.last) : [];
    for (const [scope] of over) ledger.setCircuit(scope, undefined);
    return circuits.some((each) => !over.includes(each) && stateOf(each[1], now()) === 'open');
  }

  function state(ledger: Ledger, identity: QuotaIdentity): QuotaState {
    const at = now();
    const [hourly = 0, hourWrites = 0, daily = 0] = rules.map(({ buckets, window }) =>
      usedWithin(buckets(ledger, identity), window, at),
    );
    const states = circuitsFor(ledger, identity, 'write').map(([, circuit]) => stateOf(circuit, at));
    const circuit = states.find((each) => each === 'open') ?? states.find((each) => each === 'half-open') ?? 'closed';
    return { used: { hour: hourly, hourWrites, day: daily }, limits, reserve, circuit };
  }

  return { admit, settle, state };
}

/** What a call says about the service: that it answers, that it fails, or nothing. */
function meaningOf(error: FlowError | undefined): 'answer' | 'failure' | 'nothing' {
  if (error === undefined) return 'answer';
  if (error.code === 'aborted' || error.code === 'internal') return 'nothing';
  if (!countsAsFailure(error.code)) return 'answer';
  return error.about === 'subject' ? 'nothing' : 'failure';
}

function exhausted(name: string, urgent: boolean, retryAfter: number): FlowError {
  return new FlowError(
    'rate-limited',
    `the vault's share of ${name} is used up${urgent ? '' : ', but for the reserve'}`,
    {
      hint: 'only flows with break-glass: true may use the reserve; see quota: in service.yaml',
      retryAfter,
    },
  );
}
