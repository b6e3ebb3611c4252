import { once } from 'node:events';
import { createReadStream, openSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createMasking } from '../../../../src/foundation/masking/masking.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { copyMasked } from '../../../../src/surfaces/cli/exec/masked-output.ts';

const masking = createMasking([{ name: 'KEY', value: new Secret('$ecret-value') }]);

/** Time that passes when the test says so. */
function turns() {
  let call = () => undefined as void;
  return {
    every: (_: number, given: () => void) => {
      call = given;
      return () => undefined;
    },
    quiet() {
      call();
      call();
    },
  };
}

test('what little begins a value is shown when nothing comes for a while, and no more of it', async () => {
  const [from, to, time] = [new PassThrough(), new PassThrough(), turns()];
  const copied = copyMasked(from, to, masking, time.every);
  const seen = () => String(to.read() ?? '');
  from.write('sh$');
  await setImmediate();
  expect(seen()).toBe('sh');
  time.quiet();
  expect(seen()).toBe('$');
  from.end('ecret-value and $ecret');
  await copied;
  expect(seen()).toBe('[KEY] and $ecret');
});

test('who writes waits for who reads', async () => {
  const [from, time] = [new PassThrough({ highWaterMark: 1_000 }), turns()];
  const taken: (() => void)[] = [];
  const to = new Writable({ highWaterMark: 10, write: (_, __, done) => void taken.push(done) });
  const copied = copyMasked(from, to, masking, time.every);
  expect(from.write('x'.repeat(20))).toBe(true);
  await setImmediate();
  expect(from.isPaused()).toBe(true);
  const drained = once(to, 'drain');
  for (const done of taken.splice(0)) done();
  await drained;
  expect(from.isPaused()).toBe(false);
  from.end();
  await copied;
});

test('where nobody reads any more the source is closed', async () => {
  const [from, to, time] = [new PassThrough(), new PassThrough(), turns()];
  const copied = copyMasked(from, to, masking, time.every);
  to.destroy(new Error('EPIPE'));
  await copied;
  expect(from.destroyed).toBe(true);
});

test('a file ends, which nobody closes where it is stdin', async () => {
  const [to, time] = [new PassThrough(), turns()];
  // as process.stdin is where it is a file
  const from = createReadStream('', { fd: openSync(import.meta.filename, 'r'), autoClose: false });
  await copyMasked(from, to, masking, time.every);
  expect(String(to.read())).toContain('a file ends');
});
