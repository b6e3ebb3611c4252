import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { breakGlassState, drillEvent, openDuties } from '../../src/audit/break-glass-state.ts';
import { type FindNewest, newestLines, newestOfAll } from '../../src/audit/newest-lines.ts';
import type { BreakGlass, Drill } from '../../src/folder/break-glass-accounts.ts';
import type { Flow } from '../../src/folder/flows/flow.ts';
import { type DrillEvidence, signEvidence } from '../../src/foundation/drill-evidence.ts';
import { ed25519KeyOf } from '../../src/foundation/ed25519.ts';

const key = ed25519KeyOf(new Uint8Array(32).fill(7));
const day = 86_400;
const now = Date.parse('2026-11-30T12:00:00.000Z');
const ago = (days: number) => new Date(now - days * day * 1_000).toISOString();

function glass(usernames: readonly string[], flow: Partial<Flow> = {}): BreakGlass {
  const proves = usernames.map((username) => ({ step: username, username, provider: 'main', item: 'op://a/b' }));
  const drill = { flow: { name: 'glass-drill' } as Flow, proves, notify: [] } satisfies Drill;
  const marked = { name: 'glass', provenWithin: 7 * day, close: undefined, ...flow } as Flow;
  return { flow: marked, drills: usernames.length === 0 ? [] : [drill] };
}

/** A drill so many days ago, in which these accounts failed; null: all stand on what broke. */
function drilled(days: number, usernames: readonly string[], broken: readonly (string | null)[] = []) {
  const found: DrillEvidence = {
    v: 1,
    drill: 'glass-drill',
    environment: 'production',
    id: 'r',
    by: 'schedule',
    schedule: null,
    began: ago(days),
    took: 1,
    held: broken.length === 0,
    broken: broken.map((step) => ({ step, why: `${step ?? 'the clock'} is\u001b[2J broken` })),
    accounts: usernames.map((username) => {
      const proven = broken.includes(username) ? null : ago(days);
      return { username, provider: 'main', address: 'https://x', step: username, proven, password: null, seed: null };
    }),
    steps: [],
    alerts: [],
    skew: null,
  };
  return { at: ago(days), agent: 'schedule', request: 'r', ...drillEvent(found, signEvidence(found, key)) };
}

const used = (days: number, change: object = {}) => ({
  at: ago(days),
  agent: 'local:ann',
  action: 'local.run',
  what: ['glass'],
  outcome: 'allowed',
  request: 'r',
  ...change,
});

