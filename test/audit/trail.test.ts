import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorInFile, type Checkpoint, checkpointsIn } from '../../src/audit/checkpoint-sink.ts';
import { noMac } from '../../src/audit/line-format.ts';
import { segmentsOf } from '../../src/audit/segments.ts';
import { openTrail } from '../../src/audit/trail.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { event, folder, key, linesOf, opened, written } from './arrange.ts';

describe('a line', () => {
  test('has the fields of the contract in one order, and nothing else that an event may carry', async () => {
    const { trail, file } = await opened();
    const known = { jti: ['j-1'], agentRun: 'proven', run: 'claimed', approval: 'a-1', detail: 'why' };
    const more = { ...event, ...known, reason: 'say "hé"\n\u001b[31m\ud800', value: 'never written' };
    await trail.record(more);
    const [line = ''] = linesOf(file);
    expect(Object.keys(JSON.parse(line) as object)).toEqual(
      [
        'seq',
        'key',
        'previous',
        'at',
        'agent',
        'action',
        'what',
        'outcome',
        'source',
        'rule',
        'approval',
        'jti',
      ].concat(['detail', 'request', 'agentRun', 'run', 'reason', 'address', 'mac']),
    );
    expect(JSON.parse(line)).toMatchObject({ seq: 1, previous: noMac, at: '2026-11-22T08:00:00.000Z', agent: 'codex' });
    expect(line).toContain(String.raw`"reason":"say \"hé\"\n\u001b[31m\ud800"`);
    expect(readFileSync(file, 'utf8')).not.toContain('never written');
    await trail.close();
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 1, found: 0 });
  });

  test('longer than any event should be is refused, and the trail goes on', async () => {
    const { trail, file } = await opened();
    const name = 'x'.repeat(500_000);
    await expect(trail.record({ ...event, what: [name] })).rejects.toMatchObject({ code: 'internal' });
    await trail.record(event);
    expect(linesOf(file)).toHaveLength(1);
  });

  test('is on disk when record says so, each in its order', async () => {
    const { trail, file } = await opened();
    for (let index = 1; index <= 20; index += 1) {
      await trail.record({ ...event, request: String(index) });
      expect(linesOf(file)).toHaveLength(index);
    }
    await Promise.all(Array.from({ length: 5000 }, () => trail.record(event)));
    expect(linesOf(file)).toHaveLength(5020);
    await trail.close();
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 5020, first: 1, last: 5020, found: 0 });
  });

  test('groups larger than one write are one chain', async () => {
    const { trail, file } = await opened();
    const what = ['y'.repeat(100_000)];
    await Promise.all(Array.from({ length: 40 }, () => trail.record({ ...event, what })));
    await trail.close();
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 40, found: 0 });
  });
});

describe('the file', () => {
  test('is its owner’s alone, in a folder that is too', async () => {
    const { trail, file } = await opened();
    await trail.record(event);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(`${file}.lock`).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(dirname(file)).mode & 0o777).toString(8)).toBe('700');
  });

  test('that others could read is theirs no more', async () => {
    const { file } = await written(1);
    chmodSync(file, 0o666);
    await opened({ file });
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  test('has one writer; the next may write when the first has let go', async () => {
    const { trail, file } = await opened();
    const options = { file, key: () => Promise.resolve(key), anchor: undefined };
    await expect(openTrail(options)).rejects.toMatchObject({ code: 'refused', place: { subject: file } });
    let slept = 0;
    const sleep = async (milliseconds: number) => {
      slept += milliseconds;
      if (slept >= 200) await trail.close();
    };
    const second = await openTrail({ ...options, patience: 1000, sleep });
    await second.record(event);
    await second.close();
    expect(slept).toBeGreaterThanOrEqual(200);
    expect(linesOf(file)).toHaveLength(1);
  });

  const wrong: readonly [string, string, (path: string) => void][] = [
    ['is a folder', 'refused', (path) => mkdirSync(path)],
    ['is no trail', 'refused', (path) => writeFileSync(path, 'a list of things\nto do\n')],
    ['lies in a file', 'unavailable', (path) => writeFileSync(dirname(path), '')],
  ];
  test.each(wrong)('that %s is refused, and let go', async (_, code, make) => {
    const file = join(folder(), 'a', 'audit.jsonl');
    if (!_.includes('lies')) mkdirSync(dirname(file));
    make(file);
    const options = { file, key: () => Promise.resolve(key), anchor: undefined };
    await expect(openTrail(options)).rejects.toMatchObject({ code });
    // the same again: the lock was not kept
    await expect(openTrail(options)).rejects.toMatchObject({ code });
  });

  test('goes on where it ended, whoever closed it', async () => {
    const { file } = await written(3);
    await written(2, { file });
    expect(linesOf(file).map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([1, 2, 3, 4, 5]);
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 5, found: 0 });
  });

  test('that ends in something foreign goes on after it, and the verifier shows it', async () => {
    const { file } = await written(3);
    appendFileSync(file, 'something else\n');
    await written(2, { file });
    expect((await verifyTrail([file], [key])).problems).toMatchObject([{ kind: 'malformed', location: `${file}:4` }]);
  });
});

