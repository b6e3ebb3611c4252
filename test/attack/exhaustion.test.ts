import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask, startTarget, type Target } from './stand.ts';

let target: Target;
const sockets: Socket[] = [];

/** as on a system that allows a process few open files */
const few = (most: number) => (command: readonly string[]) => [
  'sh',
  '-c',
  `ulimit -n ${most}; exec "$@"`,
  'sh',
  ...command,
];

beforeAll(async () => {
  target = await startTarget(few(96));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await target?.close();
});

/** Status of a request for a token, once it is the one that is waited for, or after a minute; 0: no answer. */
async function settled(token: string, wanted: number): Promise<number> {
  const until = performance.now() + 60_000;
  for (;;) {
    const status = await ask(target.port, '/v1/tokens/orders-token', { token }).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === wanted || performance.now() > until) return status;
    await sleep(50);
  }
}

test('more connections than files may be open: a right that is taken away meanwhile ends when they are gone', async () => {
  const { codex, owner } = target.tokens;
  expect(await settled(codex, 200)).toBe(200);
  const turnedAway = Promise.withResolvers<void>();
  for (let count = 0; count < 200; count += 1) {
    const socket = connect(target.port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket.once('close', () => turnedAway.resolve()));
  }
  // it has no file left for the first of these
  await turnedAway.promise;
  const policy = readFileSync(join(target.home.work, 'flows/policy.yaml'), 'utf8');
  const less = policy.replace('    flows: [orders-token]\n    deny', '    deny');
  expect(less).not.toBe(policy);
  target.home.write('flows/policy.yaml', less);
  await target.served.shows('those before them stay in force');
  for (const socket of sockets.splice(0)) socket.destroy();
  expect(await settled(codex, 403)).toBe(403);
  expect(await settled(owner, 200)).toBe(200);
  expect((await target.home.flows(['audit', 'verify'])).code).toBe(0);
});

test('a database that cannot be opened for want of files is told of, and ends nothing', async () => {
  const narrow = await startTarget(few(48), "'**', seed-runtime");
  onTestFinished(() => narrow.close());
  await narrow.served.shows('runs wait');
  const { status } = await ask(narrow.port, '/v1/tokens/orders-token', { token: narrow.tokens.codex });
  expect(status).toBe(200);
});
