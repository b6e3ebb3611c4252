import { randomBytes } from 'node:crypto';
import type { Database, Queries } from '../../durable/database/contract.ts';
import { BrokerRefusal } from '../refusal.ts';
import { type Demand, narrower } from './demand.ts';
import type { ApprovalState } from '../../foundation/wire.ts';
import { type Answer, type Approval, type AskedFor, columns, hasSaid, isMet } from './approval.ts';

/** Approvals of one agent that may wait at once: a person cannot look at more. */
const mostPending = 5;
/** milliseconds after a no in which the same thing is not asked for again */
const pause = 600_000;
/**
 * Approvals of one agent that are taken back within that time, by it or by the end of what asked: people were told of each,
 * and looked at none.
 */
const mostTakenBack = 20;
/** milliseconds that what is over is kept, for those who look back */
const keptFor = 30 * 86_400_000;
const channel = 'flows_approvals';

/** What a passkey has counted, with an answer of it. */
export interface PasskeyCounter {
  readonly credential: string;
  readonly counter: number;
}

/** What became of an answer. */
export type Answered =
  | { readonly result: 'taken'; readonly approval: Approval }
  /** the same person said the same before, and it holds */
  | { readonly result: 'again'; readonly approval: Approval }
  /** somebody, or the clock, was first */
  | { readonly result: 'over'; readonly approval: Approval }
  /** the passkey's counter did not grow: it may have been copied */
  | { readonly result: 'counter' };

/** The table of approvals. One conditional write decides each change, whichever broker on this database makes it. */
export interface Ledger {
  /**
   * The approval of a demand: one that is there already where it asks for the same.
   * @param opened tells people, where it is a new one @throws BrokerRefusal
   */
  open(
    demand: Demand,
    agent: string,
    asked: AskedFor,
    opened?: (tx: Queries, approval: Approval) => Promise<void>,
  ): Promise<{ readonly approval: Approval; readonly made: boolean }>;
  find(id: string): Promise<Approval | undefined>;
  list(filter: {
    readonly states?: readonly ApprovalState[];
    readonly agent?: string;
    readonly subject?: string;
  }): Promise<readonly Approval[]>;
  /**
   * @param passkey its counter, which must have grown
   * @param written puts it on the trail; where that fails, nothing is decided
   */
  answer(
    id: string,
    answer: Answer,
    passkey?: PasskeyCounter,
    written?: (after: Approval, tx: Queries) => Promise<void>,
  ): Promise<Answered>;
  /**
   * Counts one use. False where it is not good any more.
   * @param by what uses it, where that may come again after a crash: counted once
   */
  redeem(id: string, by?: string): Promise<boolean>;
  /** What was counted for this use already. */
  usedBy(by: string): Promise<readonly Approval[]>;
  /** Ends one that waits, or takes back one that was given. @returns undefined where it is over already */
  end(id: string, state: 'cancelled' | 'denied' | 'revoked'): Promise<Approval | undefined>;
  /** Ends those whose time is over, and those that only an agent run waited for which has ended. @returns them */
  sweep(): Promise<readonly Approval[]>;
  /** Whether the counter of a passkey grew since it was last seen; it is kept. */
  counts(passkey: PasskeyCounter): Promise<boolean>;
  /** Told of each approval that changes, here or at another broker on this database. */
  listen(heard: (id: string) => void): Promise<AsyncDisposable>;
}

