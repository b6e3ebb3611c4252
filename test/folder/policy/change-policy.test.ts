import { openFolder } from '../../../src/app/open-folder.ts';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { changeTokens } from '../../../src/folder/policy/change-policy.ts';
import { rotated, withOneMore, withoutToken } from '../../../src/broker/authentication/rotate-tokens.ts';
import { createLocks } from '../../../src/foundation/locks.ts';
import type { AgentToken, Policy } from '../../../src/folder/policy/policy.ts';
import { agentsOf } from '../../broker/authentication/policies.ts';
import { folderWith } from '../folder.ts';

const token = (character: string, expires?: number): AgentToken => ({ sha256: character.repeat(64), expires });

function stateOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'state-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function editing(dir: string, folder = stateOf()) {
  const locked = createLocks({ folder, sleep: (milliseconds) => sleep(milliseconds) });
  return { dir, load: () => openFolder(dir, {}), locked };
}

describe('policy.yaml', () => {
  it('is made where there is none, with no other right than none', async () => {
    const dir = folderWith({});
    await changeTokens(editing(dir), 'codex', () => [token('a')]);
    expect(readFileSync(join(dir, 'policy.yaml'), 'utf8')).toContain(
      `default: deny\nagents:\n  codex:\n    tokens: ['sha256:`,
    );
    expect(readdirSync(dir)).toEqual(['policy.yaml']);
  });

  it('keeps its mode, and where a link leads', async () => {
    const dir = folderWith({ 'elsewhere.txt': 'agents: { codex: { rate: 1/day } }\n' });
    chmodSync(join(dir, 'elsewhere.txt'), 0o640);
    symlinkSync('elsewhere.txt', join(dir, 'policy.yaml'));
    await changeTokens(editing(dir), 'codex', () => [token('a')]);
    expect(statSync(join(dir, 'elsewhere.txt')).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(dir, 'elsewhere.txt'), 'utf8')).toContain('sha256:aaa');
    expect(readdirSync(dir)).toEqual(['elsewhere.txt', 'policy.yaml']);
  });

  it('has every change of several editors at once', async () => {
    const dir = folderWith({ 'policy.yaml': 'default: deny # always\n' });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    // each with a queue of its own, as other processes have
    const state = stateOf();
    await Promise.all(names.map((name) => changeTokens(editing(dir, state), name, () => [token(name)])));
    const text = readFileSync(join(dir, 'policy.yaml'), 'utf8');
    for (const name of names) expect(text).toContain(`sha256:${name.repeat(64)}`);
    expect(text).toContain('# always');
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['it is wrong', { 'policy.yaml': 'default: allow\n' }],
    ['it names what is not there', { 'policy.yaml': 'agents: { codex: { allow: [a.b] } }\n' }],
    ['the registry is wrong', { 'registry.yaml': 'secrets: [' }],
  ])('stays as it is where %s', async (_, files) => {
    const dir = folderWith(files);
    await expect(changeTokens(editing(dir), 'codex', () => [token('a')])).rejects.toMatchObject({ code: 'invalid' });
    expect(readdirSync(dir).toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [name, text] of Object.entries(files)) expect(readFileSync(join(dir, name), 'utf8')).toBe(text);
  });

  it('is freed of what a killed editor left beside it, and not of what a living one has there', async () => {
    const [old, fresh] = ['.policy.yaml.0123456789ab.tmp', '.policy.yaml.ba9876543210.tmp'];
    const dir = folderWith({ [old]: '', [fresh]: '', '.policy.yaml.mine.tmp': '' });
    for (const name of [old, '.policy.yaml.mine.tmp']) utimesSync(join(dir, name), 1, 1);
    await changeTokens(editing(dir), 'codex', () => [token('a')]);
    expect(readdirSync(dir).toSorted()).toEqual([fresh, '.policy.yaml.mine.tmp', 'policy.yaml'].toSorted());
  });

  it.each([
    ['a byte order mark', '\ufeffdefault: deny\nagents:\n  codex:\n    rate: 1/day\n'],
    ['the line ends of Windows', 'default: deny\r\nagents:\r\n  codex:\r\n    rate: 1/day\r\n'],
    ['both', '\ufeffdefault: deny\r\nagents:\r\n  codex:\r\n    rate: 1/day\r\n'],
  ])('keeps %s', async (_, before) => {
    const dir = folderWith({ 'policy.yaml': before });
    const state = stateOf();
    const now = () => readFileSync(join(dir, 'policy.yaml'), 'utf8');
    const eol = before.includes('\r') ? '\r\n' : '\n';
    await changeTokens(editing(dir, state), 'codex', () => [token('a')]);
    expect(now()).toBe(before.replace('    rate', `    tokens: ['sha256:${'a'.repeat(64)}']${eol}    rate`));
    await changeTokens(editing(dir, state), 'codex', () => []);
    expect(now()).toBe(before.replace('    rate', `    tokens: []${eol}    rate`));
  });

  it('stays as someone else wrote it meanwhile', async () => {
    const dir = folderWith({ 'policy.yaml': 'default: deny\n' });
    const change = changeTokens(editing(dir), 'codex', () => {
      writeFileSync(join(dir, 'policy.yaml'), 'default: deny # new\n');
      return [token('a')];
    });
    await expect(change).rejects.toMatchObject({ code: 'conflict' });
    expect(readFileSync(join(dir, 'policy.yaml'), 'utf8')).toBe('default: deny # new\n');
    expect(readdirSync(dir)).toEqual(['policy.yaml']);
  });
});

describe('the tokens of an agent', () => {
  const now = 1_000;
  const [a, b, c, gone] = [token('a'), token('b', 2_000), token('c'), token('d', 500)];
  const policy = (...tokens: readonly AgentToken[]): Policy => agentsOf({ x: { tokens } });

  it('are at most two that are live', () => {
    expect(withOneMore(policy(), 'new', c, now)).toEqual([c]);
    expect(withOneMore(policy(a), 'x', c, now)).toEqual([a, c]);
    expect(withOneMore(policy(gone, a), 'x', c, now)).toEqual([a, c]);
    expect(() => withOneMore(policy(a, b), 'x', c, now)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('are replaced one by one', () => {
    expect(rotated(policy(), 'x', c, now)).toEqual([c]);
    expect(rotated(policy(a), 'x', c, now)).toEqual([a, c]);
    expect(rotated(policy(a, b), 'x', c, now)).toEqual([b, c]);
    expect(rotated(policy(a, gone), 'x', c, now)).toEqual([a, c]);
    expect(() => rotated(policy(a), 'y', c, now)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('end one at a time, and never the wrong one', () => {
    expect(withoutToken(policy(a), 'x', undefined)).toEqual([]);
    expect(withoutToken(policy(a, b), 'x', 'aaaa')).toEqual([b]);
    expect(withoutToken(policy(a, b), 'x', 'sha256:BBBB')).toEqual([a]);
    for (const [tokens, which] of [
      [[a, b], undefined],
      [[a, b], ''],
      [[a, b], 'f'],
      [[a], ''],
      [[a, token('a', 5)], 'a'],
      [[], undefined],
    ] as const)
      expect(() => withoutToken(policy(...tokens), 'x', which)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
