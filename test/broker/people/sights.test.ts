import { appendFileSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditEvent } from '../../../src/audit/contract.ts';
import { peopled } from './stand.ts';

const rule = { names: ['github.*'], scope: 'run', by: ['ann', 'bo'], needs: 2, expires: '8h' };
const noDrill = expect.objectContaining({ code: 'no-drill', subject: 'glass' });
const happened = (action: AuditEvent['action']): AuditEvent => ({
  agent: 'codex',
  action,
  what: [],
  outcome: 'allowed',
  request: 'r',
});

describe('what people see', () => {
  it('of policy is who may what by which line, and no token, hash or whole key', async () => {
    const stand = await peopled('http://localhost:7700', rule);
    await stand.enrolled('ann');
    const { agents, approvers, version } = stand.sights.policy();
    expect(version).toBe('v1');
    expect(agents[0]).toMatchObject({
      name: 'codex',
      allow: [{ text: '**', at: expect.stringMatching(/^policy\.yaml:\d+:\d+$/) }],
      approve: [{ what: ['github.*'], by: ['ann', 'bo'], needs: 2, scope: 'run', expires: 28_800 }],
    });
    const [key] = stand.keys.get('ann') ?? [];
    expect(approvers[0]).toMatchObject({ name: 'ann', passkeys: [{ algorithm: 'ES256', id: key?.id.slice(0, 12) }] });
    const text = JSON.stringify({ agents, approvers });
    expect(text).not.toContain(key?.publicKey ?? '-');
    expect(text).not.toContain('sha256');
  });

  it('of break-glass is what the trails say, a minute old at most', async () => {
    const { sights, trails, clock } = await peopled('http://localhost:7700', rule);
    expect(await sights.breakGlass()).toEqual({ accounts: [], troubles: [noDrill] });
    const dir = mkdtempSync(join(tmpdir(), 'sights-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'local.jsonl');
    const used = { seq: 1, at: '2026-11-01T00:00:00.000Z', agent: 'local:ann', action: 'local.run', what: ['glass'] };
    writeFileSync(file, `${JSON.stringify({ ...used, outcome: 'allowed', request: 'r' })}\n`);
    trails.push(file);
    expect((await sights.breakGlass()).troubles).toEqual([noDrill]);
    clock.pass(61);
    expect((await sights.breakGlass()).troubles).toEqual([noDrill, expect.objectContaining({ code: 'not-closed' })]);
  });

  it('of a trail that cannot be read is that, and the others are read', async () => {
    const { sights, trails } = await peopled('http://localhost:7700', rule);
    const dir = mkdtempSync(join(tmpdir(), 'sights-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const [closed, file] = [join(dir, 'local-root.jsonl'), join(dir, 'local.jsonl')];
    // to root no file is closed; a link that leads to itself is to everybody
    symlinkSync('local-root.jsonl', closed);
    const used = { seq: 1, at: '2026-11-01T00:00:00.000Z', agent: 'local:ann', action: 'local.run', what: ['glass'] };
    writeFileSync(file, `${JSON.stringify({ ...used, outcome: 'allowed', request: 'r' })}\n`);
    trails.push(closed, file);
    expect((await sights.breakGlass()).troubles).toEqual([
      noDrill,
      expect.objectContaining({ code: 'not-closed' }),
      {
        code: 'trail-unreadable',
        subject: 'local-root.jsonl',
        why: expect.stringContaining('cannot be used: its links lead in a circle'),
        hint: 'name another path',
      },
    ]);
    expect((await sights.trail({}, 10)).lines).toHaveLength(1);
  });

  it('of break-glass is what was used however long ago, and no more is read than is new', async () => {
    const { sights, trails, clock } = await peopled('http://localhost:7700', rule);
    const dir = mkdtempSync(join(tmpdir(), 'sights-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'local.jsonl');
    let seq = 0;
    const line = (change: object) => {
      const event = { at: '2026-11-01T00:00:00.000Z', agent: 'local:ann', outcome: 'allowed', request: 'r' };
      return `${JSON.stringify({ seq: (seq += 1), ...event, ...change })}\n`;
    };
    writeFileSync(file, line({ action: 'local.run', what: ['glass'] }));
    const long = line({ action: 'local.run', what: ['other'], detail: 'x'.repeat(1024 * 1024) });
    for (let count = 0; count < 33; count += 1) appendFileSync(file, long);
    trails.push(file);
    const owed = [noDrill, expect.objectContaining({ code: 'not-closed' })];
    expect((await sights.breakGlass()).troubles).toEqual(owed);
    // what was read is not read again: here it could not be
    writeFileSync(file, Buffer.alloc(statSync(file).size - long.length, 'x\n'), { flag: 'r+' });
    appendFileSync(file, line({ action: 'token.issue', what: ['orders'] }));
    clock.pass(61);
    expect((await sights.breakGlass()).troubles).toEqual(owed);
    appendFileSync(file, line({ action: 'break-glass.closed', what: ['glass', 'glass-close'] }));
    clock.pass(61);
    expect((await sights.breakGlass()).troubles).toEqual([noDrill]);
  });

  it('of what happens is told once a second, all of it together, and to nobody who has left', async () => {
    const { sights, happens, clock } = await peopled('http://localhost:7700', rule);
    const heard: (readonly string[])[] = [];
    const stop = sights.watch((actions) => heard.push(actions));
    for (const action of ['token.issue', 'token.issue', 'policy.reload'] as const) happens(happened(action));
    expect(heard).toEqual([]);
    clock.pass(1);
    expect(heard).toEqual([['token.issue', 'policy.reload']]);
    happens(happened('start'));
    stop();
    clock.pass(1);
    happens(happened('stop'));
    clock.pass(1);
    expect(heard).toHaveLength(1);
  });
});
