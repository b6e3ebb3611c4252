import { randomBytes } from 'node:crypto';
import type { App } from '../../app/open-app.ts';
import type { AuditEvent } from '../../audit/contract.ts';
import { createFloods } from '../../audit/refusal-floods.ts';
import { outputJson, outputKinds } from '../../engine/output-json.ts';
import type { Output, Shown } from '../../engine/output.ts';
import { breakGlassIn } from '../../folder/break-glass-accounts.ts';
import type { Flow } from '../../folder/flows/flow.ts';
import { revealTrouble } from '../../folder/reveal-trouble.ts';
import { usesOf } from '../../folder/flows/flow-uses.ts';
import { inputsSchema, type InputsSchema } from '../../folder/flows/input-schema.ts';
import type { Approver, Policy } from '../../folder/policy/policy.ts';
import { boundDigest } from '../../foundation/approval-statement.ts';
import { canonical } from '../../foundation/canonical-json.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import type { Rate } from '../../language/rate.ts';
import type { PasskeyCounter } from '../approvals/ledger.ts';
import { checkedInputs } from '../checked-inputs.ts';
import type { FlowAnswer } from '../contract.ts';
import { behind } from '../permission.ts';
import { decide } from '../policy/decide.ts';
import { createRates } from '../rate-limits.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { PageRequest } from './people.ts';
import type { ProofGiven } from './proof.ts';
import { refusedOnTrail } from './refusal-on-trail.ts';
import type { Person } from './sessions.ts';
import { createStatements, type StatementChallenge, type StatementsOptions } from './statements.ts';

export interface RevealsOptions extends StatementsOptions {
  readonly app: Pick<App, 'folder' | 'environment' | 'run'>;
  readonly policy: () => Policy;
  /** public id of the environment's key: two installations never share a digest */
  readonly installation: string;
  /** Whether the counter of a passkey grew. @throws FlowError */
  readonly counts: (passkey: PasskeyCounter) => Promise<boolean>;
  /** Resolves when it is on disk. @throws BrokerRefusal audit-unavailable */
  readonly record: (event: AuditEvent) => Promise<void>;
  readonly clock: BrokerClock;
}

/** A flow whose code a person may see. */
export interface Revealable {
  readonly name: string;
  readonly description: string;
  readonly inputs: InputsSchema;
  /** users that a drill signs in as, with what it gives */
  readonly accounts: readonly string[];
  /** the flow that a use of it owes */
  readonly close: string | undefined;
}

/** What a person wants to see, and why. */
export interface Wish {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly reason: string;
}

/**
 * What break-glass flows give, on the page, to people whom policy names: the one-time code and what is plain beside it, once,
 * by a proof that was made for exactly this. A password never.
 */
export interface Reveals {
  /** What policy lets this person see now. */
  list(person: Person): readonly Revealable[];
  /**
   * @returns what would be signed; `bound` is canonical JSON, of which the statement has the digest
   * @throws BrokerRefusal not-allowed, rate-limited, invalid-request
   */
  challenge(
    asked: PageRequest,
    person: Person,
    flow: string,
    wish: Wish,
  ): Promise<StatementChallenge & { readonly bound: string }>;
  /**
   * Runs it, tells people, writes it down, and gives it.
   * @throws BrokerRefusal not-authenticated, not-allowed, approval-stale, passkey-counter, audit-unavailable
   */
  reveal(asked: PageRequest, person: Person, flow: string, ticket: string, given: ProofGiven): Promise<FlowAnswer>;
}

/** Of one person. A code lives half a minute: somebody in a hurry needs a few. */
const rate: Rate = { count: 10, per: 600 };

interface About extends Wish {
  readonly flow: string;
  /** RFC 3339 */
  readonly until: string;
}

interface Permitted {
  readonly flow: Flow;
  readonly approver: Approver;
  readonly rule: string;
}

