import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Notice } from '../../../src/adapters/channels/contract.ts';
import { enqueue } from '../../../src/durable/outbox/enqueue.ts';
import { createOutbox, type OutboxOptions } from '../../../src/durable/outbox/outbox.ts';
import { outboxSchema } from '../../../src/durable/outbox/schema.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { at, facts } from '../../contracts/channel-facts.ts';
import { startReceiver } from '../../adapters/channels/receiver.ts';
import { emptiedDatabase, freshDatabaseFolder } from '../database/fresh-database.ts';

const hour = 3_600_000;
const waiting = { ...facts, expires: undefined };

/** Time that passes when it is told to. */
function createClock() {
  let passed = 0;
  let timers: { readonly due: number; readonly call: () => void }[] = [];
  return {
    now: () => at + passed,
    monotonic: () => passed,
    after(milliseconds: number, call: () => void) {
      const timer = { due: passed + Math.max(0, milliseconds), call };
      timers.push(timer);
      return () => void (timers = timers.filter((each) => each !== timer));
    },
    pass(milliseconds: number) {
      passed += milliseconds;
      const due = timers.filter((each) => each.due <= passed);
      timers = timers.filter((each) => each.due > passed);
      for (const { call } of due) call();
    },
  };
}

async function arrange() {
  const database = await emptiedDatabase(outboxSchema);
  const clock = createClock();
  const told: string[] = [];
  const options = {
    database,
    clock,
    send: (channel: string, notice: Notice) => Promise.resolve(void told.push(`${channel} ${notice.id}`)),
    failed: ({ channel, error }) => void told.push(`failed ${channel} ${error.code}`),
    gaveUp: ({ channel, error, tries }) =>
      Promise.resolve(void told.push(`gave up ${channel} ${error.code} after ${tries}`)),
  } satisfies OutboxOptions;
  const open = async (changes: Partial<OutboxOptions> = {}) => {
    const outbox = await createOutbox({ ...options, ...changes });
    onTestFinished(outbox.close);
    return outbox;
  };
  const put = (channels: readonly string[], changes: Partial<typeof facts> = {}) =>
    database.transaction((tx) => enqueue(tx, { channels, facts: { ...waiting, ...changes }, at: clock.now() }));
  const left = async () => (await database.query('select id from flows_outbox')).length;
  return { database, clock, told, open, put, left };
}

