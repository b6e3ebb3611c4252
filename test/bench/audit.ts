import { createHmac, randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGroups, type Position } from '../../src/audit/line-batches.ts';
import { createChain } from '../../src/audit/hmac-chain.ts';
import type { AuditEvent } from '../../src/audit/contract.ts';
import { openAppendFile } from '../../src/audit/append-file.ts';
import { middleOf, noMac } from '../../src/audit/line-format.ts';
import { openTrail } from '../../src/audit/trail.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { inTurn, row, type Row } from './row.ts';

const event: AuditEvent = {
  agent: 'codex',
  action: 'token.issue',
  what: ['orders-token'],
  outcome: 'allowed',
  source: 'cache',
  rule: 'policy.yaml:7:13 flows orders-token',
  request: '01JD8Q2W3E4R5T6Y7U8I9O0P1A',
  run: 'run-42',
  address: '127.0.0.1',
};
const at = '2026-11-22T08:00:00.000Z';
const group = 16;
const callers = 32;
const none = { key: false, previous: false };

/** The audit trail: what a line costs, how many a second are on disk, and how long a long one takes to verify. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-bench-'));
  try {
    return [...(await line(short)), ...(await durable(folder, short)), ...(await verified(folder, short))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Time of one line, apart from the write, against JSON and an ordinary HMAC of the same event. */
async function line(short: boolean): Promise<Row[]> {
  const key = new Uint8Array(randomBytes(32));
  const encode = createGroups(createChain(key));
  const count = short ? 20_000 : 100_000;
  let position: Position = { seq: 0, mac: noMac };
  const ours = () => {
    ({ position } = encode(
      Array.from({ length: group }, () => middleOf(at, event)),
      0,
      position,
      none,
    ));
  };
  const plain = () => {
    for (let each = 0; each < group; each += 1) createHmac('sha256', key).update(JSON.stringify(event)).digest('hex');
  };
  const times = await inTurn(short ? 3 : 7, { ours: timed(count, ours), plain: timed(count, plain) });
  return [
    row({
      name: 'a line of the audit trail, written and chained, against JSON and createHmac of its event',
      value: times.of('ours'),
      unit: 'µs',
      against: times.of('plain'),
      ratio: times.ratio('ours', 'plain'),
      goal: { atMost: 1 },
    }),
  ];
}

function timed(count: number, work: () => void): () => number {
  return () => {
    const started = performance.now();
    for (let done = 0; done < count; done += group) work();
    return ((performance.now() - started) * 1000) / count;
  };
}

/** Time of one event on disk with 32 callers, against bare writes of as many bytes to a file opened the same way. */
async function durable(folder: string, short: boolean): Promise<Row[]> {
  const count = short ? 5_000 : 50_000;
  const trail = await openTrail({ file: join(folder, 'durable.jsonl'), key: undefined, anchor: undefined });
  const bare = openAppendFile(join(folder, 'bare'), 0);
  const bytes = Buffer.alloc(group * 400, 'x');
  const append = () =>
    new Promise<void>((resolve, reject) => {
      bare.write(bytes);
      bare.flush((error) => (error === null ? resolve() : reject(error)));
    });
  try {
    const times = await inTurn(3, {
      ours: async () => {
        const started = performance.now();
        const caller = async () => {
          for (let done = 0; done < count; done += callers) await trail.record(event);
        };
        await Promise.all(Array.from({ length: callers }, caller));
        return ((performance.now() - started) * 1000) / count;
      },
      bare: async () => {
        const started = performance.now();
        for (let done = 0; done < count; done += group) await append();
        return ((performance.now() - started) * 1000) / count;
      },
    });
    return [
      row({
        name: `an event on disk, ${callers} callers, against bare synced writes of ${group} lines`,
        value: times.of('ours'),
        unit: 'µs',
        against: times.of('bare'),
        ratio: times.ratio('ours', 'bare'),
      }),
    ];
  } finally {
    await trail.close();
    bare.close();
  }
}

/** A million lines, in a file that was not flushed line by line. */
async function verified(folder: string, short: boolean): Promise<Row[]> {
  const lines = short ? 100_000 : 1_000_000;
  const key = new Uint8Array(randomBytes(32));
  const encode = createGroups(createChain(key));
  const file = join(folder, 'long.jsonl');
  const middles = Array.from({ length: 1000 }, () => middleOf(at, event));
  let position: Position = { seq: 0, mac: noMac };
  for (let done = 0; done < lines; done += 1000) {
    const encoded = encode(middles, 0, position, { key: done === 0, previous: done === 0 });
    ({ position } = encoded);
    appendFileSync(file, encoded.bytes);
  }
  const started = performance.now();
  const found = await verifyTrail([file], [key]);
  const seconds = (performance.now() - started) / 1000;
  return [
    row({ name: `${lines} lines verified: seconds`, value: seconds, unit: 's' }),
    row({ name: `${lines} lines verified: lines a second`, value: Math.round(lines / seconds), unit: 'lines/s' }),
    row({
      name: `${lines} lines verified: problems`,
      value: found.found + lines - found.lines,
      unit: 'problems',
      goal: { exactly: 0 },
    }),
  ];
}
