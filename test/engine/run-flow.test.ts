import { describe, expect, it } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import type { Flow } from '../../src/folder/flows/flow.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { bindingFor, planFlow } from '../../src/engine/plan-flow.ts';
import { runFlow } from '../../src/engine/run-flow.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createWorld, kindsOver, servicesFor, type Recorded, type World } from './engine.ts';
import { load, told } from '../folder/folder.ts';

interface Started extends Recorded {
  readonly flow: Flow;
  readonly world: World;
  run(inputs?: Record<string, unknown>, plan?: Awaited<ReturnType<typeof planFlow>>): ReturnType<typeof runFlow>;
  looked(): ReturnType<typeof runFlow>;
  plan(inputs?: Record<string, unknown>): ReturnType<typeof planFlow>;
}

/** One flow over a world, in the laptop environment. */
async function start(text: string, world = createWorld()): Promise<Started> {
  const folder = await load({ 'x.yaml': `description: d\n${text}` }, { kinds: kindsOver(world) });
  expect(told(folder)).toEqual([]);
  const flow = folder.flows.get('x');
  const environment = folder.settings.environments.get('development');
  if (flow === undefined || environment === undefined) throw new Error('not loaded');
  const recorded = servicesFor(environment);
  const { services, events } = recorded;
  return {
    ...recorded,
    flow,
    world,
    plan: (inputs = {}) => planFlow(flow, parseInputs(flow, inputs), services),
    looked: () => runFlow(flow, {}, services, { live: true }),
    run: (inputs = {}, plan) =>
      runFlow(flow, parseInputs(flow, inputs), services, {
        onEvent: (event) => {
          events.push(event);
          if (event.type === 'step-started') world.log.push(`told ${event.step}`);
        },
        ...(plan === undefined ? {} : { plan }),
      }),
  };
}

const writing = `inputs: { value: { default: new } }
steps:
  - id: before
    uses: test/read
    with: { name: source }
  - id: first
    uses: test/write
    with: { name: a, value: "\${{ inputs.value }}" }
  - id: middle
    uses: test/read
    with: { name: a }
  - id: second
    uses: test/write
    with: { name: b, value: "\${{ steps.middle.value }}" }
  - id: after
    uses: test/read
    with: { name: b }
output:
  at: \${{ steps.first }}
  b: \${{ steps.after.value }}
  hidden: \${{ steps.after.secret }}
`;

