import type { Flow, Schedule } from '../../folder/flows/flow.ts';
import { lastTick, nextTick } from '../../folder/flows/ticks.ts';
import type { Database } from '../database/contract.ts';
import type { ScheduleHooks, TickState } from './contract.ts';

/** milliseconds after its time at which a tick is still on time: a broker that is busy is no broker that was away */
const grace = 60_000;
/** milliseconds between two looks */
const pause = 1_000;
/** missed ticks that are counted */
const mostMissed = 1_000;

export interface SchedulesOptions {
  readonly database: Database;
  readonly hooks: ScheduleHooks;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly closing: AbortSignal;
  readonly warn: (message: string) => void;
}

/** Ticks of schedules, each of which begins one run, however many brokers look at the same time. */
export interface Schedules {
  /** Looks now. @throws what a tick met that may be tried again */
  look(): Promise<void>;
  list(): Promise<readonly TickState[]>;
  /** No look goes on. */
  end(): Promise<void>;
}

/**
 * Keeps the schedules of flows. The last tick that was dealt with is kept for each flow: what lies between it and now was
 * missed, be it that no broker ran, or that the database could not be used. A flow that is new has missed nothing.
 */
export function keepSchedules({ database, hooks, now, sleep, closing, warn }: SchedulesOptions): Schedules {
  /** the last ticks, as far as they were looked at */
  const seen = new Map<string, number>();
  let failing = false;

  async function lastOf(flow: string): Promise<number> {
    await database.query('insert into flows_schedules (flow, last) values ($1, $2) on conflict (flow) do nothing', [
      flow,
      now(),
    ]);
    const [row] = await database.query<{ last: number }>(
      'select last::float8 as last from flows_schedules where flow = $1',
      [flow],
    );
    return row?.last ?? now();
  }

  async function tick({ name }: Flow, schedule: Schedule): Promise<void> {
    const last = await lastOf(name);
    seen.set(name, last);
    const latest = lastTick(schedule, now());
    if (latest === undefined || latest <= last) return;
    const onTime = now() - latest <= grace;
    // its key makes it one run, whoever else begins it, also after a crash before the next statement
    if (onTime || schedule.catchUp) await hooks.begin(name, latest);
    const moved = await database.query(
      'update flows_schedules set last = $2 where flow = $1 and last < $2 returning flow',
      [name, latest],
    );
    seen.set(name, latest);
    const missed = missedBetween(schedule, last, onTime ? latest - 1 : latest);
    if (moved.length > 0 && missed > 0) await hooks.missed(name, missed, !onTime && schedule.catchUp);
  }

  async function look(): Promise<void> {
    for (const flow of hooks.flows()) {
      const { name, schedule } = flow;
      if (schedule === undefined) continue;
      const last = seen.get(name);
      const next = last === undefined ? undefined : nextTick(schedule, last);
      if (last === undefined || (next !== undefined && next <= now())) await tick(flow, schedule);
    }
  }

  async function goOn(): Promise<void> {
    while (!closing.aborted) {
      try {
        await look();
        failing = false;
      } catch {
        if (!failing) warn('a schedule cannot be kept at the moment: its ticks wait');
        failing = true;
      }
      await sleep(pause);
    }
  }

  const ended = goOn();
  return {
    look,
    async list() {
      const rows = await database.query<{ flow: string; last: number; begun: number | null; run: string | null }>(
        `select s.flow, s.last::float8 as last, r.created::float8 as begun, r.id as run from flows_schedules s
           left join lateral (select id, created from flows_runs where flow = s.flow and agent = $1
             order by created desc limit 1) r on true`,
        [hooks.agent],
      );
      const known = new Map(rows.map((row) => [row.flow, row]));
      return hooks.flows().flatMap(({ name, schedule }): readonly TickState[] => {
        if (schedule === undefined) return [];
        const { begun, run } = known.get(name) ?? {};
        return [{ flow: name, last: begun ?? undefined, run: run ?? undefined, next: nextTick(schedule, now()) }];
      });
    },
    end: () => ended,
  };
}

/** How many ticks lie behind one moment and not behind another; no more than are counted. */
function missedBetween(schedule: Schedule, after: number, until: number): number {
  let count = 0;
  let at = nextTick(schedule, after);
  while (at !== undefined && at <= until && count < mostMissed) {
    count += 1;
    at = nextTick(schedule, at);
  }
  return count;
}
