import { describe, expect, it } from 'vitest';
import { runFlow } from '../../src/engine/run-flow.ts';
import type { Services } from '../../src/engine/services.ts';
import { createWorld, kindsOver, servicesFor } from './engine.ts';
import { createHeld, heldFlow, withHeld } from './held-values.ts';
import { load, told } from '../folder/folder.ts';

async function start() {
  const held = createHeld();
  const kinds = withHeld(kindsOver(createWorld()), held);
  const folder = await load({ 'x.yaml': heldFlow }, { kinds });
  expect(told(folder)).toEqual([]);
  const flow = folder.flows.get('x');
  const environment = folder.settings.environments.get('development');
  if (flow === undefined || environment === undefined) throw new Error('not loaded');
  const { services, events } = servicesFor(environment);
  const warnings: string[] = [];
  const context: Services['context'] = (...who) => ({
    ...services.context(...who),
    warn: (message) => void warnings.push(message),
  });
  const run = () =>
    runFlow(flow, {}, { ...services, context }, { onEvent: (event) => void events.push(event) }).then(
      () => 'done',
      (error: unknown) => String(error),
    );
  return { held, events, warnings, run };
}

describe('a step that fails', () => {
  it('lets those before it take back what they hold back, the last first, and those after it do nothing', async () => {
    const { held, events, run } = await start();
    held.pending.add('c');
    held.refusal = 'denied';
    expect(await run()).toContain('it says no');
    expect(held.log).toEqual(['hold a', 'hold b', 'prove a', 'withdraw b', 'withdraw a']);
    expect([...held.pending]).toEqual(['c']);
    const last = events.slice(-2);
    expect(last.map(({ type, step }) => [type, step])).toEqual([
      ['step-taken-back', 'second'],
      ['step-taken-back', 'first'],
    ]);
    held.refusal = undefined;
    expect(await run()).toBe('done');
  });

  it('leaves what is held back to the next run where it may succeed then, or nobody said no', async () => {
    for (const code of ['unavailable', 'timeout', 'rate-limited', 'aborted', 'internal', 'outcome-unknown'] as const) {
      const { held, run } = await start();
      held.refusal = code;
      await run();
      expect([code, ...held.pending]).toEqual([code, 'a', 'b']);
      held.refusal = undefined;
      expect([code, await run(), held.log.filter((line) => line === 'hold a').length]).toEqual([code, 'done', 1]);
    }
  });

  it('is told as it was where what is held back cannot be taken back', async () => {
    const { held, events, warnings, run } = await start();
    held.refusal = 'protocol';
    held.stuck = true;
    expect(await run()).toContain('it says no');
    expect(warnings).toEqual(
      ['second', 'first'].map((id) => expect.stringMatching(new RegExp(`^step "${id}" did not take back .*answer`))),
    );
    expect(events.at(-1)).toMatchObject({ type: 'step-failed', step: 'proof' });
  });
});
