import { expect, test } from 'vitest';
import { BrokerRefusal } from '../../src/broker/refusal.ts';
import { createRunHooks, type RunHooksOptions } from '../../src/broker/runs/run-hooks.ts';
import type { Run, RunControl } from '../../src/durable/runs/contract.ts';

const run = { id: 'r-1', flow: 'push', agent: 'codex', by: 'token', request: 'q', inputs: {} } as Run;
const control: RunControl = {
  signal: new AbortController().signal,
  waiting: (work) => work(new AbortController().signal),
  waitsFor: () => Promise.resolve(),
};
const wanted = { demands: [{ demand: {}, asked: ['push'] }], now: () => undefined };
const permission = { flowWanted: () => wanted } as unknown as RunHooksOptions['permission'];

function agreed(code: 'restarting' | 'approval-denied') {
  const approvals = {
    admit: () => Promise.reject(new BrokerRefusal(code)),
    redeem: () => Promise.resolve(),
    sweep: () => Promise.resolve(),
    cancel: () => Promise.reject(new Error('nothing is taken back')),
    ledger: () => Promise.reject(new Error('nothing is looked up')),
  };
  const hooks = createRunHooks({
    drilled: () => Promise.resolve(undefined),
    permission,
    audited: { record: () => Promise.resolve() },
    approvals,
  });
  return Promise.race([
    Promise.resolve(hooks.agreed(run, undefined, control)),
    new Promise((resolve) => void setTimeout(resolve, 20, 'it still waits')),
  ]);
}

test('a run that waits for people is not ended by a restart, and is by a no', async () => {
  expect(await agreed('restarting')).toBe('it still waits');
  await expect(agreed('approval-denied')).rejects.toMatchObject({ code: 'approval-denied' });
});

test('a run that was a drill has its evidence on the trail before its end', async () => {
  const recorded: { action: string; outcome: string; request: string }[] = [];
  const hooks = createRunHooks({
    drilled: () => Promise.resolve({ action: 'drill.finished', what: ['drill', 'ann'], outcome: 'failed' }),
    permission,
    audited: { record: async (event) => void recorded.push(event) },
    approvals: undefined,
  });
  await hooks.over({ ...run, state: 'succeeded' }, () => Promise.reject(new Error('nobody asks')));
  expect(recorded.map(({ action, outcome }) => [action, outcome])).toEqual([
    ['drill.finished', 'failed'],
    ['run.finished', 'allowed'],
  ]);
});
