import { expect, it } from 'vitest';
import { sleepUntilAborted } from '../../src/foundation/sleep.ts';

it('a sleeper wakes up with the signal, and sleeps no more', async () => {
  const stop = new AbortController();
  const sleep = sleepUntilAborted(stop.signal);
  const sleeping = sleep(2 ** 30);
  stop.abort();
  await expect(sleeping).resolves.toBeUndefined();
  await expect(sleep(2 ** 30)).resolves.toBeUndefined();
});
