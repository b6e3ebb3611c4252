import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { form, required } from '../../../src/language/forms.ts';
import { registerSteps } from '../../../src/steps/register.ts';
import { type StepKinds, writeStep } from '../../../src/steps/contract.ts';
import { openRuns } from '../../../src/durable/runs/open-runs.ts';
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

  test('there is one engine in a process', async () => {
    const { app } = await arrangeFlows({ 'x.yaml': three });
    const { database } = await arrangeRuns(app);
    await expect(openRuns({ database, app, hooks, warn: () => undefined })).rejects.toMatchObject({ code: 'refused' });
  });
});

function withKind(
  kinds: StepKinds,
  name: string,
  run: () => { readonly name: string; readonly value: string },
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
    run: async () => run(),
  });
  return registerSteps([...new Set(kinds.values()), kind]);
}
