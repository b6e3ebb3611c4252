import { openFolder } from '../../../src/app/open-folder.ts';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decide } from '../../../src/broker/policy/decide.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import type { Folder } from '../../../src/folder/load-folder.ts';
import type { Problem } from '../../../src/language/problems.ts';
import { type RulesInForce, watchPolicy, type WatchOptions } from '../../../src/broker/policy/rules-in-force.ts';
import { createClock } from '../arrange.ts';
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
    hold: 40,
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
    await expect.poll(() => allowed()).toEqual(['a.b', 'c.d']);
    write('policy.yaml', policy());
    await expect.poll(() => allowed()).toEqual([]);
    write('policy.yaml', policy('a.b'));
    await expect.poll(() => allowed()).toEqual(['a.b']);
    expect(watched.current().version).toBe(first);
    expect(rules.length).toBe(4);
  });

  it('change with a file that takes the place of another', async () => {
    const { dir, allowed, write } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('a.b') });
    write('policy.yaml.new', policy('c.d'));
    renameSync(join(dir, 'policy.yaml.new'), join(dir, 'policy.yaml'));
    await expect.poll(() => allowed()).toEqual(['c.d']);
  });

  it('stay where the new file is wrong, which is told once for each content', async () => {
    const { allowed, problems, write, watched } = await watching({
      'registry.yaml': registry,
      'policy.yaml': policy('a.b'),
    });
    write('policy.yaml', 'agents:\n  codex:\n    allow: [a.b, c.d');
    await expect.poll(() => problems).toHaveLength(1);
    await watched.reload();
    write('policy.yaml', 'agents:\n  codex:\n    allow: [a.b, c.d');
    await watched.reload();
    expect([allowed(), problems.length]).toEqual([['a.b'], 1]);
    expect(watched.problems()).toHaveLength(1);
    write('policy.yaml', policy('nothing'));
    await expect.poll(() => problems).toHaveLength(2);
    expect(allowed()).toEqual(['a.b']);
    write('policy.yaml', policy('c.d'));
    await expect.poll(() => allowed()).toEqual(['c.d']);
    expect(watched.problems()).toEqual([]);
  });

  it('stay while the two files do not fit each other', async () => {
    const { allowed, problems, write, watched } = await watching({
      'registry.yaml': registry,
      'policy.yaml': policy('a.b'),
    });
    write('registry.yaml', registry.replace('a.b', 'a.renamed'));
    await expect.poll(() => problems).toHaveLength(1);
    expect([allowed(), watched.current().registry.secrets.has('a.b')]).toEqual([['a.b'], true]);
    write('policy.yaml', policy('a.renamed'));
    await expect.poll(() => allowed()).toEqual(['a.renamed']);
    expect(watched.current().registry.secrets.has('a.b')).toBe(false);
  });

  it('are never those of half a file, though it is valid and grants more', async () => {
    const { dir, rules, allowed } = await watching(
      { 'registry.yaml': registry, 'policy.yaml': policy('a.b') },
      { settle: 1_000 },
    );
    const whole = 'agents:\n  codex:\n    allow: ["**"]\n    deny: [c.d]\n';
    // a slow writer: each piece is a valid file, and the first ones deny nothing
    for (const end of [whole.indexOf('    deny'), whole.length]) {
      writeFileSync(join(dir, 'policy.yaml'), whole.slice(0, end));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await expect.poll(() => allowed()).toEqual(['**']);
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
    await expect.poll(() => allowed()).toEqual(['c.d']);
    expect(reference()).toBe('op://Agents/a/b');
  });

  const flow = (description: string) =>
    `description: ${description}\nsteps: [{ id: a, uses: vault/read, with: { reference: op://Agents/a/b } }]\n`;

  it('come with the flows: one that is wrong stays what it was, and is told', async () => {
    const files = { 'service.yaml': service, 'x.yaml': flow('one'), 'y.yaml': 'description: [' };
    const folders: Folder[] = [];
    const { dir, write, watched, problems } = await watching(files, { onFolder: (each) => folders.push(each) });
    const described = (name: string) => folders.at(-1)?.flows.get(name)?.description;
    expect(problems.map((each) => each.map(({ file }) => file))).toEqual([[join(dir, 'y.yaml')]]);
    write('x.yaml', flow('two'));
    write('z.yaml', flow('new'));
    await expect.poll(() => [described('x'), described('z')]).toEqual(['two', 'new']);
    write('x.yaml', 'description: three\nsteps: [{');
    await expect.poll(() => watched.problems().map(({ file }) => basename(file))).toEqual(['x.yaml', 'y.yaml']);
    expect([described('x'), described('y'), described('z')]).toEqual(['two', undefined, 'new']);
    rmSync(join(dir, 'z.yaml'));
    write('x.yaml', flow('four'));
    write('y.yaml', flow('mended'));
    await expect.poll(() => [described('x'), described('y')]).toEqual(['four', 'mended']);
    expect([described('z'), watched.problems()]).toEqual([undefined, []]);
  });

  it('are read again until their files can be, though nothing changes any more', async () => {
    const described: (string | undefined)[] = [];
    let loads = 0;
    const load = async () => {
      loads += 1;
      if (loads <= 3) throw new FlowError('unavailable', 'no more files may be opened');
      return openFolder(dir, {});
    };
    const onFolder = ({ flows }: Folder) => described.push(flows.get('x')?.description);
    const { dir, write } = await watching({ 'service.yaml': service, 'x.yaml': flow('one') }, { load, onFolder });
    write('x.yaml', flow('two'));
    await expect.poll(() => [loads, described]).toEqual([4, ['two']]);
  });

  it('come with service.yaml: where it is wrong everything stays', async () => {
    const named = registry.replace('op://Agents/a/b', '"op://${{ vars.vault }}/a/b"');
    const files = { 'service.yaml': service, 'registry.yaml': named, 'policy.yaml': policy('a.b') };
    const folders: Folder[] = [];
    const { dir, write, watched } = await watching(files, { onFolder: (each) => folders.push(each) });
    const reference = () => String(watched.current().registry.secrets.get('a.b')?.references.get('production'));
    write('service.yaml', service.replace('vault: Agents', 'vault: Accounts'));
    await expect.poll(() => reference()).toBe('op://Accounts/a/b');
    write('service.yaml', service.replace('region: eu-west-1', 'region: nowhere'));
    write('x.yaml', flow('new'));
    await expect.poll(() => watched.problems()).toHaveLength(1);
    expect([reference(), folders.length]).toEqual(['op://Accounts/a/b', 1]);
    rmSync(join(dir, 'service.yaml'));
    await expect
      .poll(() => watched.problems().map(({ message }) => message))
      .toContainEqual(expect.stringContaining('gone'));
    expect([reference(), folders.length]).toEqual(['op://Accounts/a/b', 1]);
    write('service.yaml', service);
    await expect.poll(() => reference()).toBe('op://Agents/a/b');
    expect([folders.at(-1)?.flows.has('x'), watched.problems()]).toEqual([true, []]);
  });

  describe('held by a clock', () => {
    const files = { 'registry.yaml': registry, 'policy.yaml': policy('a.b') };

    it('give less at once, and more only when the file has been the same for a while', async () => {
      const clock = createClock();
      const { rules, write, watched } = await watching(files, { hold: 1_500, clock });
      const may = (name: string) => decide(watched.current().policy, { kind: 'secret', agent: 'codex', name }).allowed;
      write('policy.yaml', policy('c.d'));
      await expect.poll(() => [may('a.b'), may('c.d')]).toEqual([false, false]);
      clock.pass(1);
      write('policy.yaml', `# the same, written again\n${policy('c.d')}`);
      await watched.reload();
      // counted from then
      clock.pass(1);
      await watched.reload();
      expect([may('c.d'), clock.timers()]).toEqual([false, 1]);
      clock.pass(0.5);
      await expect.poll(() => [may('c.d'), clock.timers()]).toEqual([true, 0]);
      expect(new Set(rules.map((each) => each.version)).size).toBe(rules.length);
    });

    it('give more also where the timer comes early', async () => {
      const clock = createClock();
      const early: typeof clock = { ...clock, after: (wait, call) => clock.after(wait - 1, call) };
      const { write, allowed, watched } = await watching(files, { hold: 1_000, clock: early });
      write('policy.yaml', policy('a.b', 'c.d'));
      await expect.poll(() => clock.timers()).toBe(1);
      clock.pass(0.999);
      await watched.reload();
      expect([allowed(), clock.timers()]).toEqual([['a.b'], 1]);
      clock.pass(0.001);
      await expect.poll(() => [allowed(), clock.timers()]).toEqual([['a.b', 'c.d'], 0]);
    });
  });

  it('give nothing more by a file that is cut off, however long it stays so', async () => {
    const text = `${policy('"**"')}    deny: [c.d]\n`;
    const { write, watched } = await watching({ 'registry.yaml': registry, 'policy.yaml': text });
    const may = () => decide(watched.current().policy, { kind: 'secret', agent: 'codex', name: 'c.d' }).allowed;
    for (const cut of [text.slice(0, text.indexOf('    deny')), text.slice(0, text.indexOf('\n    deny'))]) {
      write('policy.yaml', cut);
      await expect
        .poll(() => watched.problems())
        .toMatchObject([{ message: expect.stringContaining('is held') as string }]);
      expect(may()).toBe(false);
      write('policy.yaml', text);
      await expect.poll(() => watched.problems()).toEqual([]);
    }
    write('policy.yaml', `# meant\n${policy('"**"')}`);
    await expect.poll(() => may()).toBe(true);
  });

  it('are none when the file is gone', async () => {
    const { dir, allowed, watched } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('a.b') });
    rmSync(join(dir, 'policy.yaml'));
    await expect.poll(() => allowed()).toEqual([]);
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
    await expect.poll(() => allowed()).toEqual([]);
    mkdirSync(dir);
    for (const [name, text] of Object.entries(files)) write(name, text);
    await watched.reload();
    await expect.poll(() => allowed()).toEqual(['a.b']);
  });

  it('do not change any more after the end', async () => {
    const { allowed, write, watched } = await watching({ 'registry.yaml': registry, 'policy.yaml': policy('a.b') });
    watched.close();
    write('policy.yaml', policy('c.d'));
    await watched.reload();
    expect(allowed()).toEqual(['a.b']);
  });
});
