import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { checkpointsIn } from '../../src/audit/checkpoint-sink.ts';
import { readTrail } from '../../src/audit/read-trail.ts';
import { segmentsOf } from '../../src/audit/segments.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { event, folder, key, linesOf, opened, written } from './arrange.ts';

/** A process that writes until it is killed, in front of what a shell sets up. */
function writer(file: string, setUp = '', how: readonly string[] = []) {
  const hex = Buffer.from(key).toString('hex');
  const words = [process.execPath, '--no-warnings', 'test/audit/writer.ts', file, hex, ...how];
  const command = `${setUp} exec ${words.map((word) => `'${word}'`).join(' ')}`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => said.push(line));
  /** until so many more lines begin with a word; each line counts, however many come at once */
  const hear = async (word: string, count: number) => {
    const heard = Promise.withResolvers<void>();
    const ended = () => heard.reject(new Error('the writer ended'));
    const onLine = (line: string) => {
      if (line.startsWith(word) && --count === 0) heard.resolve();
    };
    lines.on('line', onLine);
    child.on('exit', ended);
    await heard.promise.finally(() => {
      lines.off('line', onLine);
      child.off('exit', ended);
    });
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await Promise.all([once(child, 'exit'), once(lines, 'close')]);
  };
  return { child, said, hear, kill };
}

async function requestsIn(file: string): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { request } of readTrail(segmentsOf(file))) found.add(request);
  return found;
}

const told = (said: readonly string[], word: string) =>
  said.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));

describe.each([
  ['where each waits for the disk', 'every', ''],
  ['where repeats do not', 'first', 'repeat'],
])('killed under load, %s', (_, flush, weight) => {
  test('no event that was confirmed is missing, and the chain holds', async () => {
    const file = join(folder(), 'audit.jsonl');
    let confirmed = 0;
    let journal = '';
    for (const count of [1, 500, 2000]) {
      const { said, hear, kill } = writer(file, '', [flush, weight]);
      await hear('ok', count);
      await kill();
      confirmed += told(said, 'ok').length;
      // a fast disk lets it say more lines than an argument list holds
      journal += `${said.join('\n')}\n`;
      const there = await requestsIn(file);
      expect(told(said, 'ok').filter((request) => !there.has(request))).toEqual([]);
      // the next round begins with whatever this one left
      expect((await verifyTrail(segmentsOf(file), [key])).found).toBe(0);
    }
    await written(1, { file });
    const found = await verifyTrail(segmentsOf(file), [key], checkpointsIn(journal, file).checkpoints);
    expect(found).toMatchObject({ found: 0, torn: undefined });
    expect(found.lines).toBeGreaterThan(confirmed);
  });
});

describe('a full disk', () => {
  const prlimit = existsSync('/usr/bin/prlimit');

  // a limit on the size of files is a disk that is full from outside, without being root
  test.runIf(prlimit).each([
    ['every', ''],
    ['first', 'repeat'],
  ])('refuses while it is full, goes on after, and leaves no broken line: %s %s', async (...how) => {
    const file = join(folder(), 'audit.jsonl');
    const { child, said, hear, kill } = writer(file, 'ulimit -S -f 64;', how);
    await hear('refused', 200);
    expect(statSync(file).size).toBeLessThanOrEqual(64 * 1024);
    // what the writes that failed had put there is gone; one may run just now
    await expect.poll(() => verifyTrail([file], [key])).toMatchObject({ found: 0, torn: undefined });
    execFileSync('prlimit', ['--fsize=unlimited', '--pid', String(child.pid)]);
    await hear('ok', 500);
    await kill();
    const there = await requestsIn(file);
    expect(told(said, 'ok').filter((request) => !there.has(request))).toEqual([]);
    expect(told(said, 'refused').filter((request) => there.has(request))).toEqual([]);
    expect(await verifyTrail([file], [key], checkpointsIn(said.join('\n'), file).checkpoints)).toMatchObject({
      found: 0,
    });
    const recovered = linesOf(file).filter((line) => line.includes('"audit.recovered"'));
    // a line that small may still have found room once
    expect(recovered.length).toBeGreaterThan(0);
    expect(recovered.at(-1)).toMatch(/"detail":"\d+ events were refused"/);
  });
});

describe('a file that may only grow', () => {
  const attribute = (how: '+a' | '-a', file: string) => execFileSync('chattr', [how, file], { stdio: 'ignore' });
  const possible = (() => {
    try {
      const file = join(folder(), 'probe');
      writeFileSync(file, '');
      attribute('+a', file);
      attribute('-a', file);
      return true;
    } catch {
      return false;
    }
  })();

  test.runIf(possible)('is written on where it is full, and renamed when that is possible again', async () => {
    const { trail, file, checkpoints, warnings } = await opened({ maxBytes: 1000 });
    const fill = async (count: number) => {
      for (let done = 0; done < count; done += 1) await trail.record(event);
    };
    await fill(1);
    attribute('+a', file);
    try {
      await fill(10);
    } finally {
      attribute('-a', file);
    }
    expect(segmentsOf(file)).toEqual([file]);
    // no more often than it grows by as much again
    expect(new Set(warnings)).toEqual(
      new Set([expect.stringMatching(/cannot be renamed \(EPERM\): it goes on growing$/)]),
    );
    expect(warnings.length).toBeLessThan(5);
    await fill(10);
    await trail.close();
    expect(segmentsOf(file).length).toBeGreaterThan(1);
    expect(await verifyTrail(segmentsOf(file), [key], checkpoints)).toMatchObject({ lines: 21, found: 0 });
  });
});

