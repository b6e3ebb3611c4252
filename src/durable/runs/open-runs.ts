import { randomUUID } from 'node:crypto';
import { parseInputs } from '../../folder/flows/inputs.ts';
import { errorCodes, FlowError } from '../../foundation/errors.ts';
import { sleepUntilAborted } from '../../foundation/sleep.ts';
import type { OpenDatabase } from '../database/contract.ts';
import type { Run, RunHooks, Runs, RunStory, ScheduleHooks } from './contract.ts';
import { outputFrom } from './kept-output.ts';
import { createRunStore, isOver, runsChannel } from './run-store.ts';
import { startEngine } from './run-engine.ts';
import { type FlowsOfRuns, type Keep, workOn } from './run-worker.ts';
import { keepSchedules } from './schedules.ts';
import { keepAlive } from './takeover.ts';

export interface RunsOptions {
  readonly database: OpenDatabase;
  readonly app: FlowsOfRuns;
  readonly hooks: RunHooks;
  /** undefined: there are no schedules */
  readonly schedules?: ScheduleHooks | undefined;
  /** one line for a person, never a value */
  readonly warn: (message: string) => void;
  /** epoch milliseconds, default Date.now */
  readonly now?: () => number;
}

interface Active {
  /** how to ask for its end */
  readonly stop: AbortController;
  /** settled when it takes no step more */
  readonly idle: PromiseWithResolvers<undefined>;
}

/** milliseconds between two looks at what did not announce itself, and before what failed is tried again */
const pause = 1_000;
/** milliseconds that a step which goes on has to end where the broker does */
const patience = 10_000;

/**
 * Opens the runs of a broker: those that it left in the middle, or another broker that is gone, go on.
 * @throws FlowError refused where this process has runs open already, unavailable where the database cannot be used
 * @example
 * const runs = await openRuns({ database, app, hooks, warn });
 * const { id } = await runs.start({ flow: 'new-user', agent: 'codex', inputs: { email: 'ada@example.com' }, … });
 * const run = await runs.wait(id, 30_000); // { state: 'succeeded', … }
 */
