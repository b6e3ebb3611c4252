import type { AuditAction, AuditEvent, AuditTrail } from '../audit/contract.ts';
import { createFloods } from '../audit/refusal-floods.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import type { RefusalCode } from '../foundation/wire.ts';
import type { Caller } from './contract.ts';
import { createGivenValues, type GivenValue } from './given-values.ts';
import { auditRefusal, BrokerRefusal, refusalOf } from './refusal.ts';
import type { UpstreamFailures } from './upstream-failures.ts';

/** What may be given out, once the trail has it. */
export interface Granted<T> {
  readonly value: T;
  readonly rule: string | undefined;
  /** ids of the approvals that it was given by */
  readonly approval?: string | undefined;
  readonly source?: AuditEvent['source'];
  /** of the tokens that it is, or that were used for it */
  readonly jti?: AuditEvent['jti'];
  /** the secret values in it */
  readonly values?: readonly GivenValue[];
  /** an agent that has all of the values already is given a repeat */
  readonly mayRepeat?: true;
  /** for the trail: the agent run that it is about, where that is another than the one that asked */
  readonly agentRun?: string | undefined;
  /** for the trail */
  readonly detail?: string | undefined;
}

/** Puts every answer on the trail before it leaves, and every refusal. */
export interface Audited {
  /** @param what logical names @throws BrokerRefusal */
  answer<T>(
    caller: Caller,
    action: AuditAction,
    what: readonly string[],
    work: () => Granted<T> | Promise<Granted<T>>,
  ): Promise<T>;
  /** Resolves when the event is on disk. @throws BrokerRefusal audit-unavailable */
  record(event: AuditEvent): Promise<void>;
  /** The same for a grant, whose repeat does not wait for the disk. */
  recordGrant(event: AuditEvent, values: readonly GivenValue[]): Promise<void>;
  /** refusals by code, so far */
  readonly refusals: () => Readonly<Partial<Record<RefusalCode, number>>>;
}

/** Characters of what an agent says about itself that go onto the trail. */
const longestClaim = 200;

/** The event of a request, without what became of it. */
export function eventOf(
  { agent, request, run, agentRun, reason, path, address }: Caller,
  action: AuditAction,
  what: readonly string[],
): Omit<AuditEvent, 'outcome'> {
  const said = { run: clipped(run), reason: clipped(reason), path: clipped(path) };
  return { agent, action, what, request, agentRun: agentRun?.run, ...said, address };
}

function clipped(text: string | undefined): string | undefined {
  return text === undefined || text.length <= longestClaim ? text : text.slice(0, longestClaim);
}

export function createAudited(
  trail: AuditTrail,
  { monotonic, after }: BrokerClock,
  failures: Pick<UpstreamFailures, 'told'>,
  given = createGivenValues(),
): Audited {
  const counts = new Map<RefusalCode, number>();

  const unrecorded = (error: unknown): never => {
    count('audit-unavailable');
    throw auditRefusal(error);
  };

  const record = (event: AuditEvent, weight?: 'repeat'): Promise<void> => trail.record(event, weight).catch(unrecorded);

  const recordGrant: Audited['recordGrant'] = (event, values) =>
    given.has(event.agent, values) ? record(event, 'repeat') : record(event).then(() => given.add(event.agent, values));

  const recordFlood = createFloods({ record, monotonic, after });

  /** What is beyond an agent's rate costs it nothing: it must not fill the disk, nor be answered without a line. */
  const recordLimited = async (
    event: AuditEvent,
    { code, names, retryAfter }: BrokerRefusal,
  ): Promise<BrokerRefusal> => {
    const recordedAs = await recordFlood(event);
    if (recordedAs === undefined) throw new BrokerRefusal('overloaded');
    return new BrokerRefusal(code, { names, retryAfter, recordedAs });
  };

  const count = (code: RefusalCode): void => {
    counts.set(code, (counts.get(code) ?? 0) + 1);
  };

  return {
    record: (event) => record(event),
    recordGrant,
    refusals: () => Object.fromEntries(counts),
    async answer(caller, action, what, work) {
      const event = eventOf(caller, action, what);
      let granted;
      try {
        granted = await work();
      } catch (error) {
        const refusal = refusalOf(error, { names: what });
        const { rule, detail } = refusal.truth();
        count(refusal.code);
        for (const each of refusal.causes()) failures.told(event, each);
        const refused = { ...event, outcome: refusal.outcome, code: refusal.code, rule, detail } as const;
        if (refusal.code === 'rate-limited') throw await recordLimited(refused, refusal);
        await record(refused);
        throw refusal;
      }
      const { value, rule, approval, source, jti, values = [], mayRepeat, detail, agentRun = event.agentRun } = granted;
      const allowed = { ...event, outcome: 'allowed', rule, approval, source, jti, detail, agentRun } as const;
      if (mayRepeat === true) await recordGrant(allowed, values);
      else {
        await record(allowed);
        given.add(event.agent, values);
      }
      return value;
    },
  };
}