/** @param now epoch milliseconds */
export function createLedger(database: Database, now: () => number): Ledger {
  async function one(queries: Queries, id: string): Promise<Approval | undefined> {
    const [row] = await queries.query<Approval>(`select ${columns} from flows_approvals a where id = $1`, [id]);
    return row;
  }
  const told = (queries: Queries, id: string) => queries.query('select pg_notify($1, $2)', [channel, id]);

  async function openIn(
    tx: Queries,
    demand: Demand,
    agent: string,
    asked: AskedFor,
    opened: Parameters<Ledger['open']>[3],
  ): Promise<Approval | undefined> {
    const at = now();
    // of two requests of one agent the second sees what the first has made
    await tx.query('select pg_advisory_xact_lock(hashtext($1))', [`approvals ${agent}`]);
    const [denied] = await tx.query<{ decided: number }>(
      `select decided::float8 as decided from flows_approvals where coalesce(likeness, digest) = $1 and agent = $2
       and state = 'denied' and decided > $3 order by decided desc limit 1`,
      [demand.likeness, agent, at - pause],
    );
    if (denied !== undefined)
      throw new BrokerRefusal('approval-denied', {
        names: demand.names,
        retryAfter: (denied.decided + pause - at) / 1_000,
      });
    const [many] = await tx.query<{ pending: number; takenBack: number; oldest: number }>(
      `select count(*) filter (where state = 'pending' and until > $2)::int as pending,
         count(*) filter (where state = 'cancelled' and decided > $3)::int as "takenBack",
         min(decided) filter (where state = 'cancelled' and decided > $3)::float8 as oldest
       from flows_approvals where agent = $1 and state in ('pending', 'cancelled')`,
      [agent, at, at - pause],
    );
    if (many !== undefined && many.takenBack >= mostTakenBack)
      throw new BrokerRefusal('approval-pending-limit', {
        names: demand.names,
        retryAfter: (many.oldest + pause - at) / 1_000,
      });
    if (many !== undefined && many.pending >= mostPending)
      throw new BrokerRefusal('approval-pending-limit', { names: demand.names, retryAfter: 30 });
    const id = `a-${randomBytes(9).toString('hex')}`;
    const rules = demand.rules.map(({ by, needs, self, location }) => ({ by, needs, self, location }));
    const made = await tx.query(
      `insert into flows_approvals (id, state, agent, subject, kind, names, digest, likeness, bound, rules, scope, uses, lasts,
         asked, opened, until)
       values ($1, 'pending', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
       on conflict do nothing returning id`,
      [
        id,
        agent,
        demand.subject,
        demand.kind,
        JSON.stringify(demand.names),
        demand.digest,
        demand.likeness,
        demand.bound,
        JSON.stringify(rules),
        demand.scope,
        demand.uses ?? null,
        demand.lasts,
        JSON.stringify(asked),
        at,
        at + demand.wait * 1_000,
      ],
    );
    if (made.length === 0) return undefined;
    await told(tx, id);
    const approval = await one(tx, id);
    if (approval !== undefined) await opened?.(tx, approval);
    return approval;
  }

  async function same(demand: Demand, agent: string): Promise<Approval | undefined> {
    const [row] = await database.query<Approval>(
      `select ${columns} from flows_approvals a where digest = $1 and agent = $2 and
       ((state = 'pending' and until > $3) or (state = 'approved' and ends > $3)) order by a.opened desc limit 1`,
      [demand.digest, agent, now()],
    );
    return row;
  }

  async function answerIn(
    tx: Queries,
    id: string,
    answer: Answer,
    passkey: Parameters<Ledger['answer']>[2],
    written: Parameters<Ledger['answer']>[3],
  ): Promise<Answered> {
    const [locked] = await tx.query('select from flows_approvals where id = $1 for update', [id]);
    const before = locked === undefined ? undefined : await one(tx, id);
    if (before === undefined) throw new BrokerRefusal('not-allowed');
    if (hasSaid(before, answer)) return { result: 'again', approval: before };
    if (before.state !== 'pending' || before.until <= now()) return { result: 'over', approval: before };
    if (passkey !== undefined && !(await counted(tx, passkey))) return { result: 'counter' };
    const { approver, decision, scope, uses, lasts, by } = answer;
    // while others are waited for, a no takes the place of one's own yes
    await tx.query('delete from flows_approval_answers where approval = $1 and approver = $2', [id, approver]);
    await tx.query('insert into flows_approval_answers values ($1, $2, $3, $4, $5, $6, $7, $8)', [
      id,
      approver,
      decision,
      scope,
      uses,
      lasts,
      now(),
      by ?? null,
    ]);
    const answers = [...before.answers.filter((each) => each.approver !== approver), answer];
    const state = decision === 'deny' ? 'denied' : isMet({ ...before, answers }) ? 'approved' : undefined;
    if (state !== undefined) {
      const least = Math.min(...answers.map((each) => each.lasts));
      await tx.query(
        `update flows_approvals set state = $2, decided = $3, ends = $4 where id = $1 and state = 'pending'`,
        [id, state, now(), state === 'approved' ? now() + least * 1_000 : null],
      );
    }
    await told(tx, id);
    const after = (await one(tx, id)) ?? before;
    await written?.(after, tx);
    return { result: 'taken', approval: after };
  }

  async function use(tx: Queries, id: string): Promise<boolean> {
    const found = await one(tx, id);
    const most = Math.min(...(found?.answers ?? []).map(({ uses }) => uses ?? Infinity), found?.uses ?? Infinity);
    const rows = await tx.query(
      `update flows_approvals set used = used + 1, state = case when used + 1 >= $3::int then 'used' else state end
         where id = $1 and state = 'approved' and ends > $2 and ($3::int is null or used < $3) returning id`,
      [id, now(), most === Infinity ? null : most],
    );
    return rows.length === 1;
  }

  return {
    async open(demand, agent, asked, opened) {
      const known = await same(demand, agent);
      if (known !== undefined) return { approval: known, made: false };
      // what has run out makes room for what asks the same again
      const made = await database.transaction((tx) => openIn(tx, demand, agent, asked, opened));
      const approval = made ?? (await same(demand, agent));
      if (approval === undefined) throw new BrokerRefusal('overloaded', { retryAfter: 1 });
      return { approval, made: made !== undefined };
    },
    find: (id) => one(database, id),
    list({ states, agent, subject }) {
      return database.query<Approval>(
        `select ${columns} from flows_approvals a where ($1::text[] is null or state = any($1)) and
         ($2::text is null or agent = $2) and ($3::text is null or subject = $3) order by a.opened desc limit 1000`,
        [states ?? null, agent ?? null, subject ?? null],
      );
    },
    answer: (id, answer, passkey, written) => database.transaction((tx) => answerIn(tx, id, answer, passkey, written)),
    usedBy(by) {
      return database.query<Approval>(
        `select ${columns} from flows_approvals a where id in (select approval from flows_approval_uses where by = $1)`,
        [by],
      );
    },
    redeem: (id, by) =>
      database.transaction(async (tx) => {
        if (by !== undefined) {
          const [known] = await tx.query('select from flows_approval_uses where approval = $1 and by = $2', [id, by]);
          if (known !== undefined) return true;
        }
        const counted = await use(tx, id);
        if (counted && by !== undefined)
          await tx.query('insert into flows_approval_uses (approval, by) values ($1, $2)', [id, by]);
        return counted;
      }),
    async end(id, state) {
      const from = state === 'revoked' ? 'approved' : 'pending';
      return database.transaction(async (tx) => {
        const rows = await tx.query(
          `update flows_approvals set state = $2, decided = $3 where id = $1 and state = $4 returning id`,
          [id, state, now(), from],
        );
        if (rows.length === 0) return undefined;
        await told(tx, id);
        return one(tx, id);
      });
    },
    async sweep() {
      const at = now();
      return database.transaction(async (tx) => {
        const over = await tx.query<{ id: string }>(
          `update flows_approvals set state = case state when 'pending' then 'expired' else 'lapsed' end
           where (state = 'pending' and until <= $1) or (state = 'approved' and ends <= $1) returning id`,
          [at],
        );
        // a run of a flow goes on without the agent run that it began in; one of many helpers leaves their root's card
        const alone = await tx.query<{ id: string }>(
          `update flows_approvals a set state = 'cancelled', decided = $1 where state = 'pending'
           and kind in ('secrets', 'flow') and exists (
             select from flows_agent_runs r where r.id = substr(a.subject, 5) and r.ended is not null) returning id`,
          [at],
        );
        const rows = [...over, ...alone];
        for (const { id } of rows) await told(tx, id);
        await tx.query(
          `with old as (select id from flows_approvals where state not in ('pending', 'approved') and opened < $1),
             gone as (delete from flows_approval_answers where approval in (select id from old)),
             unused as (delete from flows_approval_uses where approval in (select id from old))
           delete from flows_approvals where id in (select id from old)`,
          [at - keptFor],
        );
        const found = await Promise.all(rows.map(({ id }) => one(tx, id)));
        return found.filter((each) => each !== undefined);
      });
    },
    counts: (passkey) => counted(database, passkey),
    listen: (heard) => database.listen(channel, heard),
  };
}

/** A counter that does not grow is a sign that the passkey was copied; those that are synced always send 0. */
async function counted(tx: Queries, { credential, counter }: PasskeyCounter): Promise<boolean> {
  const rows = await tx.query(
    `insert into flows_passkey_counters as c (credential, counter) values ($1, $2)
     on conflict (credential) do update set counter = excluded.counter
     where excluded.counter > c.counter or (excluded.counter = 0 and c.counter = 0) returning credential`,
    [credential, counter],
  );
  return rows.length === 1;
}

/** What the answers of an approval are for, together: each may be for less than was asked. */
export function grantedScope({ scope, answers }: Approval): Approval['scope'] {
  return answers.map((each) => each.scope).reduce((a, b) => narrower(a, b), scope);
}
