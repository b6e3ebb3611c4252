import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Checkpoint } from '../../src/audit/checkpoint-sink.ts';
import type { AuditEvent, AuditTrail } from '../../src/audit/contract.ts';
import { deriveKey } from '../../src/foundation/key-derivation.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { openTrail, type TrailOptions } from '../../src/audit/trail.ts';

/** Root of the keys, and the trail's. */
export const root = new Secret(randomBytes(24).toString('base64url'));
export const key = deriveKey(root, 'audit');

export const event: AuditEvent = {
  agent: 'codex',
  action: 'token.issue',
  what: ['orders-token'],
  outcome: 'allowed',
  source: 'cache',
  rule: 'policy.yaml:7:13 flows orders-token',
  request: '01JD8Q2W3E4R5T6Y7U8I9O0P1A',
  address: '127.0.0.1',
};

const leftovers: (() => unknown)[] = [];
afterAll(async () => {
  for (const clean of leftovers.toReversed()) await clean();
});

/** A folder of the test's own. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'audit-'));
  leftovers.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Work that is due only when the test says so. */
export function createClock() {
  let now = Date.parse('2026-11-22T08:00:00Z');
  const due = new Set<{ readonly at: number; readonly work: () => void }>();
  return {
    now: () => now,
    schedule(work: () => void, milliseconds: number) {
      const entry = { at: now + milliseconds, work };
      due.add(entry);
      return () => void due.delete(entry);
    },
    pass(milliseconds: number) {
      now += milliseconds;
      for (const entry of due) {
        if (entry.at > now) continue;
        due.delete(entry);
        entry.work();
      }
    },
  };
}

export interface Opened {
  readonly trail: AuditTrail;
  readonly file: string;
  readonly checkpoints: Checkpoint[];
  readonly warnings: string[];
  readonly clock: ReturnType<typeof createClock>;
}

/** A trail that is let go with the test. */
export async function opened(options: Partial<TrailOptions> = {}): Promise<Opened> {
  const checkpoints: Checkpoint[] = [];
  const warnings: string[] = [];
  const clock = createClock();
  const file = options.file ?? join(folder(), 'trail', 'audit.jsonl');
  const trail = await openTrail({
    file,
    key: () => Promise.resolve(key),
    anchor: (checkpoint) => checkpoints.push(checkpoint),
    warn: (message) => warnings.push(message),
    now: clock.now,
    schedule: clock.schedule,
    ...options,
  });
  leftovers.push(() => trail.close());
  return { trail, file, checkpoints, warnings, clock };
}

/** A closed trail of some events. */
export async function written(count: number, options: Partial<TrailOptions> = {}): Promise<Opened> {
  const found = await opened(options);
  for (let index = 0; index < count; index += 1) {
    await found.trail.record({ ...event, request: `request-${index + 1}` });
  }
  await found.trail.close();
  return found;
}

export function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}
