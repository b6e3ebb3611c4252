import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { form, required } from '../../../src/language/forms.ts';
import { registerSteps } from '../../../src/steps/register.ts';
import { type StepKinds, writeStep } from '../../../src/steps/contract.ts';
import { openRuns } from '../../../src/durable/runs/open-runs.ts';
import { createRunStore } from '../../../src/durable/runs/run-store.ts';
import { runSchema } from '../../../src/durable/runs/run-tables.ts';
import { emptiedDatabase } from '../database/fresh-database.ts';
import { createHeld, heldFlow, withHeld } from '../../engine/held-values.ts';
import { arrangeFlows, arrangeRuns, hooks } from './arrange.ts';

const three = `description: d
steps:
  - { id: a, uses: test/write, with: { name: one, value: x } }
  - { id: b, uses: test/read, with: { name: one } }
  - { id: c, uses: test/write, with: { name: two, value: '\${{ steps.b.value }}' } }
output: \${{ steps.c.name }}
`;
const long = 20_000;

describe('a run', () => {
  test('goes through its steps, and what became of each is there for whoever asks', async () => {
    const { app, world } = await arrangeFlows({ 'x.yaml': three });
    const { runs, begin } = await arrangeRuns(app);
    const begun = await begin('x');
    expect(begun).toMatchObject({ state: 'planned', flow: 'x', agent: 'codex', finished: undefined });
    const run = await runs.wait(begun.id, long);
    expect(run).toMatchObject({ state: 'succeeded', step: 'c', code: undefined, told: undefined });
    expect(world.log.filter((line) => line.startsWith('writing'))).toEqual(['writing one', 'writing two']);
    expect((await runs.steps(begun.id)).map(({ step, state }) => [step, state])).toEqual([
      ['a', 'done'],
      ['b', 'done'],
      ['c', 'done'],
    ]);
    expect(await runs.list({})).toEqual([run]);
    expect((await runs.kept(begun.id)).get('c')).toMatchObject({
      name: 'two',
      at: expect.objectContaining({ item: 'two' }),
    });
  });

  test('fails with a code and where, and goes on from there when a person says so', async () => {
    let broken = true;
    const { app, world } = await arrangeFlows({ 'x.yaml': three.replace('test/read', 'test/flaky') }, (kinds) =>
      withKind(kinds, 'test/flaky', () => {
        if (broken) throw new FlowError('unavailable', 'the service does not answer', { hint: 'try again later' });
        return { name: 'x', value: 'x' };
      }),
    );
    const { runs, begin } = await arrangeRuns(app);
    const { id } = await begin('x');
    expect(await runs.wait(id, long)).toMatchObject({
      state: 'failed',
      step: 'b',
      code: 'unavailable',
      told: 'flow "x", step "b": the service does not answer (try again later)',
    });
    await expect(runs.cancel(id, 'local:ann')).rejects.toMatchObject({ code: 'conflict' });
    broken = false;
    expect(await runs.resume(id)).toMatchObject({ state: 'planned', code: undefined });
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
    // what was done is neither probed nor done again
    expect(world.log.filter((line) => line === 'writing one' || line === 'probing one')).toEqual([
      'probing one',
      'writing one',
    ]);
    await expect(runs.resume(id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('keeps a text as a step gives it, with what no text of a database can hold too', async () => {
    const value = 'NUL \0, and half a character \ud83d';
    const { app, world } = await arrangeFlows({ 'x.yaml': three.replace('test/read', 'test/odd') }, (kinds) =>
      withKind(kinds, 'test/odd', () => ({ name: 'x', value })),
    );
    const { runs, begin } = await arrangeRuns(app);
    const { id } = await begin('x');
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
    expect((await runs.kept(id)).get('b')).toMatchObject({ value });
    expect(world.log.filter((line) => line.startsWith('writing'))).toEqual(['writing one', 'writing two']);
  });

  test('one key of an agent is one run, whatever else is asked with it', async () => {
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const { runs, begin } = await arrangeRuns(app);
    const [one, same] = await Promise.all([begin('x', { key: 'k1' }), begin('x', { key: 'k1' })]);
    expect(same.id).toBe(one.id);
    expect((await begin('x', { key: 'k1', agent: 'other' })).id).not.toBe(one.id);
    await expect(begin('x', { key: 'k1', plan: 'another' })).rejects.toMatchObject({ code: 'conflict' });
    expect(await runs.list({ agent: 'codex' })).toHaveLength(1);
    await runs.wait(one.id, long);
  });

  test('ends before its next step where its end is asked for, and a wait ends at once', async () => {
    const arrived = Promise.withResolvers<undefined>();
    const { app, world } = await arrangeFlows({ 'x.yaml': three });
    const { runs, begin } = await arrangeRuns(app, {
      hooks: {
        agreed: async (_run, _plan, { waiting, waitsFor }) => {
          arrived.resolve(undefined);
          await waiting(async () => {
            await waitsFor('a-1');
            return new Promise(() => undefined);
          });
          return true;
        },
      },
    });
    const { id } = await begin('x');
    await arrived.promise;
    await expect.poll(() => runs.find(id)).toMatchObject({ state: 'waiting', approval: 'a-1' });
    expect(await runs.cancel(id, 'local:ann')).toMatchObject({ cancelledBy: 'local:ann' });
    expect(await runs.wait(id, long)).toMatchObject({ state: 'cancelled', code: 'cancelled' });
    expect(world.log.filter((line) => line.startsWith('writing'))).toEqual([]);
  });

  test('with the hash of a plan it writes nothing where it would be another plan', async () => {
    const { app, world } = await arrangeFlows({ 'x.yaml': three });
    const { runs, begin } = await arrangeRuns(app);
    const { id } = await begin('x', { plan: 'f'.repeat(64) });
    expect(await runs.wait(id, long)).toMatchObject({ state: 'failed', code: 'aborted' });
    expect(world.log.filter((line) => line.startsWith('writing'))).toEqual([]);
  });

  test('whose flow changed since it began writes nothing more, until a person says so', async () => {
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const { runs, begin } = await arrangeRuns(app);
    const { id } = await begin('x', { binding: 'of another file' });
    expect(await runs.wait(id, long)).toMatchObject({ state: 'failed', code: 'aborted', step: undefined });
    await runs.resume(id);
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
  });

  test('what its broker refuses has the code of the refusal', async () => {
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const refuse = () => {
      throw Object.assign(new Error('no'), { code: 'not-allowed' });
    };
    const { runs, begin } = await arrangeRuns(app, { hooks: { allowed: refuse } });
    const { id } = await begin('x');
    expect(await runs.wait(id, long)).toMatchObject({ state: 'failed', code: 'not-allowed' });
  });

  test('waits where its end cannot be told, and ends once it can', async () => {
    let tries = 0;
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const over = () => {
      tries += 1;
      if (tries < 3) throw new FlowError('unavailable', 'the trail cannot be written');
      return Promise.resolve();
    };
    const { runs, begin } = await arrangeRuns(app, { hooks: { over } });
    const { id } = await begin('x');
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
    expect(tries).toBe(3);
  });

  test('a step that is not safe to repeat and fails in the middle waits for a person', async () => {
    let sent = 0;
    const { app } = await arrangeFlows(
      { 'x.yaml': three.replace('uses: test/write, with: { name: two', 'uses: test/once, with: { name: two') },
      (kinds) =>
        withKind(
          kinds,
          'test/once',
          () => {
            sent += 1;
            if (sent === 1) throw new FlowError('outcome-unknown', 'no answer');
            return { name: 'two', value: 'x' };
          },
          false,
        ),
    );
    const { runs, begin, database } = await arrangeRuns(app);
    const { id } = await begin('x');
    expect(await runs.wait(id, long)).toMatchObject({ state: 'outcome-unknown', step: 'c', code: 'outcome-unknown' });
    expect(sent).toBe(1);
    // as a process leaves it that ends there
    await database.query("update flows_run_steps set state = 'started' where run = $1 and step = 'c'", [id]);
    await runs.resume(id);
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
    expect(sent).toBe(2);
  });

  test('goes on at the first step that took back what it held back', async () => {
    const held = createHeld();
    const { app } = await arrangeFlows({ 'x.yaml': heldFlow }, (kinds) => withHeld(kinds, held));
    const { runs, begin } = await arrangeRuns(app);
    held.refusal = 'denied';
    const { id } = await begin('x');
    expect(await runs.wait(id, long)).toMatchObject({ state: 'failed', step: 'proof', code: 'denied' });
    expect([...held.pending]).toEqual([]);
    expect((await runs.steps(id)).map(({ step, state }) => [step, state])).toEqual([
      ['first', 'taken-back'],
      ['second', 'taken-back'],
      ['proof', 'failed'],
    ]);
    held.refusal = undefined;
    await runs.resume(id);
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
    expect(held.log.filter((line) => line.endsWith(' a'))).toEqual([
      'hold a',
      'prove a',
      'withdraw a',
      'hold a',
      'prove a',
      'release a',
    ]);
  });

  test('that another broker has taken meanwhile is left as it is: nothing is done, told or taken back here', async () => {
    const [held, database, over] = [createHeld(), await emptiedDatabase(runSchema), [] as unknown[]];
    const taken = Promise.withResolvers<undefined>();
    const files = { 'x.yaml': heldFlow.replace('test/prove', 'test/taken') };
    const { app } = await arrangeFlows(files, (kinds) =>
      withKind(withHeld(kinds, held), 'test/taken', async () => {
        await database.query("update flows_runs set broker = 'another', lives = lives + 1");
        taken.resolve(undefined);
        // as a proof fails where the other one has retired the old value since
        throw new FlowError('denied', 'it says no');
      }),
    );
    const { runs, begin } = await arrangeRuns(app, {
      database,
      hooks: {
        over: async (run) => {
          over.push(run);
        },
      },
    });
    const { id } = await begin('x');
    await taken.promise;
    await runs.close();
    const [row] = await database.query('select state, step, code, finished from flows_runs where id = $1', [id]);
    expect(row).toEqual({ state: 'running', step: 'proof', code: null, finished: null });
    expect(await database.query('select step, state from flows_run_steps order by place')).toEqual([
      { step: 'first', state: 'done' },
      { step: 'second', state: 'done' },
      { step: 'proof', state: 'started' },
    ]);
    expect([held.log, over]).toEqual([['hold a', 'hold b'], []]);
  });

  test('ends once, also where the answer of the database is lost and it is ended again, and by its holder alone', async () => {
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const { runs, begin, database } = await arrangeRuns(app);
    const { id } = await begin('x');
    await runs.wait(id, long);
    await database.query('update flows_runs set finished = null where id = $1', [id]);
    let now = 1_000;
    const store = createRunStore(database, () => (now += 1_000));
    const [first, second] = [await store.take(id, 'one'), await store.take(id, 'two')];
    const failed = { state: 'failed', code: 'denied' } as const;
    expect([await first?.finish(failed), await first?.find()]).toEqual([undefined, undefined]);
    expect(await second?.finish({ state: 'succeeded' })).toBe(true);
    const ended = await store.find(id);
    expect(await second?.finish({ state: 'succeeded' })).toBe(true);
    expect(await store.find(id)).toMatchObject({ state: 'succeeded', finished: ended?.finished });
    expect(await second?.finish(failed)).toBeUndefined();
    expect(await store.find(id)).toMatchObject({ state: 'succeeded', code: undefined });
  });

  test('stops in the middle of a step once its broker learns that another one has it', async () => {
    const database = await emptiedDatabase(runSchema);
    const stopped = Promise.withResolvers<undefined>();
    const { app } = await arrangeFlows({ 'x.yaml': three.replace('test/read', 'test/slow') }, (kinds) =>
      withKind(kinds, 'test/slow', async (signal) => {
        // the other one thought that this one is gone
        await database.query("insert into flows_brokers (id, beat) values ('another', now())");
        await database.query("update flows_runs set broker = 'another', lives = lives + 1");
        await database.query("delete from flows_brokers where id <> 'another'");
        await once(signal, 'abort');
        stopped.resolve(undefined);
        throw new FlowError('aborted', 'stopped');
      }),
    );
    const { runs, begin } = await arrangeRuns(app, { database });
    const { id } = await begin('x');
    await stopped.promise;
    await runs.close();
    const [row] = await database.query('select state, step, code, finished from flows_runs where id = $1', [id]);
    expect(row).toEqual({ state: 'running', step: 'b', code: null, finished: null });
  });

  test('that begins while its broker looks for what others took is none of that', async () => {
    const [database, release, signals] = [
      await emptiedDatabase(runSchema),
      Promise.withResolvers<undefined>(),
      [] as AbortSignal[],
    ];
    const [seen, second] = [Promise.withResolvers<undefined>(), Promise.withResolvers<string>()];
    const { app } = await arrangeFlows({ 'x.yaml': three.replace('test/read', 'test/slow') }, (kinds) =>
      withKind(kinds, 'test/slow', async (signal) => {
        if (signals.push(signal) === 2) seen.resolve(undefined);
        await release.promise;
        return { name: 'x', value: 'x' };
      }),
    );
    const { runs, begin } = await arrangeRuns(app, {
      database: {
        ...database,
        async query(text, parameters) {
          const rows = await database.query<never>(text, parameters);
          // the answer is on its way while another run begins
          if (signals.length === 1 && text.startsWith('select id from flows_runs where broker')) {
            second.resolve((await begin('x')).id);
            await seen.promise;
          }
          return rows;
        },
      },
    });
    const { id } = await begin('x');
    const other = await second.promise;
    await seen.promise;
    release.resolve(undefined);
    expect(await runs.wait(id, long)).toMatchObject({ state: 'succeeded' });
    expect(await runs.wait(other, long)).toMatchObject({ state: 'succeeded' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  test('there is one engine in a process', async () => {
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const { database } = await arrangeRuns(app);
    await expect(openRuns({ database, app, hooks, warn: () => undefined })).rejects.toMatchObject({ code: 'refused' });
  });
});

interface Values {
  readonly name: string;
  readonly value: string;
}

function withKind(
  kinds: StepKinds,
  name: string,
  run: (signal: AbortSignal) => Values | Promise<Values>,
  repeatable = true,
): StepKinds {
  const output = {
    name: { type: 'text', description: 'which' },
    value: { type: 'text', description: 'what' },
  } as const;
  const input = { name: required(form.text(), 'which'), value: { ...required(form.text(), 'what'), required: false } };
  const kind = writeStep({
    name,
    summary: 'Does what the test says.',
    effect: 'write',
    isRepeatable: () => repeatable,
    with: input,
    output,
    plan: () => Promise.resolve({ changes: [{ action: 'create', what: 'it' }] }),
    run: async (_, { signal }) => run(signal),
  });
  return registerSteps([...new Set(kinds.values()), kind]);
}
