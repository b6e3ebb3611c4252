import { chownSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { createHome } from '../../e2e/home.ts';

const home = createHome();
afterAll(() => home.close());

const one = (name: string) =>
  `description: ${name}\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/B/c } }]\n`;
home.write('other/elsewhere.yaml', one('elsewhere'));
home.write('app/deep/er/x.txt', '');
home.write('own/flows/mine.yaml', one('mine'));
home.write('theirs/flows/service.yaml', 'environments: {}\n');
mkdirSync(join(home.work, 'theirs/below'));

const names = async (cwd: string, env: Readonly<Record<string, string>> = {}, ...words: string[]) => {
  const { code, stdout, stderr } = await home.flows(words, { cwd: join(home.work, cwd), env });
  return [
    code,
    stdout
      .split('\n')
      .map((line) => line.split(' ')[0])
      .filter(Boolean)
      .join(' ') || stderr,
  ] as const;
};
const shipped =
  'break-glass break-glass-close break-glass-drill break-glass-second break-glass-second-drill create-order new-user orders-token realm-token rotate-orders-client scim-token seed-runtime';

test('the folder of flows is --dir, else FLOWS_DIR, else flows here, else the nearest above', async () => {
  const other = join(realpathSync(home.work), 'other');
  expect(await names('.')).toEqual([0, shipped]);
  expect(await names('app/deep/er')).toEqual([0, shipped]);
  expect(await names('flows')).toEqual([0, shipped]);
  expect(await names('own')).toEqual([0, 'mine']);
  expect(await names('app/deep/er', { FLOWS_DIR: other })).toEqual([0, 'elsewhere']);
  expect(await names('.', { FLOWS_DIR: other }, '--dir', 'flows')).toEqual([0, shipped]);
  expect(await names('.', { FLOWS_DIR: '' })).toEqual([0, shipped]);
});

test('every command looks for it there', async () => {
  const run = (words: string) => home.flows(words.split(' '), { cwd: join(home.work, 'app/deep') });
  for (const words of [
    'check',
    'agents',
    'policy explain --agent codex --secret openai.api_key',
    'run orders-token --help',
  ]) {
    const { code, stderr } = await run(words);
    expect([words, code, stderr]).toEqual([words, 0, '']);
  }
  expect((await run('__complete zsh =break')).stdout).toMatch(/^break-glass\b/m);
  // what is wrong is named by a path that opens from here
  home.write('flows/wrong.yaml', 'steps: 1\n');
  expect((await run('check')).stderr).toMatch(/^\.\.\/\.\.\/flows\/wrong\.yaml:1:/);
});

test('no folder at all is told as before', async () => {
  const { code, stderr } = await home.flows(['check'], { cwd: home.path });
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: there is no folder "flows"/)]);
});

test.runIf(process.platform === 'linux')(
  'a working folder that was deleted is told as that, and needed by relative paths alone',
  async () => {
    const inGone = (...words: string[]) =>
      home.flows([], {
        program: [
          'sh',
          '-c',
          'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
          'sh',
          process.execPath,
          '--no-warnings',
          inject('command'),
          ...words,
        ],
      });
    for (const words of [
      ['check'],
      ['check', '--dir', '.'],
      ['check', '--dir', '../flows'],
      ['agents', 'add', 'x', '--dir', '.'],
      ['init', '.'],
      ['init', 'x'],
    ]) {
      const { code, stdout, stderr } = await inGone(...words);
      const told = expect.stringMatching(/^error: the folder that this runs in is not there any more \(.*\)\n$/);
      expect([words, code, stdout, stderr]).toEqual([words, 2, '', told]);
    }
    expect(await inGone('check', '--dir', join(home.work, 'own/flows'))).toMatchObject({ code: 0, stderr: '' });
  },
);

test.runIf(process.getuid?.() === 0)('a folder above that is another user’s is not worked in unasked', async () => {
  const dir = join(home.work, 'theirs/flows');
  chownSync(dir, 65_534, 65_534);
  expect(await names('theirs/below')).toEqual([2, expect.stringContaining('../flows belongs to another user')]);
  expect(await names('theirs/below', {}, '--dir', '../flows')).toEqual([0, '']);
  chownSync(dir, 0, 0);
  chownSync(join(dir, 'service.yaml'), 65_534, 65_534);
  expect((await names('theirs/below'))[0]).toBe(2);
});