describe('a pure flow', () => {
  it('runs independent steps side by side and dependent ones in order', async () => {
    const { run, world } = await start(
      `steps:
  - { id: a, uses: test/read, with: { name: a } }
  - { id: b, uses: test/read, with: { name: b } }
  - { id: c, uses: test/read, with: { name: "\${{ steps.a.facts.value }}" } }
`,
      createWorld({ a: 'x' }),
    );
    expect(await run()).toEqual({ kind: 'none' });
    const at = (line: string) => world.log.indexOf(line);
    expect(at('reading b')).toBeLessThan(at('read a'));
    expect(at('reading x')).toBeGreaterThan(at('read a'));
    expect(world.log).toContain('read x');
  });

  it('fails with flow and step, after the others have come to an end', async () => {
    const { run, world, events } = await start(`steps:
  - { id: a, uses: test/read, with: { name: missing } }
  - { id: b, uses: test/read, with: { name: b } }
`);
    await expect(run()).rejects.toMatchObject({ code: 'internal', place: { flow: 'x', step: 'a' } });
    expect(world.log).toContain('read b');
    expect(events).toContainEqual(expect.objectContaining({ type: 'step-failed', step: 'a', code: 'internal' }));
  });

  it('shows each kind of value as what it is', async () => {
    const { run } = await start(`inputs: { n: { type: number, default: 5 }, s: { default: "op://V/i/f" } }
steps:
  - { id: t, uses: test/token, with: { client: x } }
  - { id: c, uses: test/code }
  - { id: r, uses: test/read, with: { name: nothing } }
output:
  token: \${{ steps.t }}
  same: \${{ steps.t.access-token }}
  type: \${{ steps.t.token-type }}
  code: \${{ steps.c }}
  seconds: \${{ steps.c.valid-for }}
  number: \${{ inputs.n }}
  text: n is \${{ inputs.n }}
  input: \${{ inputs.s }}
  reference: op://V/i/f
  absent: \${{ steps.r.value }}
  json: \${{ steps.r.facts.list }}
  secret: \${{ steps.r.secret }}
`);
    const output = await run();
    expect(output.kind).toBe('mapping');
    const entries = output.kind === 'mapping' ? Object.fromEntries(output.entries) : {};
    const token = {
      accessToken: expect.any(Secret),
      tokenType: 'Bearer',
      expiresAt: 100,
      scope: undefined,
      audience: undefined,
    };
    expect(entries).toMatchObject({
      token: { as: 'token', token },
      same: { as: 'token', token },
      type: { as: 'plain', value: 'Bearer' },
      code: { as: 'one-time-code', code: expect.any(Secret), validFor: 17, validUntil: 22_000 },
      seconds: { as: 'plain', value: 17 },
      number: { as: 'plain', value: 5 },
      text: { as: 'plain', value: 'n is 5' },
      input: { as: 'plain', value: 'op://V/i/f' },
      reference: { as: 'reference' },
      json: { as: 'plain', value: [1] },
      secret: { as: 'secret', value: expect.any(Secret) },
    });
    expect(entries).not.toHaveProperty('absent');
  });

  it('follows what changes with time where somebody looks on, unless another step needs it', async () => {
    const alone = await start(
      'steps: [{ id: code, uses: test/code }]\noutput: { code: "${{ steps.code }}", left: "${{ steps.code.valid-for }}" }\n',
    );
    const looked = await alone.looked();
    if (looked.kind !== 'mapping') throw new Error('no mapping');
    const [[, shown] = [], [, left] = []] = looked.entries;
    if (shown?.as !== 'one-time-code' || left?.as !== 'plain') throw new Error('no code');
    expect([shown.code.reveal(), shown.validUntil, left.value]).toEqual(['5000', 8000, 3]);
    const later = await shown.at?.(9000);
    if (later?.as !== 'one-time-code') throw new Error('no code');
    expect([later.code.reveal(), later.validUntil, later.at === undefined]).toEqual(['9000', 12_000, false]);
    expect(alone.world.log).toEqual(['following']);
    const needed = await start(
      'steps: [{ id: code, uses: test/code }, { id: use, uses: test/read, with: { name: "${{ steps.code.valid-for }}" } }]\n' +
        'output: { code: "${{ steps.code }}" }\n',
    );
    await needed.looked();
    expect(needed.world.log).not.toContain('following');
  });

  it('caches by what is put in, and tells text from a reference that looks the same', async () => {
    const flow = (client: string) =>
      `inputs: { c: { default: "op://V/i/f" } }\nsteps:\n  - { id: t, uses: test/token, with: { client: "${client}", issuer: "\${{ issuers.main }}" } }\n`;
    const { run, cache, events, world } = await start(flow('op://V/i/f'));
    await run();
    await run();
    expect(world.log.filter((line) => line.startsWith('minting'))).toEqual(['minting for a reference']);
    expect(events.flatMap((event) => (event.type === 'step-finished' ? [event.outcome] : []))).toEqual([
      'done',
      'cached',
    ]);
    const other = await start(flow('${{ inputs.c }}'));
    await other.run();
    expect([...other.cache.keys()]).not.toEqual([...cache.keys()]);
    expect([...cache.keys()]).toEqual([
      '["development","test/token",{"client":{"reference":"op://V/i/f"},"issuer":{"connection":"issuers.main"}}]',
    ]);
  });

  it('does not run in another environment than those it names', async () => {
    const { services } = await start('steps:\n  - { id: c, uses: test/code }\n');
    const folder = await load(
      {
        'x.yaml': 'description: d\nenvironments: [production]\nsteps:\n  - { id: c, uses: test/code }\n',
        'service.yaml': 'environments: { production: {} }',
      },
      { kinds: kindsOver(createWorld()) },
    );
    const flow = folder.flows.get('x');
    if (flow === undefined) throw new Error('not loaded');
    await expect(runFlow(flow, {}, services)).rejects.toMatchObject({ code: 'refused' });
    await expect(planFlow(flow, {}, services)).rejects.toMatchObject({ code: 'refused' });
  });

  it('runs no step with a key left out whose value is not known, as where nobody looked at the inputs', async () => {
    const inputs = 'inputs: { who: { default: ada } }\n';
    const { flow, services, world } = await start(
      `${inputs}steps:\n  - { id: a, uses: test/read, with: { name: x, wait: "\${{ inputs.who }}" } }\n`,
    );
    await expect(runFlow(flow, {}, services)).rejects.toMatchObject({
      code: 'invalid-value',
      message: '"wait" is not known',
      place: { flow: 'x', step: 'a' },
    });
    expect(world.log).toEqual([]);
    await runFlow(flow, parseInputs(flow, {}), services);
    expect(world.log).toEqual(['reading x', 'read x']);
  });

  it('refuses a value that is wrong only when it is known', async () => {
    const { run } = await start(
      'inputs: { n: string }\nsteps:\n  - { id: t, uses: test/token, with: { client: "${{ inputs.n }}" } }\n',
    );
    await expect(run({ n: '' })).rejects.toMatchObject({ code: 'usage', place: { step: 't' } });
  });
});