describe('rotation', () => {
  test('keeps one chain over its files', async () => {
    const { file, checkpoints } = await written(50, { maxBytes: 2000 });
    const files = segmentsOf(file);
    expect(files.length).toBeGreaterThan(5);
    expect(files.map((each) => basename(each))).toEqual([
      ...files.slice(1).map((_, index) => `audit.jsonl.${index + 1}`),
      'audit.jsonl',
    ]);
    expect(await verifyTrail(files, [key], checkpoints)).toMatchObject({ lines: 50, first: 1, last: 50, found: 0 });
    expect(checkpoints.filter(({ checkpoint }) => checkpoint === 'rotation')).toHaveLength(files.length - 1);
    // each file says what it follows
    const firsts = files.flatMap((each) => linesOf(each).slice(0, 1));
    expect(firsts.filter((line) => !line.includes('"previous":"'))).toEqual([]);
  });

  test('goes on after a start in an empty file, and with files that are archived away', async () => {
    const { file, checkpoints } = await written(5, { maxBytes: 1 });
    const [first = '', ...rest] = segmentsOf(file);
    expect(statSync(file).size).toBe(0);
    unlinkSync(file);
    await written(3, { file });
    expect(await verifyTrail(segmentsOf(file), [key])).toMatchObject({ found: 0 });
    unlinkSync(first);
    // the rotation's checkpoint tells what stood before
    expect(await verifyTrail(rest, [key], checkpoints)).toMatchObject({ found: 0 });
    expect((await verifyTrail(rest, [key])).problems).toMatchObject([{ kind: 'missing' }]);
  });
});

describe('checkpoints', () => {
  test('at start, a minute after something was written, and at the end', async () => {
    const { trail, file, checkpoints, clock } = await opened();
    expect(checkpoints).toMatchObject([{ checkpoint: 'start', seq: 0, mac: noMac, file: 'audit.jsonl' }]);
    clock.pass(600_000);
    expect(checkpoints).toHaveLength(1);
    await trail.record(event);
    await trail.record(event);
    clock.pass(59_999);
    expect(checkpoints).toHaveLength(1);
    clock.pass(1);
    const second: unknown = JSON.parse(linesOf(file)[1] ?? '');
    expect(checkpoints[1]).toMatchObject({ checkpoint: 'time', seq: 2, mac: (second as { mac: string }).mac });
    clock.pass(600_000);
    expect(checkpoints).toHaveLength(2);
    await trail.close();
    expect(checkpoints.map(({ checkpoint }) => checkpoint)).toEqual(['start', 'time', 'stop']);
  });

  test('in a file, and found again in a journal', async () => {
    const anchor = join(folder(), 'elsewhere', 'anchor');
    const { file } = await written(3, { anchor: anchorInFile(anchor) });
    expect((statSync(anchor).mode & 0o777).toString(8)).toBe('600');
    const lines = readFileSync(anchor, 'utf8').replace(/^/gm, 'Nov 22 08:00:00 host flows[7]: ');
    const found = checkpointsIn(`{"checkpoint":\n{"checkpoint":1,"file":"audit.jsonl","seq":-1}\n${lines}`, file);
    expect(found.checkpoints.map(({ seq }) => seq)).toEqual([0, 3]);
    expect(found.unreadable).toBe(2);
    expect(checkpointsIn(lines, '/x/other.jsonl')).toEqual({ checkpoints: [], unreadable: 0 });
    expect(await verifyTrail([file], [key], found.checkpoints)).toMatchObject({ found: 0, checkpoints: 1 });
  });

  const point: Checkpoint = {
    checkpoint: 'time',
    at: '2026-11-22T08:00:00.000Z',
    file: 'audit.jsonl',
    seq: 7,
    mac: 'a'.repeat(64),
  };
  const text = JSON.stringify(point);
  const wrapped: readonly (readonly [string, string])[] = [
    ['behind words', `Nov 22 host flows[7]: ${text}`],
    ['with words and a colour behind it', `${text} more \u001b[0m`],
    ['as a text in JSON', JSON.stringify({ log: `${text}\n`, stream: 'stderr' })],
    ['as a text in JSON behind words', `Nov 22 host: ${JSON.stringify({ MESSAGE: `flows: ${text} end` })}`],
    ['as an object in JSON', JSON.stringify({ time: 'x', message: { fields: point } })],
    [
      'with its fields in another order',
      JSON.stringify({ seq: 7, mac: point.mac, file: point.file, at: 'x', checkpoint: 'time' }),
    ],
    ['with more fields', JSON.stringify({ ...point, host: 'a', '@timestamp': 'b' })],
    ['escaped once, without JSON around it', text.replaceAll('"', String.raw`\"`)],
    ['escaped twice', JSON.stringify({ log: JSON.stringify({ message: text }) })],
    ['escaped twice, without JSON around it', text.replaceAll('"', String.raw`\\\"`)],
    [
      'as the list of its bytes, which a journal makes of a colour',
      JSON.stringify({ MESSAGE: [...Buffer.from(text)] }),
    ],
    ['in a cell of a table', `7,"${text.replaceAll('"', '""')}",x`],
    ['in HTML', text.replaceAll('"', '&quot;')],
    ['in UTF-16', Buffer.from(text, 'utf16le').toString('utf8')],
    ['indented by spaces', JSON.stringify(point, undefined, 1).replaceAll('\n', ' ')],
  ];
  test.each(wrapped)('that a collector has wrapped is found: %s', (_, line) => {
    const found = checkpointsIn(`other\n${line}\r\nother`, '/var/audit.jsonl');
    expect(found).toMatchObject({ checkpoints: [{ seq: 7, mac: point.mac }], unreadable: 0 });
  });

  test('all of those in a line are found', () => {
    const both = [point, { ...point, seq: 9 }];
    for (const line of [JSON.stringify(both), both.map((each) => JSON.stringify(each)).join(' ')])
      expect(checkpointsIn(line, 'audit.jsonl').checkpoints.map(({ seq }) => seq)).toEqual([7, 9]);
  });

  test.each([
    text.replaceAll('"', "'"),
    `checkpoint=time seq=7 mac=${point.mac}`,
    text.slice(0, 60),
    text.replace('"seq":7', '"seq":"7"'),
    text.replace('aaaa', 'AAAA'),
  ])('that cannot be read is counted: %s', (line) => {
    expect(checkpointsIn(line, 'audit.jsonl')).toEqual({ checkpoints: [], unreadable: 1 });
  });

  test('a million of them are compared', async () => {
    const { file, checkpoints } = await written(1);
    const many = Array.from({ length: 1_000_000 }, (_, seq) => ({ ...point, seq: seq + 2 }));
    expect(await verifyTrail([file], [key], [...checkpoints, ...many])).toMatchObject({
      found: 1,
      problems: [{ kind: 'cut', message: expect.stringContaining('2–1000001') }],
    });
  });

  test('that cannot be written: no start; later a warning, and the trail goes on', async () => {
    let full = true;
    const anchor = () => {
      if (full) throw new Error('ENOSPC');
    };
    const file = join(folder(), 'audit.jsonl');
    await expect(opened({ file, anchor })).rejects.toMatchObject({ code: 'unavailable' });
    full = false;
    const { trail, warnings, clock } = await opened({ file, anchor });
    full = true;
    await trail.record(event);
    clock.pass(60_000);
    expect(warnings).toEqual([expect.stringContaining('audit.anchor')]);
    await trail.record(event);
    expect(trail.healthy()).toBe(true);
  });
});