export async function openRuns({ database, app, hooks, schedules, warn, now = Date.now }: RunsOptions): Promise<Runs> {
  const broker = randomUUID();
  const closing = new AbortController();
  const sleep = sleepUntilAborted(closing.signal);
  const store = createRunStore(database, now);
  /** what goes on here */
  const active = new Map<string, Active>();
  const heard = new Map<string, Set<() => void>>();

  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof FlowError) || !errorCodes[error.code].retryable || closing.signal.aborted) throw error;
        await sleep(pause);
      }
    }
  }

  async function work(id: string): Promise<void> {
    const held = await patiently(() => store.take(id, broker));
    if (held === undefined) return;
    const here: Active = { stop: new AbortController(), idle: Promise.withResolvers() };
    active.set(id, here);
    const done = () => {
      if (active.get(id) === here) active.delete(id);
      here.idle.resolve(undefined);
    };
    /** Another broker takes it from here, or has it by now: nothing comes back, so nothing is done, told or taken back. */
    const leave = async (): Promise<never> => {
      done();
      return new Promise(() => undefined);
    };
    const goOn = async () => {
      if (closing.signal.aborted) await leave();
    };
    const keep: Keep = async (change) => (await patiently(change)) ?? leave();
    try {
      const run = await keep(held.find);
      const end = await workOn(run, held, {
        app,
        steps: store.steps,
        hooks,
        signal: here.stop.signal,
        closing: closing.signal,
        keep,
        goOn,
      });
      await goOn();
      const last = { ...(await keep(held.find)), ...end };
      await patiently(() => hooks.over(last, () => storyOf(id)));
      await keep(() => held.finish(end)).catch((error: unknown) => {
        // what would have been told holds a value
        if (error instanceof FlowError && error.code === 'internal')
          return keep(() => held.finish({ ...end, told: undefined }));
        throw error;
      });
    } finally {
      done();
    }
  }

  /** What goes on here, and is another broker's by now, stops in the middle of its step. */
  async function letGo(): Promise<void> {
    // what begins while the database is asked is none of its answer
    const before = [...active];
    if (before.length === 0) return;
    const ours = await store.heldBy(broker);
    for (const [id, { stop }] of before) if (!ours.has(id)) stop.abort();
  }

  const ear = await database.listen(runsChannel, (id) => {
    for (const wake of heard.get(id) ?? []) wake();
    const { stop } = active.get(id) ?? {};
    if (stop === undefined) return;
    void store.find(id).then(
      (run) => run?.cancelledBy !== undefined && stop.abort(),
      () => undefined,
    );
  });
  const engine = await startEngine({ database, broker, work, warn });
  const alive = keepAlive({
    database,
    broker,
    now,
    sleep,
    closing: closing.signal,
    warn,
    takeOver: engine.takeOver,
    letGo,
  });
  await alive.first;
  const kept = schedules && keepSchedules({ database, hooks: schedules, now, sleep, closing: closing.signal, warn });

  const keptOf = async (id: string): Promise<RunStory['kept']> => {
    const flow = app.flow((await known(id)).flow);
    const kept = await store.kept(id);
    return new Map(
      flow.steps.flatMap((step) => {
        const output = kept.get(step.id);
        return output === undefined ? [] : [[step.id, outputFrom(step.kind?.output ?? {}, output)] as const];
      }),
    );
  };
  const storyOf = async (id: string): Promise<RunStory> => {
    const [steps, kept] = await Promise.all([store.steps(id), keptOf(id)]);
    return { steps, kept };
  };
  const known = async (id: string): Promise<Run> => {
    const run = await store.find(id);
    if (run === undefined)
      throw new FlowError('not-found', 'there is no such run', { hint: 'list them: `flows runs`' });
    return run;
  };

  return {
    async start(asked) {
      const { run, isNew } = await store.add(asked, broker);
      if (isNew) await engine.start(run.id);
      return run;
    },
    find: store.find,
    async wait(id, milliseconds, signal = new AbortController().signal) {
      const ends = performance.now() + milliseconds;
      for (;;) {
        const wake = Promise.withResolvers<undefined>();
        const waiting = heard.get(id) ?? new Set();
        const woken = () => wake.resolve(undefined);
        heard.set(id, waiting.add(woken));
        try {
          const run = await store.find(id);
          const left = ends - performance.now();
          if (run === undefined || isOver(run) || left <= 0 || signal.aborted) return run;
          const ended = AbortSignal.any([
            signal,
            closing.signal,
            AbortSignal.timeout(Math.ceil(Math.min(left, 2 * pause))),
          ]);
          ended.addEventListener('abort', woken, { once: true });
          await wake.promise;
          ended.removeEventListener('abort', woken);
          if (closing.signal.aborted) return run;
        } finally {
          waiting.delete(woken);
          if (waiting.size === 0) heard.delete(id);
        }
      }
    },
    list: store.list,
    steps: store.steps,
    kept: keptOf,
    async cancel(id, by) {
      await known(id);
      if (!(await store.askForEnd(id, by)))
        throw new FlowError('conflict', 'the run is over', { hint: 'look at it first' });
      return known(id);
    },
    async resume(id) {
      const run = await known(id);
      const flow = app.flow(run.flow);
      const binding = await app.bindingOf(flow, parseInputs(flow, run.inputs));
      if (!(await store.reopen(id, binding, broker)))
        throw new FlowError('conflict', 'the run is not over, or it succeeded', { hint: 'look at it first' });
      const takenBack = (await store.steps(id)).filter(({ state }) => state === 'taken-back').map(({ step }) => step);
      await engine.again(id, binding === run.binding ? new Set(takenBack) : 'first');
      return known(id);
    },
    schedules: () => kept?.list() ?? Promise.resolve([]),
    async close() {
      closing.abort();
      await kept?.end();
      const deadline = new Promise((resolve) => setTimeout(resolve, patience).unref());
      await Promise.race([Promise.all([...active.values()].map(({ idle }) => idle.promise)), deadline]);
      await engine.close();
      await alive.end();
      await ear[Symbol.asyncDispose]();
    },
  };
}
