import { createHash, randomUUID } from 'node:crypto';
import type { StepOutput } from '../../engine/journal.ts';
import { canonical } from '../../foundation/canonical-json.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Database } from '../database/contract.ts';
import type { RunState } from '../../foundation/wire.ts';
import type { NewRun, Over, Run, RunFilter, RunStep } from './contract.ts';
import { plainJson } from './kept-output.ts';

/** where every change of a run is announced, by its id */
export const runsChannel = 'flows_runs';

const columns = `id, flow, environment, agent, proven_by as "by", agent_run as "agentRun", agent_runs as "agentRuns",
  claimed_run as "claimedRun", reason,
  request, inputs, plan, binding, state, step, code, told, cancelled_by as "cancelledBy", approval, created::float8 as created,
  updated::float8 as updated, finished::float8 as finished`;

/** Runs as rows. Each change is announced once it is committed. */
export interface RunStore {
  /** @param broker whose it is @returns whether it is new */
  add(run: NewRun, broker: string): Promise<{ readonly run: Run; readonly isNew: boolean }>;
  find(id: string): Promise<Run | undefined>;
  list(filter: RunFilter): Promise<readonly Run[]>;
  steps(id: string): Promise<readonly RunStep[]>;
  kept(id: string): Promise<ReadonlyMap<string, StepOutput>>;
  /** It goes on here. @returns undefined where it is over */
  take(id: string, broker: string): Promise<HeldRun | undefined>;
  /** ids of those that go on at a broker */
  heldBy(broker: string): Promise<ReadonlySet<string>>;
  /** @returns whether it was not over */
  askForEnd(id: string, by: string): Promise<boolean>;
  /** Not over any more. @returns whether it was, in a state that may be resumed */
  reopen(id: string, binding: string, broker: string): Promise<boolean>;
}

/** A run at one broker. Undefined, and nothing changed, where it is over, or another broker has taken it since. */
export interface HeldRun {
  /** how often it went on, this time too */
  readonly lives: number;
  find(): Promise<Run | undefined>;
  running(): Promise<true | undefined>;
  waitsFor(approval: string): Promise<true | undefined>;
  /** It is at a step. @returns whether its end is not asked for */
  begin(step: RunStepBegun): Promise<boolean | undefined>;
  end(step: RunStepEnded): Promise<true | undefined>;
  /** Also a second time. */
  finish(end: RunEnd): Promise<true | undefined>;
}

export interface RunStepBegun {
  readonly step: string;
  readonly uses: string;
  readonly place: number;
  readonly inputs: unknown;
}

export interface RunStepEnded {
  readonly step: string;
  readonly state: Exclude<RunStep['state'], 'started'>;
  readonly code?: string | undefined;
  readonly output?: StepOutput | undefined;
}

export interface RunEnd {
  readonly state: Over;
  readonly step?: string | undefined;
  readonly code?: string | undefined;
  readonly told?: string | undefined;
}