describe('a file that is taken away', () => {
  const ways: readonly [string, (file: string) => void, RegExp, RegExp][] = [
    ['deleted', (file) => rmSync(file), /taken away/, /^1 events were refused$/],
    ['moved', (file) => renameSync(file, `${file}.old`), /taken away/, /^1 events were refused$/],
    [
      'another in its place',
      (file) => {
        renameSync(file, `${file}.old`);
        writeFileSync(file, '');
      },
      /taken away/,
      /^1 events were refused$/,
    ],
    ['emptied in place', (file) => truncateSync(file), /cut short/, /the file was cut short behind line 1$/],
    ['cut in a line', (file) => truncateSync(file, 50), /cut short/, /the file was cut short behind line 1$/],
  ];
  test.each(ways)('%s: not one answer is given, and the chain goes on', async (_, take, why, gap) => {
    const { trail, file, checkpoints, warnings, clock } = await opened();
    await trail.record(event);
    take(file);
    for (const weight of [undefined, 'repeat'] as const)
      await expect(trail.record(event, weight)).rejects.toMatchObject({ code: 'unavailable' });
    expect(trail.healthy()).toBe(false);
    expect(warnings).toEqual([expect.stringMatching(why)]);
    clock.pass(1_000);
    await expect.poll(() => trail.healthy()).toBe(true);
    await trail.record(event);
    await trail.close();
    const lines = linesOf(file).map((line) => JSON.parse(line) as { seq: number; action: string; detail?: string });
    // line 1 went with the file, and line 2 says what it follows
    expect(lines.map(({ seq }) => seq)).toEqual(lines[0]?.action === 'audit.torn' ? [2, 3, 4] : [2, 3]);
    expect(lines.find(({ action }) => action === 'audit.recovered')?.detail).toMatch(
      new RegExp(gap.source.replace('^1 ', '^2 ')),
    );
    expect(readFileSync(file, 'utf8')).not.toContain('\0');
    // the chain holds, and that something stood before it is told
    const { found, problems } = await verifyTrail([file], [key], checkpoints);
    expect([found, problems[0]?.message]).toEqual([1, expect.stringMatching(/(?:is|are) not here/)]);
  });

  test('with its folder: nothing is given out until there is one again', async () => {
    const { trail, file, clock } = await opened();
    await trail.record(event);
    rmSync(dirname(file), { recursive: true });
    await expect(trail.record(event)).rejects.toMatchObject({ code: 'unavailable' });
    clock.pass(1_000);
    clock.pass(1_000);
    await expect(trail.record(event)).rejects.toMatchObject({ code: 'unavailable' });
    mkdirSync(dirname(file));
    clock.pass(1_000);
    await expect.poll(() => trail.healthy()).toBe(true);
    await trail.record(event);
    expect(linesOf(file)).toHaveLength(2);
  });
});

describe('what is no trail', () => {
  const places: readonly [string, (file: string) => void][] = [
    ['a pipe', (file) => execFileSync('mkfifo', [file])],
    ['a device', (file) => symlinkSync('/dev/zero', file)],
    ['a folder', (file) => mkdirSync(file)],
  ];
  test.each(places)('%s in its place is refused in words, and nothing waits', async (_, put) => {
    const file = join(folder(), 'audit.jsonl');
    put(file);
    await expect(verifyTrail([file], [key])).rejects.toMatchObject({ code: 'refused' });
    await expect(opened({ file })).rejects.toMatchObject({ code: expect.stringMatching(/refused|unavailable/) });
  });

  test('a number that leaves no next one is no line of it', async () => {
    const { file } = await written(2);
    const [first = '', second = ''] = linesOf(file);
    writeFileSync(file, `${first}\n${second.replace('"seq":2', '"seq":9999999999999999')}\n`);
    expect(await verifyTrail([file], [key])).toMatchObject({ problems: [{ kind: 'malformed' }] });
    await written(1, { file });
    expect(linesOf(file).at(-1)).toMatch(/^\{"seq":2,/);
  });
});

describe('files that another program has renamed', () => {
  /** as logrotate does it: newest first */
  const rotated = async () => {
    const { file } = await written(2);
    renameSync(file, `${file}.2`);
    const next = await opened({ file });
    await next.trail.record(event);
    await next.trail.close();
    renameSync(file, `${file}.1`);
    return file;
  };

  test('are read by the numbers of their lines, with a word, and no number is given twice', async () => {
    const file = await rotated();
    const { checkpoints } = await written(1, { file });
    expect(await verifyTrail(segmentsOf(file), [key], checkpoints)).toMatchObject({
      first: 1,
      last: 4,
      found: 0,
      misnamed: true,
    });
  });

  test('a stretch that is there twice is told once', async () => {
    const { file } = await written(5);
    copyFileSync(file, `${file}.1`);
    expect(await verifyTrail(segmentsOf(file), [key])).toMatchObject({
      problems: [{ kind: 'doubled', message: 'lines 1–5 are here again' }],
    });
  });
});

test('one group fails as a whole, and those that wait with it', async () => {
  const { trail, file, clock } = await opened();
  await trail.record(event);
  rmSync(file);
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => trail.record(event)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['rejected']));
  clock.pass(1_000);
  await expect.poll(() => trail.healthy()).toBe(true);
  expect(linesOf(file)[0]).toContain('"detail":"10 events were refused"');
});
