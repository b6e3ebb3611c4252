import { expect, test } from 'vitest';
import { BrokerRefusal } from '../../../src/broker/refusal.ts';
import { approving, inRun } from './stand.ts';

/** Numbers that look random, and are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % below;
  };
}

test('six helpers with helpers of their own ask for one approval in 100 calls, and nothing is let through', async () => {
  const rules = [
    { names: ['github.*'], by: ['ann'], scope: 'run' },
    { flows: ['read-one'], by: ['ann'], scope: 'run' },
  ];
  const { broker, ledger, answer, trail } = await approving(...rules);
  const pick = numbers(7);
  const calls = 300;
  let [given, refused] = [0, 0];
  for (let call = 0; call < calls; call += 1) {
    const [helper, below] = [pick(6), pick(4)];
    const caller = inRun(below === 0 ? `helper-${helper}` : `helper-${helper}-${below}`, 'the task');
    const name = ['github.token', 'github.write_token', 'openai.api_key', 'orders-token', 'read-one'][pick(5)] ?? '';
    const ask = () =>
      name === 'orders-token'
        ? broker.token(caller, name, {})
        : name === 'read-one'
          ? broker.run(caller, name, {})
          : broker.secrets(caller, [name]);
    try {
      await ask();
      given += 1;
    } catch (error) {
      if (!(error instanceof BrokerRefusal) || error.approval === undefined) throw error;
      refused += 1;
      await answer(error.approval.id, 'ann');
      await ask();
      given += 1;
    }
  }
  const prompts = trail.events.filter(({ action }) => action === 'approval.opened').length;
  expect([given, refused, prompts]).toEqual([calls, prompts, 2]);
  expect(prompts / (calls / 100)).toBeLessThanOrEqual(1);

  const approved = new Set((await ledger.list({ states: ['approved'] })).map(({ id }) => id));
  const gated = trail.events.filter(
    ({ action, outcome, what }) =>
      ['secrets.resolve', 'flow.run'].includes(action) &&
      outcome === 'allowed' &&
      /^github|read-one/.test(what[0] ?? ''),
  );
  expect(gated.length).toBeGreaterThan(100);
  expect(gated.filter(({ approval }) => !approved.has(approval ?? ''))).toEqual([]);
});
