import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLocks, type LockOptions } from '../../src/foundation/locks.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const locks = (patience?: number, waiting?: LockOptions['waiting']) =>
  createLocks({
    folder,
    sleep: (milliseconds) => sleep(milliseconds),
    waiting,
    ...(patience === undefined ? {} : { patience }),
  });

test('one at a time for one name, side by side for others', async () => {
  const locked = locks();
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await sleep(1);
    inside--;
  };
  await Promise.all(Array.from({ length: 10 }, () => locked('a', work)));
  expect(most).toBe(1);
  await locked('a', () => locked('b', work));
});

test('work that fails frees the lock and passes its error on', async () => {
  const locked = locks();
  await expect(locked('a', () => Promise.reject(new TypeError('mine')))).rejects.toThrow(TypeError);
  expect(await locked('a', () => Promise.resolve(1))).toBe(1);
});

test('another process waits, and a killed holder lets go', async () => {
  // its work never ends and nothing refers to it: the collector that it calls must not end the lock
  const script = `
    import { createLocks } from ${JSON.stringify(new URL('../../src/foundation/locks.ts', import.meta.url).href)};
    const locked = createLocks({ folder: ${JSON.stringify(folder)}, sleep: (ms) => new Promise((r) => setTimeout(r, ms)) });
    setInterval(gc, 10);
    await locked('shared', () => new Promise(() => setTimeout(() => process.stdout.write('held'), 50)));`;
  const words = ['--no-warnings', '--expose-gc', '--input-type=module', '-e', script];
  const holder = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(holder.stdout, 'data');
    const told: string[] = [];
    const waits = (why: string) => {
      told.push(why);
      return () => void told.push('over');
    };
    await expect(locks(100, waits)('shared', () => Promise.resolve())).rejects.toMatchObject({ code: 'timeout' });
    expect(told).toEqual(['another run holds "shared"', 'over']);
    const waiting = locks()('shared', () => Promise.resolve('mine'));
    holder.kill('SIGKILL');
    expect(await waiting).toBe('mine');
  } finally {
    holder.kill('SIGKILL');
  }
});

test('the patience for another process is that of a clock that nobody sets', async () => {
  const done = Promise.withResolvers<void>();
  const theirs = locks()('patience', () => done.promise);
  let passed = 0;
  const sleep = async (milliseconds: number) => void (passed += milliseconds);
  const locked = createLocks({ folder, sleep, monotonic: () => passed, patience: 200 });
  await expect(locked('patience', () => Promise.resolve())).rejects.toMatchObject({ code: 'timeout' });
  expect(passed).toBe(200);
  done.resolve();
  await theirs;
});

test('a wait ends with the signal, behind this process or another, and no work begins', async () => {
  const stop = new AbortController();
  const done = Promise.withResolvers<string>();
  // as another process does it: with a connection of its own
  const theirs = locks()('busy', () => done.promise);
  const began: string[] = [];
  const locked = createLocks({
    folder,
    // it would wait for ever
    sleep: () => {
      setImmediate(() => stop.abort());
      return new Promise(() => undefined);
    },
    signal: stop.signal,
  });
  const waiting = ['first', 'second'].map((name) => locked('busy', async () => void began.push(name)));
  for (const outcome of await Promise.allSettled(waiting))
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'aborted' } });
  done.resolve('theirs');
  expect(await theirs).toBe('theirs');
  expect(began).toEqual([]);
});

test('work that has begun is left to end by itself', async () => {
  const stop = new AbortController();
  const locked = createLocks({ folder, sleep: () => Promise.resolve(), signal: stop.signal });
  const work = locked('mine', async () => {
    stop.abort();
    await new Promise((resolve) => setImmediate(resolve));
    return 'done';
  });
  expect(await work).toBe('done');
});

test('a lock file that cannot be used is told at once, not waited for as if another run held it', async () => {
  const own = mkdtempSync(join(folder, 'own-'));
  const waited: number[] = [];
  const options = {
    folder: own,
    sleep: async (time: number) => void waited.push(time),
    patience: 50,
  };
  await createLocks(options)('a', () => Promise.resolve());
  for (const file of readdirSync(join(own, 'locks'))) writeFileSync(join(own, 'locks', file), 'spoiled '.repeat(1_000));
  await expect(createLocks(options)('a', () => Promise.resolve())).rejects.toMatchObject({ code: 'unavailable' });
  rmSync(join(own, 'locks'), { recursive: true });
  writeFileSync(join(own, 'locks'), '');
  await expect(createLocks(options)('a', () => Promise.resolve())).rejects.toMatchObject({ code: 'unavailable' });
  expect(waited).toEqual([]);
});
