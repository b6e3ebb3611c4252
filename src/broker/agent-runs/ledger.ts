import type { Database, Queries } from '../../durable/database/contract.ts';
import type { AgentRunOutcome } from '../../foundation/wire.ts';

/** One task of an agent. Times are epoch milliseconds. */
export interface AgentRun {
  readonly run: string;
  readonly root: string;
  readonly parent: string | undefined;
  /** 1 for a root */
  readonly depth: number;
  readonly agent: string;
  /** the agent that began it */
  readonly begunBy: string;
  readonly provenBy: string;
  /** what it is narrowed to, in the patterns of policy.yaml; undefined: to nothing */
  readonly allow: readonly string[] | undefined;
  readonly reason: string | undefined;
  /** `X-Agent-Run-Id` of the request that began it */
  readonly claimed: string | undefined;
  readonly jkt: string | undefined;
  readonly begun: number;
  readonly expires: number;
  /** milliseconds without a word of it after which it is lost */
  readonly silence: number;
  readonly heard: number;
  readonly ended: number | undefined;
  readonly outcome: AgentRunOutcome | undefined;
}

export interface RunFilter {
  readonly agent?: string | undefined;
  readonly state?: 'running' | AgentRunOutcome | undefined;
  /** epoch milliseconds */
  readonly since?: number | undefined;
  readonly most: number;
}

/** What is known of agent runs. Ending one ends all below it, in one statement. */
export interface Ledger {
  /** @param mostAlive runs of one agent that may go on at once */
  begin(run: AgentRun, mostAlive: number): Promise<'begun' | 'too-many' | 'ended-above'>;
  /** A run and those above it, itself first; none where there is no such run. */
  chain(run: string): Promise<readonly AgentRun[]>;
  /** A run and all below it, those above before those below. */
  tree(run: string): Promise<readonly AgentRun[]>;
  heard(run: string, at: number): Promise<void>;
  /** @returns those that this ended, the run itself with `outcome` and those below it as cancelled */
  end(run: string, outcome: AgentRunOutcome, at: number): Promise<readonly AgentRun[]>;
  /** Ends what is over by the clock, and what began while the run above it ended. @returns those that this ended */
  sweep(at: number): Promise<readonly AgentRun[]>;
  list(filter: RunFilter): Promise<readonly AgentRun[]>;
}

const columns = `id as run, root, parent, depth, agent, begun_by as "begunBy", proven_by as "provenBy", allow, reason, claimed,
  thumbprint as jkt, begun::float8 as begun, expires::float8 as expires, silence::float8 as silence, heard::float8 as heard,
  ended::float8 as ended, outcome`;
const below = `with recursive below (id) as (
  select $1::text union select child.id from flows_agent_runs child join below on child.parent = below.id)`;

export function createLedger(database: () => Promise<Database>): Ledger {
  const query = async (text: string, parameters: readonly unknown[]): Promise<readonly AgentRun[]> =>
    rowsOf(await database(), text, parameters);
  return {
    begin: async (run, mostAlive) =>
      (await database()).transaction(async (tx) => {
        // a parent that ends now keeps this one from beginning, or leaves it to the next sweep; neither gives it anything
        const above = `select ${columns} from flows_agent_runs where id = $1 for update`;
        const [parent] = run.parent === undefined ? [] : await rowsOf(tx, above, [run.parent]);
        if (run.parent !== undefined && (parent === undefined || parent.ended !== undefined)) return 'ended-above';
        const [alive] = await tx.query<{ count: number }>(
          'select count(*)::float8 as count from flows_agent_runs where agent = $1 and ended is null',
          [run.agent],
        );
        if ((alive?.count ?? 0) >= mostAlive) return 'too-many';
        await tx.query(
          `insert into flows_agent_runs (id, root, parent, depth, agent, begun_by, proven_by, allow, reason, claimed,
            thumbprint, begun, expires, silence, heard)
          values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $12)`,
          [
            ...[run.run, run.root, run.parent ?? null, run.depth, run.agent, run.begunBy, run.provenBy],
            ...[run.allow === undefined ? null : JSON.stringify(run.allow), run.reason ?? null, run.claimed ?? null],
            ...[run.jkt ?? null, run.begun, run.expires, run.silence],
          ],
        );
        return 'begun';
      }),
    chain: (run) =>
      query(
        `with recursive above (id) as (
          select $1::text union
          select each.parent from flows_agent_runs each join above on each.id = above.id where each.parent is not null)
        select ${columns} from flows_agent_runs where id in (select id from above) order by depth desc`,
        [run],
      ),
    tree: (run) =>
      query(
        `${below} select ${columns} from flows_agent_runs where id in (select id from below) order by depth, begun, id`,
        [run],
      ),
    async heard(run, at) {
      const text = 'update flows_agent_runs set heard = $2 where id = $1 and ended is null and heard < $2';
      await (await database()).query(text, [run, at]);
    },
    end: (run, outcome, at) =>
      query(
        `${below} update flows_agent_runs set ended = $2, outcome = case when id = $1 then $3 else 'cancelled' end
        where id in (select id from below) and ended is null returning ${columns}`,
        [run, at, outcome],
      ),
    sweep: (at) =>
      query(
        `with recursive ending (id, outcome) as (
          select id, case when expires <= $1 then 'expired' else 'lost' end from flows_agent_runs
            where ended is null and (expires <= $1 or heard + silence <= $1)
          union select child.id, 'cancelled' from flows_agent_runs child
            join flows_agent_runs above on child.parent = above.id where child.ended is null and above.ended is not null
          union select child.id, 'cancelled' from flows_agent_runs child join ending on child.parent = ending.id)
        update flows_agent_runs set ended = $1, outcome = ending.outcome from (
          select id, max(outcome) as outcome from ending group by id) as ending
        where flows_agent_runs.id = ending.id and ended is null returning ${prefixed}`,
        [at],
      ),
    list: ({ agent, state, since, most }) =>
      query(
        `select ${columns} from flows_agent_runs
        where ($1::text is null or agent = $1) and ($2::bigint is null or begun >= $2)
          and ($3::text is null or coalesce(outcome, 'running') = $3)
        order by flows_agent_runs.begun desc, id limit $4`,
        [agent ?? null, since ?? null, state ?? null, most],
      ),
  };
}

/** where another table of the statement has columns of the same names */
const prefixed = columns
  .replace(/^id as run/, 'flows_agent_runs.id as run')
  .replace(/outcome$/, 'flows_agent_runs.outcome as outcome');

async function rowsOf(queries: Queries, text: string, parameters: readonly unknown[]): Promise<readonly AgentRun[]> {
  const rows = await queries.query<Record<string, unknown>>(text, parameters);
  // what a column does not have is undefined here, as everywhere in this program
  return rows.map((row) => {
    const known = Object.entries(row).map(([name, value]) => [name, value ?? undefined] as const);
    return Object.fromEntries(known) as unknown as AgentRun;
  });
}