export function createRunStore(database: Database, now: () => number): RunStore {
  const first = async <R extends object>(text: string, parameters: readonly unknown[]) =>
    (await database.query<R>(text, parameters))[0];
  /** A change of one run that gives its id, and the announcement of it. */
  const changed = async (change: string, parameters: readonly unknown[]) =>
    (await first(`with changed as (${change}) select pg_notify('${runsChannel}', id) from changed`, parameters)) !==
    undefined;

  function held(id: string, broker: string, lives: number): HeldRun {
    const isLife = 'id = $1 and broker = $2 and lives = $3';
    const isHeld = `${isLife} and finished is null`;
    const change = async (set: string, parameters: readonly unknown[], where = isHeld) =>
      (await changed(`update flows_runs set ${set} where ${where} returning id`, [id, broker, lives, ...parameters]))
        ? true
        : undefined;
    return {
      lives,
      async find() {
        const row = await first<Run>(`select ${columns} from flows_runs where ${isHeld}`, [id, broker, lives]);
        return row && told(row);
      },
      running: () => change(`state = 'running', updated = $4`, [now()]),
      waitsFor: (approval) => change(`state = 'waiting', approval = $4, updated = $5`, [approval, now()]),
      async begin({ step, uses, place, inputs }) {
        const row = await first<{ asked: string | null }>(
          `with held as (
             update flows_runs set state = 'running', step = $4, updated = $8 where ${isHeld} returning id, cancelled_by
           ), step as (
             insert into flows_run_steps (run, step, uses, place, state, inputs, started)
             select id, $4, $5, $6, 'started', $7::json, $8 from held
             on conflict (run, step) do update set state = 'started', code = null, inputs = $7::json, started = $8, finished = null
           ) select cancelled_by as asked, pg_notify('${runsChannel}', id) from held`,
          [id, broker, lives, step, uses, place, plainJson(inputs), now()],
        );
        return row && row.asked === null;
      },
      async end({ step, state, code, output }) {
        const kept = output === undefined ? undefined : plainJson(output);
        const row = await first(
          `with held as (select id from flows_runs where ${isHeld} for update), step as (
             update flows_run_steps set state = $5, code = $6, output = coalesce($7::json, output), finished = $8
             from held where run = held.id and step = $4
           ) select id from held`,
          [id, broker, lives, step, state, code, kept, now()],
        );
        return row && true;
      },
      finish: ({ state, step, code, told: line }) =>
        change(
          `state = $4, step = coalesce($5::text, step), code = $6, told = $7, updated = $8, finished = coalesce(finished, $8)`,
          [state, step, code, line, now()],
          // it may be over by this very change, whose answer was lost
          `${isLife} and (finished is null or state = $4)`,
        ),
    };
  }

  return {
    async add(run, broker) {
      const { flow, inputs, plan, agent, key } = run;
      const asked = createHash('sha256')
        .update(canonical([flow, inputs, plan]))
        .digest('hex');
      const row = await first<Run>(
        `insert into flows_runs (id, flow, environment, agent, proven_by, agent_run, agent_runs, claimed_run, reason, request,
           inputs, plan, binding, state, idempotency_key, asked, broker, created, updated)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'planned', $14, $15, $16, $17, $17)
         on conflict (agent, idempotency_key) do nothing returning ${columns}`,
        [
          randomUUID(),
          flow,
          run.environment,
          agent,
          run.by,
          run.agentRun,
          run.agentRuns && plainJson(run.agentRuns),
          run.claimedRun,
          run.reason,
          run.request,
          plainJson(inputs),
          plan,
          run.binding,
          key,
          asked,
          broker,
          now(),
        ],
      );
      if (row !== undefined) return { run: told(row), isNew: true };
      const before = await first<Run & { asked: string }>(
        `select ${columns}, asked from flows_runs where agent = $1 and idempotency_key = $2`,
        [agent, key],
      );
      if (before?.asked === asked) return { run: told(before), isNew: false };
      throw new FlowError('conflict', 'the key began another run', { hint: 'a key is for one run: take a new one' });
    },
    async find(id) {
      const row = await first<Run>(`select ${columns} from flows_runs where id = $1`, [id]);
      return row && told(row);
    },
    async list({ flow, agent, state, since, most = 100 }) {
      const rows = await database.query<Run>(
        `select ${columns} from flows_runs where ($1::text is null or flow = $1) and ($2::text is null or agent = $2)
           and ($3::text is null or state = $3) and ($4::bigint is null or created >= $4)
         order by flows_runs.created desc, id limit $5`,
        [flow, agent, state, since, most],
      );
      return rows.map(told);
    },
    steps: (id) =>
      database
        .query<RunStep>(
          `select step, uses, state, code, inputs, started::float8 as started, finished::float8 as finished
         from flows_run_steps where run = $1 order by place`,
          [id],
        )
        .then((rows) => rows.map(told)),
    async kept(id) {
      const rows = await database.query<{ step: string; output: StepOutput }>(
        'select step, output from flows_run_steps where run = $1 and output is not null',
        [id],
      );
      return new Map(rows.map(({ step, output }) => [step, output]));
    },
    async take(id, broker) {
      const row = await first<{ lives: number }>(
        'update flows_runs set broker = $2, lives = lives + 1, updated = $3 where id = $1 and finished is null returning lives',
        [id, broker, now()],
      );
      return row && held(id, broker, row.lives);
    },
    async heldBy(broker) {
      const rows = await database.query<{ id: string }>(
        'select id from flows_runs where broker = $1 and finished is null',
        [broker],
      );
      return new Set(rows.map(({ id }) => id));
    },
    askForEnd: (id, by) =>
      changed(
        `update flows_runs set cancelled_by = coalesce(cancelled_by, $2), updated = $3
         where id = $1 and finished is null returning id`,
        [id, by, now()],
      ),
    async reopen(id, binding, broker) {
      // who resumes it has looked at what was in the middle; people are asked anew, once a no is no longer new
      await database.query(
        `update flows_run_steps set state = 'failed', code = 'outcome-unknown' where run = $1 and state = 'started'
           and exists (select from flows_runs where id = $1 and finished is not null)`,
        [id],
      );
      return changed(
        `update flows_runs set state = 'planned', binding = $2, broker = $3, code = null, told = null, cancelled_by = null,
           approval = null, lives = 0, updated = $4, finished = null
         where id = $1 and finished is not null and state <> 'succeeded' returning id`,
        [id, binding, broker, now()],
      );
    },
  };
}

const overStates: ReadonlySet<RunState> = new Set<Over>(['succeeded', 'failed', 'cancelled', 'outcome-unknown']);

export function isOver({ state }: Pick<Run, 'state'>): boolean {
  return overStates.has(state);
}

/** A column without a value is a field without one. */
function told<R extends object>(row: R): R {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]: [string, unknown]) => [name, value ?? undefined]),
  ) as R;
}
