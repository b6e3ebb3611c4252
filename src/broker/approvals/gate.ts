import type { AuditEvent } from '../../audit/contract.ts';
import type { Database } from '../../durable/database/contract.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import type { Caller } from '../contract.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { Demand } from './demand.ts';
import { createLedger, grantedScope, type Ledger } from './ledger.ts';
import { type Admitted, Pass } from './admission-pass.ts';
import type { ApprovalState } from '../../foundation/wire.ts';
import type { Approval } from './approval.ts';
import { createTellApprovers, type TellApprovers, type TellOptions } from './tell-approvers.ts';
import type { Wanted } from './approval-wanted.ts';

export interface ApprovalsOptions extends Pick<TellOptions, 'environment' | 'policy'> {
  /** opened when something first has to be approved */
  readonly database: () => Promise<Database>;
  readonly clock: BrokerClock;
  /** Resolves when it is on disk. @throws BrokerRefusal audit-unavailable */
  readonly record: (event: AuditEvent) => Promise<void>;
  /** where a person answers, by the id of the approval; undefined: no page is served */
  readonly address?: (() => string | undefined) | undefined;
}

/** What stands between a request and what a person must say yes to first. */
export interface Approvals {
  /**
   * What the caller may have by approvals. Where one is missing it is asked for, and waited for as long as the caller
   * waits. @param wanted asked anew after every wait
   * @throws BrokerRefusal approval-required and the other codes of approvals
   */
  admit(caller: Caller, wanted: () => Wanted): Promise<Pass | undefined>;
  /** Counts a use of each approval, once there is something to give. @throws BrokerRefusal approval-stale */
  redeem(caller: Caller, pass: Pass | undefined): Promise<void>;
  /** The agent's own approval, once it is decided or the time is over. @throws BrokerRefusal not-allowed */
  look(caller: Caller, id: string, seconds: number, gone?: () => AbortSignal): Promise<Approval>;
  /** @throws BrokerRefusal not-allowed, approval-over */
  cancel(caller: Caller, id: string): Promise<Approval>;
  /** The operator says no, or takes back a yes. @throws BrokerRefusal not-allowed, approval-over */
  deny(operator: Caller, id: string): Promise<Approval>;
  readonly ledger: () => Promise<Ledger>;
  /** Where a person answers it; undefined: no page is served. */
  urlOf(id: string): string | undefined;
  /** Told of every change, while the broker runs. */
  watch(heard: (id: string) => void): () => void;
  /** Tells whoever may answer it, in the transaction that changes it. */
  readonly tell: TellApprovers;
  /** Ends those whose time, or whose agent run, is over, on the trail too. */
  sweep(): Promise<void>;
  /** Whoever waits is sent away without a decision. */
  close(): Promise<void>;
}

/** milliseconds between looks at the table where nothing was announced: a lost connection tells nothing */
const lookEvery = 2_000;
const refusals = {
  denied: 'approval-denied',
  expired: 'approval-expired',
  cancelled: 'approval-cancelled',
  used: 'approval-stale',
  lapsed: 'approval-stale',
  revoked: 'approval-stale',
} as const satisfies Partial<Record<ApprovalState, string>>;

