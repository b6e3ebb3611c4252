import { expect, it } from 'vitest';
import { type Journal, noJournal, type StepOutput } from '../../src/engine/journal.ts';
import { runFlow } from '../../src/engine/run-flow.ts';
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
