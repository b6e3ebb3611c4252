import { describe, expect, it } from 'vitest';
import type { Flow } from '../../src/folder/flows/flow.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { runFlow } from '../../src/engine/run-flow.ts';
import type { Services } from '../../src/engine/services.ts';
import { createWorld, kindsOver, servicesFor } from './engine.ts';
import { load, told } from '../folder/folder.ts';

/** A flow that is run again and again, and how often its connection was asked for, which is once for each preparing. */
async function start(text: string, world = createWorld()) {
  const folder = await load({ 'x.yaml': `description: d\n${text}` }, { kinds: kindsOver(world) });
  expect(told(folder)).toEqual([]);
  const flow: Flow | undefined = folder.flows.get('x');
  const environment = folder.settings.environments.get('development');
  if (flow === undefined || environment === undefined) throw new Error('not loaded');
  const { services: given, cache } = servicesFor(environment);
  let prepared = 0;
  const services: Services = {
    ...given,
    connection: (kind, name) => {
      prepared += 1;
      return { kind, name };
    },
  };
  const run = (inputs: Record<string, unknown> = {}) => runFlow(flow, parseInputs(flow, inputs), services);
  return { run, cache, world, prepared: () => prepared };
}

const token = (client: string) =>
  `  - { id: t, uses: test/token, with: { client: "${client}", issuer: "\${{ issuers.main }}" } }\n`;

describe('steps prepared before', () => {
  it('prepares a cached step once for the same inputs, and mints once', async () => {
    const { run, prepared, world } = await start(`steps:\n${token('c')}`);
    for (let times = 0; times < 5; times += 1) await run();
    expect(prepared()).toBe(1);
    expect(world.log).toEqual(['minting for c']);
  });

  it('keeps inputs apart', async () => {
    const { run, prepared, cache, world } = await start(
      `inputs: { a: string, b: { default: "" } }\nsteps:\n${token('${{ inputs.a }}-${{ inputs.b }}')}`,
    );
    for (const inputs of [{ a: '1' }, { a: '2' }, { a: '1', b: '2' }, { a: '1' }, { a: '2' }]) await run(inputs);
    expect(prepared()).toBe(3);
    expect(cache.size).toBe(3);
    expect(world.log).toEqual(['minting for 1-', 'minting for 2-', 'minting for 1-2']);
  });

  it('prepares afresh what takes the output of another step', async () => {
    const world = createWorld({ who: 'ada' });
    const { run, prepared } = await start(
      `steps:\n  - { id: r, uses: test/read, with: { name: who } }\n${token('${{ steps.r.value }}')}`,
      world,
    );
    await run();
    world.values.set('who', 'grace');
    await run();
    expect(prepared()).toBe(2);
    expect(world.log.filter((line) => line.startsWith('minting'))).toEqual(['minting for ada', 'minting for grace']);
  });

  it('forgets rather than grows, and does not keep long inputs', async () => {
    const { run, prepared } = await start(`inputs: { a: string }\nsteps:\n${token('${{ inputs.a }}')}`);
    for (let times = 0; times < 300; times += 1) await run({ a: `n${times}` });
    await run({ a: 'n0' });
    expect(prepared()).toBe(301);
    const long = { a: 'x'.repeat(2_000) };
    await run(long);
    await run(long);
    expect(prepared()).toBe(303);
  });

  it('remembers no refusal', async () => {
    const { run, prepared } = await start(`inputs: { a: string }\nsteps:\n${token('${{ inputs.a }}')}`);
    await expect(run({ a: '' })).rejects.toMatchObject({ code: 'usage' });
    await expect(run({ a: '' })).rejects.toMatchObject({ code: 'usage' });
    await run({ a: 'good' });
    expect(prepared()).toBe(1);
  });
});
