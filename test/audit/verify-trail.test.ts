import { spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { createChain, keyIdOf } from '../../src/audit/hmac-chain.ts';
import type { Checkpoint } from '../../src/audit/checkpoint-sink.ts';
import { segmentsOf } from '../../src/audit/segments.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { event, folder, key, linesOf, opened, root, written } from './arrange.ts';
import { python } from '../programs.ts';

const other = new Uint8Array(randomBytes(32));

test('a MAC is HMAC-SHA256 as node:crypto has it, whatever the sizes of key and line', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.uint8Array({ maxLength: 9000 }), (key, body) => {
      const previous = 'ab'.repeat(32);
      const expected = createHmac('sha256', key).update(previous).update(body).digest('hex');
      const padded = Buffer.concat([Buffer.from('xx'), body, Buffer.from('yyy')]);
      expect(createChain(key).mac(previous, padded, 2, 2 + body.length)).toBe(expected);
    }),
  );
});

describe('tampering', () => {
  let lines: readonly string[];
  let checkpoints: readonly Checkpoint[];
  let file: string;
  beforeAll(async () => {
    const trail = await written(8);
    lines = linesOf(trail.file);
    ({ checkpoints } = trail);
    file = join(folder(), 'audit.jsonl');
  });
  const line = (number: number) => lines[number - 1] ?? '';
  const without = (...numbers: number[]) => lines.filter((_, index) => !numbers.includes(index + 1));
  const replaced = (number: number, text: string) => lines.with(number - 1, text);

  const table: readonly [string, () => readonly string[], readonly string[]][] = [
    ['nothing', () => lines, []],
    ['a name changed', () => replaced(4, line(4).replace('codex', 'other')), ['4 changed']],
    ['an outcome changed', () => replaced(1, line(1).replace('allowed', 'denied')), ['1 changed']],
    ['a MAC changed', () => replaced(4, line(4).replace(/.(?="\}$)/, 'x')), ['4 changed', '5 changed']],
    [
      'a MAC in capitals',
      () =>
        replaced(
          4,
          line(4).replace(/[0-9a-f]{64}(?="\}$)/, (mac) => mac.toUpperCase()),
        ),
      ['4 changed', '5 changed'],
    ],
    [
      'a number changed',
      () => replaced(4, line(4).replace('"seq":4', '"seq":40')),
      ['4 missing', '4 missing', '5 reordered', '6 reordered', '7 reordered', '8 reordered'],
    ],
    ['a space added', () => replaced(4, `${line(4)} `), ['4 malformed', '5 missing']],
    ['a blank line added', () => lines.toSpliced(3, 0, ''), ['4 malformed']],
    ['another program’s line ends', () => lines.map((each) => `${each}\r`), ['1 malformed', 'cut']],
    ['some lines replaced', () => lines.with(3, 'a').with(4, 'b'), ['4 malformed', '6 missing']],
    ['a line taken out', () => without(4), ['4 missing']],
    ['some lines taken out', () => without(3, 4, 6), ['3 missing', '4 missing']],
    ['the first line taken out', () => without(1), ['1 missing']],
    ['a line doubled', () => lines.toSpliced(4, 0, line(4)), ['5 doubled']],
    ['a line doubled at the end', () => [...lines, line(4)], ['9 doubled']],
    ['two lines swapped', () => lines.with(3, line(5)).with(4, line(4)), ['5 reordered']],
    ['a line moved to the end', () => [...without(3), line(3)], ['8 reordered']],
    [
      'lines in reverse',
      () => lines.toReversed(),
      ['1 missing', '2 doubled', '3 doubled', '4 doubled', '5 doubled', '6 doubled', '7 doubled', '8 doubled'],
    ],
    ['the tail cut', () => lines.slice(0, 6), ['cut']],
    ['all cut', () => [], ['cut']],
    ['a line of another trail', () => replaced(4, line(5).replace('"seq":5', '"seq":4')), ['4 changed', '5 changed']],
    ['the key’s name taken out', () => replaced(1, line(1).replace(/"key":"\w+",/, '')), ['1 changed']],
    ['another key named', () => replaced(1, line(1).replace(/"key":"\w+"/, '"key":"0123456789abcdef"')), ['1 key']],
    ['no key named', () => replaced(1, line(1).replace(/"key":"\w+"/, '"key":"none"')), ['1 key']],
  ];
  test.each(table)('%s', async (_, make, wanted) => {
    const changed = make();
    writeFileSync(file, changed.map((each) => `${each}\n`).join(''));
    const found = await verifyTrail([file], [key], checkpoints);
    const problems = found.problems.map(({ kind, location }) => {
      const number = location.slice(file.length + 1);
      return number === '' ? kind : `${number} ${kind}`;
    });
    expect(problems.toSorted()).toEqual(wanted.toSorted());
    expect(found.found).toBe(wanted.length);
  });

  test('a trail that was written again from an early line, with the key, is found by its checkpoint', async () => {
    const trail = await written(3);
    const early = readFileSync(trail.file);
    await written(2, { file: trail.file, anchor: (checkpoint) => trail.checkpoints.push(checkpoint) });
    writeFileSync(trail.file, early);
    await written(5, { file: trail.file, now: () => 0 });
    expect(await verifyTrail([trail.file], [key])).toMatchObject({ found: 0 });
    const { problems } = await verifyTrail([trail.file], [key], trail.checkpoints);
    expect(problems).toMatchObject([{ kind: 'checkpoint', location: `${trail.file}:5` }]);
  });
});

describe('keys', () => {
  test('another key verifies nothing, and says so', async () => {
    const { file } = await written(3);
    const { problems, found } = await verifyTrail([file], [other]);
    expect(found).toBe(1);
    expect(problems).toMatchObject([{ kind: 'key', message: expect.stringContaining(keyIdOf(key)) }]);
  });

  test('replaced: old, then new; not back again', async () => {
    const { file } = await written(3, { key: () => Promise.resolve(other) });
    await written(3, { file });
    expect(await verifyTrail([file], [key, other])).toMatchObject({ lines: 6, found: 0 });
    expect((await verifyTrail([file], [key])).problems).toMatchObject([{ kind: 'key', location: `${file}:1` }]);
    await written(1, { file, key: () => Promise.resolve(other) });
    expect((await verifyTrail([file], [key, other])).problems).toMatchObject([{ kind: 'key', location: `${file}:7` }]);
  });

  test('none: lines say so, and are not taken where there is a key', async () => {
    const { file } = await written(3, { key: undefined });
    expect(linesOf(file)[0]).toContain('"key":"none"');
    expect(await verifyTrail([file], [])).toMatchObject({ lines: 3, found: 0, keyed: false });
    expect((await verifyTrail([file], [key])).problems).toMatchObject([{ kind: 'key', location: `${file}:1` }]);
    writeFileSync(file, readFileSync(file, 'utf8').replace('request-2', 'request-9'));
    expect((await verifyTrail([file], [])).problems).toMatchObject([{ kind: 'changed', location: `${file}:2` }]);
  });
});

test('lines without an end, of any length, are read in bounded memory', async () => {
  const { file } = await written(2);
  writeFileSync(file, `${readFileSync(file, 'utf8')}${'z'.repeat(5_000_000)}\n${linesOf(file)[1] ?? ''}\n`);
  const { problems } = await verifyTrail([file], [key]);
  expect(problems.map(({ kind }) => kind)).toContain('malformed');
  expect(problems.map(({ kind }) => kind)).toContain('doubled');
});

test('an old file that ends in the middle of a line was cut', async () => {
  const { file } = await written(9, { maxBytes: 1000 });
  const [first = ''] = segmentsOf(file);
  writeFileSync(first, readFileSync(first).subarray(0, -5));
  const { problems, torn } = await verifyTrail(segmentsOf(file), [key]);
  expect(problems.map(({ kind }) => kind).toSorted()).toEqual(['malformed', 'missing']);
  expect(torn).toBe(undefined);
});

/** The independent verifier of infra/README.md. */
test.runIf(python)('twenty lines of Python verify it too', async () => {
  const scripts = [...readFileSync('infra/README.md', 'utf8').matchAll(/```python\n([\s\S]*?)```/g)];
  const script = scripts.find(([, text]) => text?.includes('auth-chain audit v1') === true)?.[1] ?? '';
  expect(script.trim().split('\n').length).toBeLessThanOrEqual(20);
  const { trail, file } = await opened({ maxBytes: 3000 });
  for (let index = 0; index < 30; index += 1) await trail.record({ ...event, reason: 'žluťoučký kůň 🐎' });
  await trail.close();
  const python = () => {
    const { stdout, stderr } = spawnSync('python3', ['-c', script, ...segmentsOf(file)], {
      input: `${root.reveal()}\n`,
      encoding: 'utf8',
    });
    return stdout + stderr;
  };
  expect(python()).toBe('30 lines verified\n');
  const [first = ''] = segmentsOf(file);
  writeFileSync(first, readFileSync(first, 'utf8').replace('codex', 'other'));
  expect(python()).toContain(`${first}:1`);
});
