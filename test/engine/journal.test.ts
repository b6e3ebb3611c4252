import { expect, it } from 'vitest';
import { type Journal, noJournal, type StepOutput } from '../../src/engine/journal.ts';
import { carryOutFlow, outputOfRun, runFlow } from '../../src/engine/run-flow.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { load, told } from '../folder/folder.ts';
import { createWorld, kindsOver, servicesFor } from './engine.ts';

const flow = `description: d
steps:
  - { id: a, uses: test/write, with: { name: one, value: x } }
  - { id: b, uses: test/write, with: { name: two, value: x } }
  - { id: c, uses: test/write, with: { name: three, value: x } }
output: \${{ steps.c.name }}
`;

/** What outlives a process: what each step gave. `dies` after so many steps. */
function memory(done: Map<string, StepOutput>, dies = Infinity): Journal {
  return {
    plan: (work) => work(),
    async step({ id }, work) {
      const before = done.get(id);
      if (before !== undefined) return before;
      if (done.size >= dies) throw new Error('killed');
      const output = await work();
      done.set(id, output);
      return output;
    },
  };
}

it('a run that was killed goes on behind the steps that its journal has: none is probed or done again', async () => {
  const world = createWorld();
  const folder = await load({ 'x.yaml': flow }, { kinds: kindsOver(world) });
  expect(told(folder)).toEqual([]);
  const [x, environment] = [folder.flows.get('x'), folder.settings.environments.get('development')];
  if (x === undefined || environment === undefined) throw new Error('not loaded');
  const { services } = servicesFor(environment);
  const done = new Map<string, StepOutput>();

  await expect(runFlow(x, {}, services, { journal: memory(done, 2) })).rejects.toThrow('killed');
  const written = () => world.log.filter((line) => line.startsWith('writing '));
  expect(written()).toEqual(['writing one', 'writing two']);
  world.log.splice(0);
  await runFlow(x, {}, services, { journal: memory(done) });
  expect(written()).toEqual(['writing three']);
  expect([...done.keys()]).toEqual(['a', 'b', 'c']);
});

it('without one, each step is done', async () => {
  expect(await noJournal.step({ id: 'a' } as never, () => Promise.resolve({ value: 1 }))).toEqual({ value: 1 });
});

const reading = `description: d
steps:
  - { id: first, uses: test/read, with: { name: one } }
  - { id: second, uses: test/read, with: { name: two, wait: '\${{ steps.first.value }}' } }
  - { id: write, uses: test/write, with: { name: three, value: '\${{ steps.second.value }}' } }
output: \${{ steps.second.secret }}
`;

/** Keeps what a durable journal may keep: no secret. Plans are kept, too. */
function lasting(done: Map<string, StepOutput>, asked: string[] = []): Journal {
  const plain = (output: StepOutput) =>
    Object.fromEntries(Object.entries(output).filter(([, value]) => !(value instanceof Secret)));
  return {
    inOrder: true,
    plan: (work) => work(),
    async step({ id }, work) {
      asked.push(id);
      const before = done.get(id);
      if (before !== undefined) return before;
      const output = plain(await work());
      done.set(id, output);
      return output;
    },
  };
}

async function loaded(text: string, values: Readonly<Record<string, string>> = {}) {
  const world = createWorld(values);
  const folder = await load({ 'x.yaml': text }, { kinds: kindsOver(world) });
  expect(told(folder)).toEqual([]);
  const [x, environment] = [folder.flows.get('x'), folder.settings.environments.get('development')];
  if (x === undefined || environment === undefined) throw new Error('not loaded');
  return { world, x, ...servicesFor(environment) };
}

it('what no journal keeps is read again where another step takes it, and nowhere else', async () => {
  const { world, x, services } = await loaded(reading, { one: '1', two: '2' });
  const done = new Map<string, StepOutput>([['first', { value: '1', facts: {} }]]);
  await carryOutFlow(x, {}, services, { journal: lasting(done) });
  // the first is asked again for its secret, by the second, which was not done yet
  expect(world.log.filter((line) => line.startsWith('reading'))).toEqual(['reading one', 'reading two']);

  world.log.splice(0);
  await carryOutFlow(x, {}, services, { journal: lasting(done) });
  expect(world.log.filter((line) => line.startsWith('reading'))).toEqual([]);
});

it('a journal that goes by places is asked for one step after another, in the order of the file', async () => {
  const { x, services } = await loaded(reading, { two: '2' });
  const asked: string[] = [];
  await carryOutFlow(x, {}, services, { journal: lasting(new Map(), asked) });
  expect(asked).toEqual(['first', 'second', 'write']);
});

it('the output of a run that is over is made of what was kept, and its secrets are read then', async () => {
  const { world, x, services } = await loaded(reading, { one: '1', two: '2' });
  const done = new Map<string, StepOutput>();
  await carryOutFlow(x, {}, services, { journal: lasting(done) });
  world.log.splice(0);
  const output = await outputOfRun(x, {}, services, done);
  expect(output).toMatchObject({ kind: 'scalar', value: { as: 'secret', value: expect.any(Secret) } });
  expect(world.log).toEqual(['reading one', 'read one', 'reading two', 'read two']);
});

it('a plan that someone agreed to is kept to, but not by a step that had begun before', async () => {
  const { world, x, services } = await loaded(flow);
  const journal = (begun: boolean): Journal => ({ ...noJournal, begun: () => Promise.resolve(begun) });
  const later = () => {
    world.probes.set('two', 'update');
    return true;
  };
  const options = (begun: boolean) => ({ journal: journal(begun), onPlan: later });
  await expect(carryOutFlow(x, {}, services, options(false))).rejects.toMatchObject({ code: 'aborted' });
  world.values.clear();
  world.probes.clear();
  await carryOutFlow(x, {}, services, options(true));
  expect(world.values.size).toBe(3);
});