async function stateOf(flows: readonly BreakGlass[], events: readonly object[]) {
  const dir = mkdtempSync(join(tmpdir(), 'glass-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'local.jsonl');
  writeFileSync(file, events.map((event, index) => `${JSON.stringify({ seq: index + 1, ...event })}\n`).join(''));
  const { accounts, troubles } = await breakGlassState(flows, [file], now);
  return { accounts, troubles, told: troubles.map(({ code, subject }) => `${subject}: ${code}`) };
}

const both = ['ann', 'bo'];
const closes = { close: { flow: 'close', range: { start: 0, end: 0 } } };

describe('break-glass', () => {
  test.each<readonly [string, readonly BreakGlass[], readonly object[], readonly string[]]>([
    ['of which there is nothing', [], [], []],
    ['that no drill signs in for', [glass([])], [], ['glass: no-drill']],
    ['that was never proven', [glass(both)], [], ['ann: never-proven', 'bo: never-proven']],
    ['that was proven this week', [glass(both)], [drilled(6.9, both)], []],
    ['that was proven a week ago', [glass(both)], [drilled(7.1, both)], ['ann: proof-too-old', 'bo: proof-too-old']],
    ['of a single account', [glass(['ann'])], [drilled(1, both)], ['ann: no-second-account']],
    ['of two flows with one account', [glass(['ann']), glass(['ann'])], [drilled(1, both)], ['ann: no-second-account']],
    [
      'whose last drill one account failed',
      [glass(both)],
      [drilled(2, both), drilled(1, both, ['bo'])],
      ['bo: drill-failed'],
    ],
    [
      'whose last drill failed by what all stand on',
      [glass(both)],
      [drilled(2, both), drilled(1, both, [null])],
      ['ann: drill-failed', 'bo: drill-failed'],
    ],
    ['that failed, and holds again', [glass(both)], [drilled(2, both, [null]), drilled(1, both)], []],
    [
      'whose evidence is none',
      [glass(both)],
      [{ ...drilled(1, both), evidence: { evidence: '{}' } }],
      ['ann: never-proven', 'bo: never-proven'],
    ],
    ['that was used, and owes nothing', [glass(both)], [drilled(1, both), used(0)], []],
    ['that was used', [glass(both, closes)], [drilled(1, both), used(0)], ['glass: not-closed']],
    [
      'that an agent was given',
      [glass(both, closes)],
      [drilled(1, both), used(0, { action: 'flow.run' })],
      ['glass: not-closed'],
    ],
    [
      'that was used before it was often looked at',
      [glass(both, closes)],
      [drilled(1, both), used(1), ...Array.from({ length: 60 }, () => used(0, { action: 'access.checked' }))],
      ['glass: not-closed'],
    ],
    [
      'that was used again after a clock that was ahead was set right',
      [glass(both, closes)],
      [drilled(3, both), used(0.2), used(0, { action: 'break-glass.closed' }), used(0.1)],
      ['glass: not-closed'],
    ],
    ['that was refused', [glass(both, closes)], [drilled(1, both), used(0, { outcome: 'denied' })], []],
    [
      'that was used and closed',
      [glass(both, closes)],
      [drilled(3, both), used(2), used(1, { action: 'break-glass.closed' })],
      [],
    ],
    [
      'that was used again',
      [glass(both, closes)],
      [drilled(3, both), used(2), used(1, { action: 'break-glass.closed' }), used(0)],
      ['glass: not-closed'],
    ],
  ])('%s', async (_, flows, events, told) => {
    expect((await stateOf(flows, events)).told).toEqual(told);
  });

  test('that was used is told however much stands after it', async () => {
    const filler = { at: ago(0), agent: 'codex', action: 'secret.resolve', what: ['x'.repeat(1_000)], request: 'r' };
    const lines = [used(1), ...Array.from({ length: 600 }, () => filler)];
    const file = join(mkdtempSync(join(tmpdir(), 'glass-')), 'broker.jsonl');
    onTestFinished(() => rmSync(file, { force: true }));
    writeFileSync(file, lines.map((line, seq) => `${JSON.stringify({ seq: seq + 1, ...line })}\n`).join(''));
    const { flow } = glass(both, closes);
    const brief: FindNewest = (trails, looks) =>
      Promise.all(looks.map(async ({ filter, most }) => (await newestLines(trails, filter, most, 1)).lines));
    expect(await openDuties([flow], [file], brief)).toEqual([]);
    expect(await openDuties([flow], [file])).toMatchObject([{ code: 'not-closed' }]);
  });

  test('is found in one reading of the trails, however many drills and flows there are', async () => {
    const asked: number[] = [];
    const find: FindNewest = (trails, looks) => {
      asked.push(looks.length);
      return newestOfAll(trails, looks);
    };
    await breakGlassState([glass(both, closes), glass(both, closes)], [], now, find);
    expect(asked).toEqual([4]);
  });

  test('is told with who, when and why, on one safe line', async () => {
    const { accounts, troubles } = await stateOf(
      [glass(both, closes)],
      [drilled(3, both), drilled(2, both, ['bo']), used(1, { reason: 'down\nand\u001b[2J out' })],
    );
    expect(accounts).toMatchObject([
      { username: 'ann', drill: 'glass-drill', proven: ago(2), failed: undefined },
      { username: 'bo', drill: 'glass-drill', proven: ago(3), failed: ago(2) },
    ]);
    expect(troubles).toMatchObject([
      { why: expect.stringMatching(/^its last drill failed: bo is.* broken$/), hint: 'run flows drill glass-drill' },
      { why: expect.stringMatching(/^local:ann used it at .*: down.*and.* out$/), hint: 'run flows glass close' },
    ]);
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(troubles.map(({ why }) => why).join('')).not.toMatch(/[\u0000-\u001f]/);
  });
});
