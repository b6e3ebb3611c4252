import { openFolder } from '../../../src/app/open-folder.ts';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Problem } from '../../../src/language/problems.ts';
import { type RulesInForce, watchPolicy, type WatchOptions } from '../../../src/broker/policy/rules-in-force.ts';
import { folderWith, service } from '../../folder/folder.ts';

const registry = 'secrets:\n  a.b: { reference: op://Agents/a/b }\n  c.d: { reference: op://Agents/c/d }\n';
const policy = (...allow: readonly string[]) => `agents:\n  codex:\n    allow: [${allow.join(', ')}]\n`;

async function watching(files: Readonly<Record<string, string>>, options: Partial<WatchOptions> = {}) {
  const dir = folderWith(files);
  const rules: RulesInForce[] = [];
  const problems: (readonly Problem[])[] = [];
  const watched = watchPolicy(await openFolder(dir, {}), {
    dir,
    load: () => openFolder(dir, {}),
    settle: 20,
    poll: 50,
    onRules: (each) => rules.push(each),
    onProblems: (each) => problems.push(each),
    ...options,
  });
  onTestFinished(() => watched.close());
  const allowed = () =>
    watched
      .current()
      .policy.agents.get('codex')
      ?.allow.map(({ text }) => text) ?? [];
  return {
    dir,
    rules,
    problems,
    watched,
    allowed,
    write: (name: string, text: string) => writeFileSync(join(dir, name), text),
  };
}

describe('the rules in force', () => {
  it('are those of the files, at once and when they change', async () => {
    const { rules, allowed, write, watched } = await watching({
      'registry.yaml': registry,
      'policy.yaml': policy('a.b'),
    });
    expect([allowed(), rules.length]).toEqual([['a.b'], 1]);
    const first = watched.current().version;
    write('policy.yaml', policy('a.b', 'c.d'));
    await vi.waitFor(() => expect(allowed()).toEqual(['a.b', 'c.d']));
    write('policy.yaml', policy());
    await vi.waitFor(() => expect(allowed()).toEqual([]));
    write('policy.yaml', policy('a.b'));
    await vi.waitFor(() => expect(allowed()).toEqual(['a.b']));
    expect(watched.current().version).toBe(first);
    expect(rules.length).toBe(4);
  });

  it('change with a file that takes the place of another', async () => {
    const { dir, allowed, write } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('a.b') });
    write('policy.yaml.new', policy('c.d'));
    renameSync(join(dir, 'policy.yaml.new'), join(dir, 'policy.yaml'));
    await vi.waitFor(() => expect(allowed()).toEqual(['c.d']));
  });

  it('stay where the new file is wrong, which is told once for each content', async () => {
    const { allowed, problems, write, watched } = await watching({
      'registry.yaml': registry,
      'policy.yaml': policy('a.b'),
    });
    write('policy.yaml', 'agents:\n  codex:\n    allow: [a.b, c.d');
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    await watched.reload();
    write('policy.yaml', 'agents:\n  codex:\n    allow: [a.b, c.d');
    await watched.reload();
    expect([allowed(), problems.length]).toEqual([['a.b'], 1]);
    expect(watched.problems()).toHaveLength(1);
    write('policy.yaml', policy('nothing'));
    await vi.waitFor(() => expect(problems).toHaveLength(2));
    expect(allowed()).toEqual(['a.b']);
    write('policy.yaml', policy('c.d'));
    await vi.waitFor(() => expect(allowed()).toEqual(['c.d']));
    expect(watched.problems()).toEqual([]);
  });

  it('stay while the two files do not fit each other', async () => {
    const { allowed, problems, write, watched } = await watching({
      'registry.yaml': registry,
      'policy.yaml': policy('a.b'),
    });
    write('registry.yaml', registry.replace('a.b', 'a.renamed'));
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    expect([allowed(), watched.current().registry.secrets.has('a.b')]).toEqual([['a.b'], true]);
    write('policy.yaml', policy('a.renamed'));
    await vi.waitFor(() => expect(allowed()).toEqual(['a.renamed']));
    expect(watched.current().registry.secrets.has('a.b')).toBe(false);
  });

  it('are never those of half a file, though it is valid and grants more', async () => {
    const { dir, rules, allowed } = await watching(
      { 'registry.yaml': registry, 'policy.yaml': policy('a.b') },
      { settle: 150 },
    );
    const whole = 'agents:\n  codex:\n    allow: ["**"]\n    deny: [c.d]\n';
    // a slow writer: each piece is a valid file, and the first ones deny nothing
    for (const end of [whole.indexOf('    deny'), whole.length]) {
      writeFileSync(join(dir, 'policy.yaml'), whole.slice(0, end));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await vi.waitFor(() => expect(allowed()).toEqual(['**']));
    expect(rules.map((each) => each.policy.agents.get('codex')?.deny.length)).toEqual([0, 1]);
    expect(rules).toHaveLength(2);
  });

  it('keep the references of the environments that run, and may name flows that came since', async () => {
    const files = { 'service.yaml': service, 'registry.yaml': registry, 'policy.yaml': policy('a.b') };
    const { allowed, write, watched } = await watching(files);
    const reference = () => String(watched.current().registry.secrets.get('a.b')?.references.get('production'));
    expect(reference()).toBe('op://Agents/a/b');
    write('service.yaml', 'environments: [half of');
    write('new.yaml', 'description: d\nsteps: [{ id: a, uses: vault/read, with: { reference: op://Agents/a/b } }]\n');
    write('policy.yaml', `${policy('c.d')}    flows: [new]\n`);
    await vi.waitFor(() => expect(allowed()).toEqual(['c.d']));
    expect(reference()).toBe('op://Agents/a/b');
  });

  it('are none when the file is gone', async () => {
    const { dir, allowed, watched } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('a.b') });
    rmSync(join(dir, 'policy.yaml'));
    await vi.waitFor(() => expect(allowed()).toEqual([]));
    expect(watched.problems()).toEqual([]);
  });

  it('are none where the first file is wrong already', async () => {
    const { allowed, problems, rules } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('x.y') });
    expect([allowed(), problems.length, rules.length]).toEqual([[], 1, 0]);
  });

  it('end with the folder, and come back with it', async () => {
    const files = { 'registry.yaml': registry, 'policy.yaml': policy('a.b') };
    const { dir, allowed, watched, write } = await watching(files);
    rmSync(dir, { recursive: true });
    await vi.waitFor(() => expect(allowed()).toEqual([]));
    mkdirSync(dir);
    for (const [name, text] of Object.entries(files)) write(name, text);
    await watched.reload();
    await vi.waitFor(() => expect(allowed()).toEqual(['a.b']));
  });

  it('do not change any more after the end', async () => {
    const { allowed, write, watched } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('a.b') });
    watched.close();
    write('policy.yaml', policy('c.d'));
    await watched.reload();
    expect(allowed()).toEqual(['a.b']);
  });
});