describe('a plan', () => {
  it('probes, and leaves what depends on a write to the run', async () => {
    const { plan, world } = await start(writing);
    const planned = await plan();
    expect(
      planned.steps.map(({ step, changes }) => [
        step,
        typeof changes === 'string' ? changes : changes.map(({ action }) => action),
      ]),
    ).toEqual([
      ['before', []],
      ['first', ['create']],
      ['middle', 'known after run'],
      ['second', ['create']],
      ['after', []],
    ]);
    expect(planned).toMatchObject({ wouldChange: true, conflicts: false, flow: 'x', environment: 'development' });
    expect(world.log).toEqual(['reading source', 'read source', 'probing a', 'probing b']);
    expect(world.values.size).toBe(0);
  });

  it('says that nothing would change when nothing would', async () => {
    const { plan } = await start(writing, createWorld({ a: 'new', b: 'new' }));
    expect(await plan()).toMatchObject({ wouldChange: false, conflicts: false });
  });

  it('has a hash that every part of a yes changes', async () => {
    const { plan, world } = await start(writing);
    const { hash } = await plan();
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect((await plan()).hash).toBe(hash);
    expect((await plan({ value: 'other' })).hash).not.toBe(hash);
    world.values.set('a', 'old');
    expect((await plan()).hash).not.toBe(hash);
    const changed = await start(`${writing}# a comment\n`);
    expect((await changed.plan()).hash).not.toBe(hash);
  });

  it('is bound to the connections that there are, not to the kinds that a version knows', async () => {
    const { flow, services } = await start(writing);
    const bound = (connections: Record<string, unknown>) => {
      const environment = {
        ...services.environment,
        connections: { ...services.environment.connections, ...connections },
      };
      return bindingFor(flow, { value: 'new' }, { ...services, environment });
    };
    const before = bound({ apis: new Map() });
    expect(bound({ 'of-a-later-version': new Map() })).toBe(before);
    expect(bound({ apis: new Map([['orders', { type: 'http' }]]) })).not.toBe(before);
  });
});

