import { afterEach, describe, expect, it } from 'vitest';
import { startStack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { memoryVault, pusher, ref } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const a = ref('op://Vault/A/field');
const thousand = Array.from({ length: 1_000 }, (_, index) => ({ name: `app/${index}`, value: a }));

/** A store whose places in time come at once for the first few writes, and then never. */
async function start(places: number) {
  const sleep = () => ((places -= 1) >= 0 ? Promise.resolve() : new Promise<void>(() => undefined));
  const stack = await startStack({ writesPerSecond: 45, sleep, now: () => 0 });
  closing.push(() => stack.close());
  return { ...stack, ...pusher(stack.store, memoryVault({ [a.toString()]: 'canary-A' })) };
}

describe('a push of a thousand ends', () => {
  it('at once when it is stopped, whatever still waits for its place', async () => {
    const { run, aws } = await start(50);
    const stop = new AbortController();
    aws.faults.watch((operation) => {
      if (operation === 'CreateSecret' && aws.dump().length >= 40) stop.abort();
    });
    const error = await run(thousand, [], false, stop.signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'aborted',
      message: expect.stringMatching(/^\d+ pushed, \d+ not: .*not tried/),
    });
    expect(aws.dump().length).toBeLessThan(60);
  });

  it('at once when it gives up', async () => {
    const { run, aws } = await start(40);
    aws.faults.deny('CreateSecret');
    await expect(run(thousand)).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/^0 pushed, 1000 not: .*not tried/),
    });
  });
});
