import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { causesOf, createCauseNotes } from '../../src/broker/cause-notes.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'causes-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it('has what was noted of a request, each once, for this user alone', async () => {
  const trail = join(folder, 'one.jsonl');
  const notes = createCauseNotes(trail, () => expect.unreachable());
  for (const line of ['the vault is down', 'the vault is down', 'no item "GitHub"\n']) notes.note('r-1', line);
  notes.note('r-2', 'something else');
  await notes.close();
  expect(await causesOf(trail, 'r-1')).toEqual(['the vault is down', 'no item "GitHub"\n']);
  expect(statSync(`${trail}.causes`).mode & 0o777).toBe(0o600);
});

it('is bounded, with the newest kept', async () => {
  const trail = join(folder, 'two.jsonl');
  const notes = createCauseNotes(trail, () => expect.unreachable());
  for (let round = 0; round < 40; round += 1) {
    for (let each = 0; each < 100; each += 1) notes.note(`r-${round}`, 'x'.repeat(900));
    await notes.close();
  }
  const sizes = readdirSync(folder)
    .filter((name) => name.startsWith('two.'))
    .map((name) => statSync(join(folder, name)).size);
  expect(sizes).toHaveLength(2);
  expect(Math.max(...sizes)).toBeLessThan(1_300_000);
  expect(await causesOf(trail, 'r-39')).toHaveLength(1);
  expect(await causesOf(trail, 'r-0')).toEqual([]);
});

it('warns once where it cannot be written, and goes on', async () => {
  const told: string[] = [];
  const notes = createCauseNotes(join(folder, 'absent', 'trail.jsonl'), (message) => void told.push(message));
  for (let each = 0; each < 3; each += 1) {
    notes.note('r-1', 'x');
    await notes.close();
  }
  expect(told).toEqual([expect.stringContaining('cannot be noted')]);
});