describe('a run that writes', () => {
  it('tells the resolved input of a write before it acts, in file order', async () => {
    const { run, world, events } = await start(writing);
    const output = await run();
    expect(output).toMatchObject({
      kind: 'mapping',
      entries: [
        ['at', { as: 'reference' }],
        ['b', { value: 'new' }],
        ['hidden', { as: 'secret' }],
      ],
    });
    const order = world.log.filter((line) => /^(told (first|second)|writing|reading)/.test(line));
    expect(order).toEqual([
      'reading source',
      'told first',
      'writing a',
      'reading a',
      'told second',
      'writing b',
      'reading b',
    ]);
    expect(events.find((event) => event.type === 'step-started' && event.step === 'second')).toMatchObject({
      inputs: { name: 'b', value: 'new' },
    });
    expect(JSON.stringify(events)).not.toMatch(/secret of|\[secret\]/);
  });

  it('does nothing the second time', async () => {
    const { run, world, events } = await start(writing);
    await run();
    world.log.length = 0;
    events.length = 0;
    await run();
    expect(world.log.filter((line) => line.startsWith('writing'))).toEqual([]);
    expect(
      events.flatMap((event) => (event.type === 'step-finished' && event.effect === 'write' ? [event.outcome] : [])),
    ).toEqual(['unchanged', 'unchanged']);
  });

  it('probes once where nothing was written since, and again after a write', async () => {
    const { run, world } = await start(writing);
    await run();
    expect(world.log.filter((line) => line.startsWith('probing'))).toEqual(['probing a', 'probing b', 'probing b']);
  });

  it('writes nothing at all where any step would be a conflict', async () => {
    const { run, world } = await start(writing);
    world.probes.set('b', 'conflict');
    await expect(run()).rejects.toMatchObject({ code: 'conflict', place: { flow: 'x', step: 'second' } });
    expect(world.values.size).toBe(0);
  });

  it('stops where a probe is not what was agreed to', async () => {
    const { plan, run, world } = await start(writing);
    const agreed = await plan();
    world.values.set('a', 'someone else was here');
    await expect(run({}, agreed)).rejects.toMatchObject({ code: 'aborted', place: { step: 'first' } });
    expect(world.values.get('a')).toBe('someone else was here');
  });

  it('stops for nothing that only its own plan says, but for what would be a conflict', async () => {
    const { flow, services, world } = await start(writing);
    const meanwhile = (action?: 'none' | 'conflict') => ({
      onEvent({ step, type }: { step: string; type: string }) {
        if (step !== 'first' || type !== 'step-finished') return;
        world.values.set('b', 'another run was here');
        if (action !== undefined) world.probes.set('b', action);
      },
    });
    await runFlow(flow, { value: 'new' }, services, meanwhile());
    expect(world.values.get('b')).toBe('new');
    world.values.clear();
    await expect(runFlow(flow, { value: 'new' }, services, meanwhile('conflict'))).rejects.toMatchObject({
      code: 'conflict',
      place: { step: 'second' },
    });
    expect(world.values.get('b')).toBe('another run was here');
  });

  it('tells its own plan before it writes, and writes nothing where that is not taken', async () => {
    const { flow, services, plan, world } = await start(writing);
    const expected = await plan();
    const told: unknown[] = [];
    const refuse = async (own: unknown) => {
      told.push(own);
      await Promise.resolve();
      throw new FlowError('unavailable', 'the trail is full');
    };
    await expect(runFlow(flow, { value: 'new' }, services, { onPlan: refuse })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect([told, world.values.size]).toEqual([[expected], 0]);
    await runFlow(flow, { value: 'new' }, services, { plan: expected, onPlan: refuse });
    expect([told.length, world.values.size]).toEqual([1, 2]);
  });

  it.each([['other inputs', { value: 'other' }]])('stops where the plan was for %s', async (_name, inputs) => {
    const { plan, run, world } = await start(writing);
    const agreed = await plan();
    await expect(run(inputs, agreed)).rejects.toMatchObject({ code: 'aborted' });
    expect(world.values.size).toBe(0);
  });

  it('stops where the plan was changed by hand', async () => {
    const { plan, run, world } = await start(writing);
    const agreed = await plan();
    const forged = { ...agreed, steps: agreed.steps.map((step) => ({ ...step, changes: 'known after run' as const })) };
    await expect(run({}, forged)).rejects.toMatchObject({ code: 'aborted' });
    expect(world.values.size).toBe(0);
  });

  it('runs with the plan that was agreed to', async () => {
    const { plan, run, world } = await start(writing);
    await run({}, await plan());
    expect([...world.values]).toEqual([
      ['a', 'new'],
      ['b', 'new'],
    ]);
  });

  it('does not act where its event is not taken', async () => {
    const { flow, services, world } = await start(writing);
    const onEvent = async ({ type, step }: { type: string; step: string }) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (type === 'step-started' && step === 'first') throw new FlowError('unavailable', 'the journal is full');
    };
    await expect(runFlow(flow, { value: 'new' }, services, { onEvent })).rejects.toMatchObject({ code: 'unavailable' });
    expect(world.values.size).toBe(0);
  });

  it('stops before the next step once it is told to', async () => {
    const { flow, services, world, abort } = await start(writing);
    const onEvent = ({ step, type }: { step: string; type: string }) => {
      if (step === 'first' && type === 'step-finished') abort.abort();
    };
    await expect(runFlow(flow, { value: 'new' }, services, { onEvent })).rejects.toMatchObject({
      code: 'aborted',
      place: { step: 'middle' },
    });
    expect([...world.values]).toEqual([['a', 'new']]);
  });

  it('completes after it was killed between any two steps', async () => {
    const boundaries = ['before', 'first', 'middle', 'second', 'after'];
    for (const boundary of boundaries) {
      for (const type of ['step-started', 'step-finished']) {
        const { flow, services, world, run } = await start(writing);
        const killed = runFlow(flow, { value: 'new' }, services, {
          onEvent: (event) => {
            if (event.step === boundary && event.type === type) throw new Error('killed');
          },
        });
        await expect(killed).rejects.toMatchObject({ code: 'internal' });
        await run();
        expect([...world.values]).toEqual([
          ['a', 'new'],
          ['b', 'new'],
        ]);
      }
    }
  });
});