describe('the outbox', () => {
  test('tells what was committed, once by each channel, and nothing that was rolled back', async () => {
    const { database, told, open, put, left, clock } = await arrange();
    const outbox = await open();
    await put(['ops', 'phone', 'ops']);
    const failing = database.transaction(async (tx) => {
      await enqueue(tx, { channels: ['never'], facts: waiting, at: clock.now() });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await expect.poll(left).toBe(0);
    await outbox.idle();
    expect(new Set(told.map((line) => line.split(' ')[0]))).toEqual(new Set(['ops', 'phone']));
    expect(told).toHaveLength(2);
    expect(new Set(told.map((line) => line.split(' ')[1])).size).toBe(1);
  });

  test('tells at its start what was left before', async () => {
    const { told, open, put } = await arrange();
    await put(['ops']);
    expect(told).toEqual([]);
    await (await open()).idle();
    expect(told).toHaveLength(1);
  });

  test('tries again later and later, as late as the service asks, and gives up after a day, which it tells', async () => {
    const { clock, told, open, put, left } = await arrange();
    await put(['ops']);
    let retryAfter: number | undefined = 60;
    const outbox = await open({ send: () => Promise.reject(new FlowError('unavailable', 'down', { retryAfter })) });
    await outbox.idle();
    expect(told).toEqual(['failed ops unavailable']);
    const pauses: number[] = [];
    for (let passed = 0; passed < 30 * hour && (await left()) > 0;) {
      const [before, start] = [told.length, passed];
      while (told.length === before && passed - start < 2 * hour) {
        clock.pass(1_000);
        passed += 1_000;
        await outbox.idle();
      }
      pauses.push(Math.round((passed - start) / 1_000));
      retryAfter = undefined;
      if (pauses.length === 12) {
        clock.pass(23 * hour);
        passed += 23 * hour;
        await outbox.idle();
      }
    }
    expect(pauses.slice(0, 10)).toEqual([60, 60, 20, 40, 80, 160, 320, 640, 1280, 1800]);
    expect(told.at(-1)).toMatch(/^gave up ops unavailable after \d+$/);
    expect(await left()).toBe(0);
  });

  test('does not tell what is over, and tells that it did not', async () => {
    const { clock, told, open, put, left } = await arrange();
    await put(['ops'], { expires: clock.now() + 1_000 });
    clock.pass(1_000);
    await (await open()).idle();
    expect(told).toEqual(['gave up ops timeout after 1']);
    expect(await left()).toBe(0);
  });

  test('keeps what the trail did not take', async () => {
    const { clock, open, put, left } = await arrange();
    await put(['ops'], { expires: clock.now() });
    const outbox = await open({ gaveUp: () => Promise.reject(new Error('the disk is full')) });
    await outbox.idle();
    expect(await left()).toBe(1);
  });

  test('a channel that does not answer holds up no other', async () => {
    const { told, open, put } = await arrange();
    const stuck = Promise.withResolvers<void>();
    const outbox = await open({
      send: (channel) => (channel === 'slow' ? stuck.promise : Promise.resolve(void told.push(channel))),
    });
    for (let count = 0; count < 5; count += 1) await put(['slow']);
    for (let count = 0; count < 20; count += 1) await put(['ops']);
    await expect.poll(() => told.length).toBe(20);
    stuck.resolve();
    await outbox.idle();
  });

  test('of three that deliver from one database each tells its own, and together they tell all, once', async () => {
    const { told, open, put, left } = await arrange();
    const each = await Promise.all([open(), open(), open()]);
    await Promise.all(Array.from({ length: 60 }, () => put(['ops'])));
    await expect.poll(left).toBe(0);
    for (const outbox of each) await outbox.idle();
    expect(told).toHaveLength(60);
    expect(new Set(told).size).toBe(60);
  });

  test('what one has taken and not told is told by another when its time is over', async () => {
    const { clock, told, open, put } = await arrange();
    await put(['ops']);
    const taken = Promise.withResolvers<void>();
    const first = await open({
      send() {
        taken.resolve();
        return new Promise(() => undefined);
      },
    });
    await taken.promise;
    await first.close();
    const other = await open();
    await other.idle();
    expect(told).toEqual([]);
    clock.pass(30_000);
    await other.idle();
    expect(told).toHaveLength(1);
  });
});

describe('a process that is killed', () => {
  const script = fileURLToPath(new URL('delivering.ts', import.meta.url));
  const secret = `whsec_${randomBytes(32).toString('base64')}`;

  function start(folder: string, url: string, what: string, shift = 0) {
    const child = spawn(process.execPath, ['--no-warnings', script, folder, url, secret, what, String(shift)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    return { child, lines };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  test('between the commit and the delivery has told nobody yet: the next one tells it', async () => {
    const folder = await freshDatabaseFolder();
    const receiver = await startReceiver();
    onTestFinished(receiver.close);
    const first = start(folder, receiver.url, 'enqueue');
    await expect.poll(() => first.lines).toEqual(['committed']);
    await kill(first.child);
    expect(receiver.received).toEqual([]);
    const second = start(folder, receiver.url, 'deliver');
    await expect.poll(() => second.lines).toEqual(['left 0']);
    const [post, ...more] = receiver.posts();
    expect(more).toEqual([]);
    const headers = Object.fromEntries(
      Object.entries(post?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    expect(new Webhook(secret).verify(post?.body ?? '', headers)).toMatchObject({ type: 'approval.opened' });
  });

  test('while a receiver has the post and has not answered tells it again, under the same id', async () => {
    const folder = await freshDatabaseFolder();
    let answers = false;
    const receiver = await startReceiver(() => (answers ? { status: 204 } : undefined));
    onTestFinished(receiver.close);
    const first = start(folder, receiver.url, 'enqueue deliver');
    await expect.poll(() => receiver.posts().length).toBe(1);
    await kill(first.child);
    answers = true;
    // a minute later, by its clock
    const second = start(folder, receiver.url, 'deliver', 60_000);
    await expect.poll(() => second.lines).toEqual(['left 0']);
    const [one, other] = receiver.posts();
    expect(receiver.posts()).toHaveLength(2);
    expect(other?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
    expect(other?.body).toBe(one?.body);
  });
});
