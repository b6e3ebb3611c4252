import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { newestLines, rememberNewest } from '../../src/audit/newest-lines.ts';
import { readTrail } from '../../src/audit/read-trail.ts';
import { watchTrail } from '../../src/audit/watched-trail.ts';

const start = Date.UTC(2026, 10, 29);

function line(seq: number, change: Readonly<Record<string, unknown>> = {}): string {
  const at = new Date(start + seq * 1_000).toISOString();
  const event = { seq, at, agent: 'codex', action: 'token.issue', what: ['orders'], outcome: 'allowed', request: 'r' };
  return `${JSON.stringify({ ...event, ...change })}\n`;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'newest-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const seqs = (lines: readonly { readonly seq: number }[]) => lines.map(({ seq }) => seq);

test('the newest events come first, over all segments, and what is not whole is none', async () => {
  const file = join(folder(), 'audit.jsonl');
  writeFileSync(`${file}.1`, line(1) + line(2));
  writeFileSync(`${file}.2`, `${line(3)}nonsense\n`);
  writeFileSync(file, line(4) + line(5, { agent: 'other' }) + line(6).trimEnd());
  expect(seqs((await newestLines([file], {}, 10)).lines)).toEqual([5, 4, 3, 2, 1]);
  expect(await newestLines([file], { agent: 'codex' }, 2)).toMatchObject({ complete: false });
  expect(seqs((await newestLines([file], { agent: 'codex' }, 2)).lines)).toEqual([4, 3]);
  const since = await newestLines([file], { since: start + 3_000 }, 10);
  expect([seqs(since.lines), since.complete]).toEqual([[5, 4, 3], true]);
});

test('what was written before the clock was set back is not too old', async () => {
  const file = join(folder(), 'audit.jsonl');
  const at = (seconds: number) => ({ at: new Date(start + seconds * 1_000).toISOString() });
  writeFileSync(`${file}.1`, line(1, at(1)) + line(2, at(9)));
  writeFileSync(file, line(3, at(2)) + line(4, at(8)));
  const found = await newestLines([file], { since: start + 5_000 }, 10);
  expect([seqs(found.lines), found.complete]).toEqual([[2, 4], true]);
});

test('trails stand in the order of time, and one that is not there is none', async () => {
  const dir = folder();
  const [one, other] = [join(dir, 'a.jsonl'), join(dir, 'b.jsonl')];
  writeFileSync(one, line(1) + line(3));
  writeFileSync(other, line(2) + line(4));
  const trails = [one, join(dir, 'none.jsonl'), other];
  expect(seqs((await newestLines(trails, {}, 3)).lines)).toEqual([4, 3, 2]);
  expect((await newestLines(trails, {}, 3)).complete).toBe(false);
  expect((await newestLines(trails, {}, 4)).complete).toBe(true);
});

test('a budget ends the search, and says so', async () => {
  const file = join(folder(), 'audit.jsonl');
  writeFileSync(file, Array.from({ length: 4_000 }, (_, seq) => line(seq, { detail: 'x'.repeat(500) })).join(''));
  expect(await newestLines([file], { agent: 'nobody' }, 1, 300_000)).toEqual({ lines: [], complete: false });
  expect(await newestLines([file], { agent: 'nobody' }, 1)).toEqual({ lines: [], complete: true });
});

test('read from the end or from the start, it is the same trail', async () => {
  const file = join(folder(), 'audit.jsonl');
  const detail = fc.string({ maxLength: 90_000, unit: 'grapheme' });
  await fc.assert(
    fc.asyncProperty(fc.array(detail, { maxLength: 12 }), async (details) => {
      writeFileSync(file, details.map((text, seq) => line(seq, { detail: text })).join(''));
      const forwards = [];
      for await (const each of readTrail([file])) forwards.push(each);
      const { lines, complete } = await newestLines([file], {}, 100);
      expect(lines.toReversed()).toEqual(forwards);
      expect(complete).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('who asks again is told the same as who reads all of it, whatever was written, became full or began anew', async () => {
  const file = join(folder(), 'audit.jsonl');
  const find = rememberNewest();
  let [seq, full, written] = [0, 0, 0];
  const lines = fc.record({ lines: fc.array(fc.constantFrom('codex', 'other'), { maxLength: 5 }), long: fc.boolean() });
  const change = fc.oneof(lines, fc.constantFrom('full', 'anew'));
  const looks = ['codex', 'other'].map((agent, index) => ({ filter: { agent }, most: 3 - index }));
  writeFileSync(file, '');
  await fc.assert(
    // several changes before each look: what began anew may be as long already
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 6 }), async (rounds) => {
      for (const changes of rounds) {
        for (const each of changes) {
          if (each === 'full') {
            renameSync(file, `${file}.${(full += 1)}`);
            writeFileSync(file, '');
          } else if (each === 'anew') {
            for (; full > 0; full -= 1) rmSync(`${file}.${full}`);
            writeFileSync(file, '');
            seq = 0;
          } else {
            const detail = 'x'.repeat(each.long ? 90_000 : 1);
            // no two lines of two trails have the same MAC
            for (const agent of each.lines)
              appendFileSync(file, line((seq += 1), { agent, detail, mac: `m${(written += 1)}` }));
          }
        }
        const found = await find([file], looks);
        const all = looks.map(({ filter, most }) => newestLines([file], filter, most, Infinity));
        expect(found).toEqual((await Promise.all(all)).map((each) => each.lines));
      }
    }),
    { numRuns: 40 },
  );
});

test('a trail that began anew, and is longer already, is read anew', async () => {
  const file = join(folder(), 'audit.jsonl');
  const find = rememberNewest();
  const looks = [{ filter: { action: 'drill.finished' }, most: 5 }];
  writeFileSync(file, line(1, { action: 'drill.finished', mac: 'a' }) + line(2, { mac: 'b' }));
  expect((await find([file], looks)).map(seqs)).toEqual([[1]]);
  writeFileSync(file, line(1, { mac: 'c' }) + line(2, { mac: 'd' }) + line(3, { mac: 'e' }));
  expect((await find([file], looks)).map(seqs)).toEqual([[]]);
});

test('who watches a trail is told what is on it, and of nothing that is not', async () => {
  const event = { agent: 'codex', action: 'start', what: [], outcome: 'allowed', request: 'r' } as const;
  let broken = false;
  const trail = watchTrail({
    record: () => (broken ? Promise.reject(new Error('disk full')) : Promise.resolve()),
    healthy: () => !broken,
    close: () => Promise.resolve(),
  });
  const heard: string[] = [];
  const stop = trail.watch(({ action }) => heard.push(action));
  await trail.record(event);
  broken = true;
  await expect(trail.record(event)).rejects.toThrow('disk full');
  broken = false;
  stop();
  await trail.record(event);
  expect(heard).toEqual(['start']);
});