export function createReveals(options: RevealsOptions): Reveals {
  const { app, policy, installation, clock, record } = options;
  const statements = createStatements<About>('reveal', options);
  const rates = createRates(clock.monotonic);
  const recordFlood = createFloods({ record, monotonic: clock.monotonic, after: clock.after });

  /** @returns the refusal where it is not this person's: what is missing is refused alike */
  function look(person: Person, name: string): Permitted | BrokerRefusal {
    const { folder } = app;
    const flow = folder.flows.get(name);
    const approver = policy().approvers?.get(person.approver ?? '');
    const { allowed, rule } = decide(policy(), { kind: 'reveal', agent: person.approver ?? '', name });
    const isHere = flow?.environments?.includes(app.environment().name) ?? true;
    if (allowed && approver !== undefined && flow !== undefined && isHere && revealTrouble(flow) === undefined)
      return { flow, approver, rule };
    const detail = flow === undefined || !isHere ? 'no such flow in this environment' : undefined;
    return new BrokerRefusal('not-allowed', { rule, detail });
  }

  /** @throws BrokerRefusal not-allowed */
  function permitted(person: Person, name: string): Permitted {
    const found = look(person, name);
    if (found instanceof BrokerRefusal) throw found;
    return found;
  }

  function accountsOf({ name }: Flow): readonly string[] {
    const found = breakGlassIn(app.folder, app.environment()).flows.find(({ flow }) => flow.name === name);
    const signIns = found?.drills.flatMap(({ proves }) => proves) ?? [];
    return [...new Set(signIns.map(({ username }) => username))];
  }

  /** All that is revealed, to whom, and why, as the files are now: the same facts give the same digest. */
  function boundOf(flow: Flow, { name }: Approver, { inputs, reason, until }: About): string {
    const environment = app.environment();
    const { references } = usesOf(flow, environment);
    return canonical({
      v: 1,
      installation,
      environment: environment.name,
      kind: 'reveal',
      for: name,
      what: [{ name: flow.name, is: behind(flow) }],
      accounts: accountsOf(flow),
      reads: [...new Set(references.map(({ reference }) => reference.toString()))].toSorted(),
      inputs,
      reason,
      until,
    });
  }

  /** One that is told again and again must not fill the disk, nor be answered without a line. */
  async function recordRefused(event: AuditEvent): Promise<void> {
    if (event.code !== 'rate-limited') await record(event);
    else if ((await recordFlood(event)) === undefined) throw new BrokerRefusal('overloaded');
  }

  /** With what was signed, where somebody had signed. */
  const written = <T>(event: AuditEvent, work: (known: Partial<AuditEvent>) => Promise<T>): Promise<T> =>
    refusedOnTrail(recordRefused, event, work);

  const eventOf = (asked: PageRequest, { name, approver }: Person, flow: string): AuditEvent => ({
    ...asked,
    agent: name,
    approver,
    action: 'break-glass.revealed',
    what: [flow],
    outcome: 'allowed',
  });

  return {
    list: (person) =>
      (policy().approvers?.get(person.approver ?? '')?.reveal ?? []).flatMap(({ text }) => {
        const found = look(person, text);
        if (found instanceof BrokerRefusal) return [];
        const { name, description, inputs, close } = found.flow;
        const accounts = accountsOf(found.flow);
        return [{ name, description, inputs: inputsSchema(inputs), accounts, close: close?.flow }];
      }),
    challenge: (asked, person, name, { inputs, reason }) =>
      written({ ...eventOf(asked, person, name), reason }, async () => {
        const wait = rates.take(person.name, rate);
        if (wait > 0) throw new BrokerRefusal('rate-limited', { retryAfter: wait });
        const { flow, approver } = permitted(person, name);
        checkedInputs(flow, inputs);
        const lasts = statements.patience(person);
        const about = { flow: name, inputs, reason, until: new Date(clock.now() + lasts * 1_000).toISOString() };
        const bound = boundOf(flow, approver, about);
        const approval = `r-${randomBytes(9).toString('hex')}`;
        const facts = {
          approval,
          decision: 'reveal',
          scope: 'call',
          uses: 1,
          lasts,
          digest: boundDigest(bound),
        } as const;
        return { ...(await statements.ask(person, approver, facts, about)), bound };
      }),
    reveal: (asked, person, name, ticket, given) =>
      written(eventOf(asked, person, name), async (known) => {
        const { about, said, prove } = await statements.take(person, ticket);
        if (about.flow !== name || said.decision !== 'reveal')
          throw new BrokerRefusal('not-authenticated', { detail: 'an answer to something else' });
        Object.assign(known, { reason: about.reason, approval: said.approval });
        const { flow, approver, rule } = permitted(person, name);
        const bound = boundOf(flow, approver, about);
        if (boundDigest(bound) !== said.digest)
          throw new BrokerRefusal('approval-stale', { rule, detail: 'what was signed is not the same now' });
        const proven = await prove(given, approver, bound);
        if ('problem' in proven) throw new BrokerRefusal('not-authenticated', { detail: proven.problem });
        const { signed, counter, detail } = proven;
        Object.assign(known, { signed });
        if (counter !== undefined && !(await options.counts(counter))) throw new BrokerRefusal('passkey-counter');
        const { reason, inputs } = about;
        const output = withoutSecrets(await app.run(flow, checkedInputs(flow, inputs), { agent: person.name, reason }));
        await record({ ...eventOf(asked, person, name), ...known, rule, detail });
        return { output: outputJson(output, clock.now()), as: outputKinds(output) };
      }),
  };
}

/** The one-time code, and what is no secret beside it. */
function withoutSecrets(output: Output): Output {
  const isShown = ({ as }: Shown) => as === 'one-time-code' || as === 'plain';
  if (output.kind === 'mapping') return { ...output, entries: output.entries.filter(([, shown]) => isShown(shown)) };
  return output.kind === 'scalar' && !isShown(output.value) ? { kind: 'none' } : output;
}