export function createApprovals(options: ApprovalsOptions): Approvals {
  const { clock, record, address } = options;
  const heard = new Set<(id: string) => void>();
  let closed = false;

  const opened = madeOnce(async () => {
    const ledger = createLedger(await options.database(), clock.now);
    const listening = await ledger.listen((id) => {
      for (const each of heard) each(id);
    });
    return { ledger, listening };
  });
  const ledger = async (): Promise<Ledger> => (await opened.get()).ledger;

  async function sweep(): Promise<void> {
    for (const approval of await (await ledger()).sweep()) {
      const event = eventOf(approval);
      if (approval.state === 'cancelled') {
        const detail = 'its agent run has ended';
        await record({ ...event, action: 'approval.cancelled', outcome: 'allowed', detail });
        continue;
      }
      const action = approval.state === 'expired' ? 'approval.expired' : 'approval.lapsed';
      await record({ ...event, action, outcome: 'denied', code: approval.state });
    }
  }

  function urlOf(id: string): string | undefined {
    const at = address?.();
    return at === undefined ? undefined : `${at}/#/approvals/${id}`;
  }

  const tell = createTellApprovers({ ...options, urlOf, now: clock.now });

  function required(approval: Approval): BrokerRefusal {
    return new BrokerRefusal('approval-required', {
      names: approval.asked.names,
      rule: ruleOf(approval),
      approval: {
        id: approval.id,
        url: urlOf(approval.id),
      },
      detail: `approval ${approval.id} is ${approval.state}`,
    });
  }

  /** One that is decided already, and is for this. */
  async function given(caller: Caller, { demands, now }: Wanted, ids: readonly string[]): Promise<readonly Admitted[]> {
    const found = await ledger();
    const named = await Promise.all(ids.map(async (id) => ofCaller(await found.find(id), caller)));
    const before = caller.use === undefined ? [] : await found.usedBy(caller.use);
    const subjects = new Set(demands.flatMap(({ demand }) => (demand.scope === 'call' ? [] : [demand.subject])));
    const known = await Promise.all(
      [...subjects].map((subject) => found.list({ states: ['approved'], agent: caller.agent, subject })),
    );
    const usable = [...named, ...known.flat().filter((each) => grantedScope(each) !== 'call')];
    const again = before.filter(({ names, digest }) => now(names)?.digest === digest);
    const fresh = usable.flatMap((approval): Admitted[] => {
      const mine = ids.includes(approval.id);
      if (approval.state !== 'approved') {
        if (approval.state === 'pending') return [];
        throw new BrokerRefusal(refusals[approval.state], { names: approval.names, detail: approval.state });
      }
      const same = now(approval.names)?.digest === approval.digest;
      if (!same && mine)
        throw new BrokerRefusal('approval-stale', {
          names: approval.names,
          detail: 'what was approved is not the same now',
        });
      return same && (approval.ends ?? 0) > clock.now() ? [approval] : [];
    });
    return [...again, ...fresh];
  }

  async function open(caller: Caller, demand: Demand, names: readonly string[]): Promise<Approval> {
    const found = await ledger();
    const asked = {
      names,
      reason: caller.reason,
      run: caller.run,
      agentRun: caller.agentRun?.run,
      above: agentsAbove(caller),
      by: caller.by,
      request: caller.request,
      address: caller.address,
    };
    const { approval, made } = await found.open(demand, caller.agent, asked, (tx, opened) =>
      tell(tx, 'approval.opened', opened),
    );
    if (made)
      await record({ ...eventOf(approval), action: 'approval.opened', outcome: 'allowed', rule: ruleOf(approval) });
    return approval;
  }

  /** Until it is no longer pending, or the time is over. */
  async function settled(id: string, milliseconds: number, gone?: AbortSignal): Promise<Approval | undefined> {
    const found = await ledger();
    const ends = clock.monotonic() + milliseconds;
    for (;;) {
      const changed = Promise.withResolvers<void>();
      const hear = (which: string) => {
        if (which === id || closed) changed.resolve();
      };
      heard.add(hear);
      try {
        const approval = await found.find(id);
        if (approval?.state === 'pending' && approval.until <= clock.now()) {
          await sweep();
          continue;
        }
        const left = ends - clock.monotonic();
        if (approval?.state !== 'pending' || left <= 0 || gone?.aborted === true) return approval;
        if (closed) throw new BrokerRefusal('restarting');
        const stop = clock.after(Math.min(left, lookEvery, approval.until - clock.now()), changed.resolve);
        gone?.addEventListener('abort', () => changed.resolve(), { once: true });
        await changed.promise;
        stop();
      } finally {
        heard.delete(hear);
      }
    }
  }

  return {
    ledger,
    urlOf,
    tell,
    async deny(operator, id) {
      const found = await ledger();
      const before = await found.find(id);
      if (before === undefined) throw new BrokerRefusal('not-allowed', { detail: 'no such approval' });
      const ended = (await found.end(id, 'denied')) ?? (await found.end(id, 'revoked'));
      if (ended === undefined) throw new BrokerRefusal('approval-over', { detail: `it is ${before.state}` });
      const action = ended.state === 'revoked' ? 'approval.revoked' : 'approval.denied';
      const { request, address: from } = operator;
      await record({ ...eventOf(ended), request, address: from, approver: operator.agent, action, outcome: 'allowed' });
      return ended;
    },
    sweep,
    watch(hear) {
      heard.add(hear);
      return () => void heard.delete(hear);
    },
    async admit(caller, wanted) {
      let ids = caller.approvals ?? [];
      const patience = (caller.waits ?? 0) * 1_000 + clock.monotonic();
      for (;;) {
        const now = wanted();
        if (now.demands.length === 0) return undefined;
        if (closed) throw new BrokerRefusal('restarting');
        const admitted = await given(caller, now, ids);
        const covered = new Set(admitted.flatMap(({ names }) => names));
        const missing = now.demands.filter(({ asked }) => !asked.every((name) => covered.has(name)));
        if (missing.length === 0) return new Pass(needed(admitted, now));
        await sweep();
        // all of them are asked for at once, so that a person sees them together
        const waiting: Approval[] = [];
        for (const { demand, asked } of missing) waiting.push(await open(caller, demand, asked));
        const [first] = waiting;
        if (first === undefined) return undefined;
        const left = patience - clock.monotonic();
        if (left <= 0) throw required(waiting.find(({ state }) => state === 'pending') ?? first);
        for (const { id } of waiting) {
          await caller.waitsFor?.(id);
          const after = await settled(id, patience - clock.monotonic(), caller.gone?.());
          if (after?.state === 'pending' || after === undefined) throw required(after ?? first);
        }
        ids = [...new Set([...ids, ...waiting.map(({ id }) => id)])];
      }
    },
    async redeem(caller, pass) {
      for (const id of pass?.ids ?? []) {
        const found = await ledger();
        if (!(await found.redeem(id, caller.use)))
          throw new BrokerRefusal('approval-stale', { detail: `approval ${id} was used up, or its time is over` });
        const approval = await found.find(id);
        // of many calls by one yes each has a line of its own, which names the approval
        if (approval !== undefined && (approval.used === 1 || approval.state === 'used'))
          await record({
            ...eventOf(approval),
            request: caller.request,
            action: 'approval.redeemed',
            outcome: 'allowed',
          });
      }
    },
    async look(caller, id, seconds, gone) {
      ofCaller(await (await ledger()).find(id), caller);
      const approval = await settled(id, seconds * 1_000, gone?.());
      return ofCaller(approval, caller);
    },
    async cancel(caller, id) {
      const found = await ledger();
      const before = ofCaller(await found.find(id), caller);
      const ended = await found.end(id, 'cancelled');
      if (ended === undefined) throw new BrokerRefusal('approval-over', { detail: `it is ${before.state}` });
      await record({ ...eventOf(ended), request: caller.request, action: 'approval.cancelled', outcome: 'allowed' });
      return ended;
    },
    async close() {
      closed = true;
      for (const each of heard) each('');
      await (await opened.known())?.listening[Symbol.asyncDispose]();
    },
  };
}