describe('what a power cut leaves', () => {
  const torn: readonly [string, (line: string) => string][] = [
    ['half a line', (line) => line.slice(0, 100)],
    ['a line without its break', (line) => line],
    ['room that was never written', () => '\0'.repeat(5000)],
    ['zeros, then the end of a write', (line) => `${'\0'.repeat(100)}${line}\n`],
    ['a line, then zeros', (line) => `${line.slice(0, 50)}${'\0'.repeat(100)}\n`],
  ];
  test.each(torn)('%s is moved aside, and told from tampering', async (_, tail) => {
    const { file } = await written(4);
    const left = tail(linesOf(file)[3] ?? '');
    writeFileSync(file, `${linesOf(file).slice(0, 3).join('\n')}\n${left}`);
    const { trail, warnings, checkpoints } = await opened({ file });
    await trail.record(event);
    await trail.close();
    expect(readFileSync(`${file}.torn-4`, 'utf8')).toBe(left);
    expect(JSON.parse(linesOf(file)[3] ?? '')).toMatchObject({
      action: 'audit.torn',
      detail: `${left.length} bytes in audit.jsonl.torn-4`,
    });
    expect(warnings).toHaveLength(1);
    expect(await verifyTrail([file], [key], checkpoints)).toMatchObject({ lines: 5, found: 0, torn: undefined });
  });

  test('the verifier names it, before it is moved', async () => {
    const { file } = await written(4);
    writeFileSync(file, readFileSync(file).subarray(0, -20));
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 3, found: 0, torn: `${file}:4` });
  });

  test('of a first line leaves a trail from the beginning', async () => {
    const { file } = await written(1);
    writeFileSync(file, readFileSync(file).subarray(0, 50));
    await written(1, { file });
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 2, first: 1, found: 0 });
    expect(readdirSync(dirname(file)).filter((name) => name.includes('torn'))).toEqual(['audit.jsonl.torn-1']);
  });
});

test('after close nothing is taken', async () => {
  const { trail } = await opened();
  const last = trail.record(event);
  await Promise.all([trail.close(), trail.close()]);
  await last;
  expect(trail.healthy()).toBe(false);
  await expect(trail.record(event)).rejects.toMatchObject({ code: 'unavailable' });
});
