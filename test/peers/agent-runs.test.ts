import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { agentRunSchema } from '../../src/broker/agent-runs/schema.ts';
import type { Caller } from '../../src/broker/contract.ts';
import { openDatabase } from '../../src/durable/database/open-database.ts';
import { createValueGuard } from '../../src/durable/database/value-guard.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codex } from '../broker/arrange.ts';
import { arrangeRuns } from '../broker/agent-runs/arrange-runs.ts';
import { startPostgresql } from './postgresql.ts';

const guard = createValueGuard();
const server = await startPostgresql();
afterAll(async () => {
  guard.close();
  await server.close();
});

const operator: Caller = { agent: 'local:ann', by: 'operator', request: 'r', address: '127.0.0.1' };

/** Two brokers with connections of their own, whose clocks go as this machine's does. */
async function twoBrokers() {
  const address = server.fresh();
  const open = async () => {
    const database = await openDatabase({ address: new Secret(address), folder: '', schema: agentRunSchema, guard });
    onTestFinished(() => database.close());
    return arrangeRuns({}, database);
  };
  const brokers = [await open(), await open()] as const;
  let before = performance.now();
  const going = setInterval(() => {
    const passed = Math.floor(performance.now() - before);
    for (const { clock } of brokers) clock.pass(passed / 1_000);
    before += passed;
  }, 5);
  onTestFinished(() => clearInterval(going));
  return brokers;
}

describe('agent runs of two brokers on one PostgreSQL', () => {
  test('that one ends have the last answer of the other within a second', async () => {
    const [one, other] = await twoBrokers();
    for (let round = 0; round < 5; round += 1) {
      const run = await one.runs.begin(codex, {});
      const child = await one.below(run);
      const { now } = other.clock;
      let last = 0;
      const asking = (async () => {
        for (;;) {
          const at = now();
          const caller = await other.callerOf(child);
          if (other.broker.cachedSecrets(caller, ['github.token']) === undefined)
            await other.broker.secrets(caller, ['github.token']);
          last = at;
          await new Promise((resolve) => setImmediate(resolve));
        }
      })().catch((error: unknown) => error);
      await expect.poll(() => last).toBeGreaterThan(0);
      expect(await one.runs.finish(codex, run.run, 'cancelled')).toBe(2);
      const ended = now();
      expect(await asking).toMatchObject({ message: 'run-ended' });
      expect(last - ended).toBeLessThan(1_000);
    }
  });

  test('end once, by whichever sweeps them first', async () => {
    const [one, other] = await twoBrokers();
    const begun = await Promise.all(Array.from({ length: 20 }, () => one.runs.begin(codex, { silence: 1 })));
    for (const { clock } of [one, other]) clock.pass(5);
    await Promise.all([one, other, one, other].map(({ runs }) => runs.list(operator, { most: 1 })));
    const told = [...one.trail.events, ...other.trail.events].filter(({ detail }) => detail === 'lost');
    expect(told).toHaveLength(begun.length);
    expect(new Set(told.map(({ agentRun }) => agentRun))).toEqual(new Set(begun.map(({ run }) => run)));
  });

  test('that begin below one that ends elsewhere at that moment get nothing, and end with it', async () => {
    const [one, other] = await twoBrokers();
    for (let round = 0; round < 10; round += 1) {
      const root = await one.runs.begin(codex, {});
      const caller = await other.callerOf(root);
      const middle = await other.runs.begin(caller, {});
      const under = await other.callerOf(middle);
      const ended = Promise.withResolvers<number>();
      const begun = Array.from({ length: 8 }, async () => {
        const grant = await other.runs.begin(under, {});
        await ended.promise;
        return other.callerOf(grant);
      });
      // some may be refused before the end is answered
      const settled = Promise.allSettled(begun);
      ended.resolve(await one.runs.finish(codex, root.run, 'cancelled'));
      expect(await settled).toEqual(
        Array(8).fill({ status: 'rejected', reason: expect.objectContaining({ message: 'run-ended' }) }),
      );
      const tree = await one.runs.tree(operator, root.run);
      expect(tree.filter(({ outcome }) => outcome !== 'cancelled')).toEqual([]);
    }
  });
});