/** The approvals that the demands need, each name by one. */
function needed(admitted: readonly Admitted[], { demands }: Wanted): readonly Admitted[] {
  const wanted = new Set(demands.flatMap(({ asked }) => asked));
  const used: Admitted[] = [];
  for (const each of admitted) {
    if (!each.names.some((name) => wanted.has(name))) continue;
    used.push(each);
    for (const name of each.names) wanted.delete(name);
  }
  return used;
}

function agentsAbove({ agent, agentRun }: Caller): readonly string[] | undefined {
  const others = new Set(agentRun?.chain.map((each) => each.agent));
  others.delete(agent);
  return others.size === 0 ? undefined : [...others];
}

/** What an agent is not told of does not exist for it. */
function ofCaller(approval: Approval | undefined, { agent }: Caller): Approval {
  if (approval?.agent === agent) return approval;
  throw new BrokerRefusal('not-allowed', { detail: 'no such approval of this agent' });
}

function ruleOf({ rules }: Approval): string {
  return rules.map(({ location }) => `${location} approve`).join(', ');
}

/** The event of an approval, without what became of it. */
export function eventOf(approval: Approval): Omit<AuditEvent, 'action' | 'outcome'> {
  const { id, agent, names, asked } = approval;
  return {
    agent,
    what: names,
    approval: id,
    request: asked.request,
    agentRun: asked.agentRun,
    run: asked.run,
    reason: asked.reason,
  };
}
