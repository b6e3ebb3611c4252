import { expect, test } from 'vitest';
import { followed } from '../../../src/surfaces/mcp/flow-calls.ts';
import { createOutlet } from '../../../src/surfaces/mcp/outlet.ts';
import { paths } from '../../../src/foundation/wire.ts';

/** A run that never ends, and whose looks are over at once. */
function endless(stop: AbortController, abortAt: number) {
  const looks: string[] = [];
  const told: string[] = [];
  const call = {
    door: {
      async ask({ path, signal }: { readonly path: string; readonly signal: AbortSignal }) {
        if (path === paths.flows)
          return { flows: [{ name: 'seed', description: '', effect: 'write', inputs: { properties: {} } }] };
        looks.push(path);
        if (looks.length === abortAt) stop.abort();
        signal.throwIfAborted();
        return { id: 'r-1', flow: 'seed', state: 'running', step: 'push' };
      },
    },
    outlet: createOutlet(),
    signal: stop.signal,
    patience: 0,
  };
  const progress = async (message: string) => void told.push(message);
  return { looks, told, call, progress };
}

const waitsOf = (looks: readonly string[]) => looks.map((path) => Number(path.split('wait=')[1]));

test('a run is looked at once, or where somebody wants to know ever less often, for as long together', async () => {
  const { looks, told, call, progress } = endless(new AbortController(), 0);
  await followed('r-1', 45, call);
  expect(waitsOf(looks)).toEqual([45]);
  await followed('r-1', 45, { ...call, progress });
  expect(waitsOf(looks.slice(1))).toEqual([1, 2, 5, 12, 25]);
  expect(told).toEqual(Array.from({ length: 4 }, () => 'run r-1: running, step push'));
  await followed('r-1', 6, { ...call, progress });
  expect(waitsOf(looks.slice(6))).toEqual([1, 2, 3]);
});

test('a call that is taken back looks at nothing any more, and tells nothing', async () => {
  const stop = new AbortController();
  const { looks, told, call, progress } = endless(stop, 2);
  await expect(followed('r-1', 45, { ...call, progress })).rejects.toThrow(/aborted/);
  expect({ looks: looks.length, told: told.length }).toEqual({ looks: 2, told: 1 });
});
