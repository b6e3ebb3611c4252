import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shellScripts } from '../../src/surfaces/cli/completion/shell-scripts.ts';
import { createHome, type Home, repository } from '../e2e/home.ts';
import { hasProgram } from '../programs.ts';

let home: Home;
let env: Record<string, string>;
beforeAll(() => {
  for (const shell of ['zsh', 'fish']) {
    if (!hasProgram(shell)) execFileSync('apt-get', ['install', '--yes', shell], { stdio: 'ignore' });
  }
  home = createHome();
  const bin = join(home.path, 'bin');
  mkdirSync(bin);
  const command = `exec '${process.execPath}' --no-warnings '${join(repository, 'src/cli.ts')}' "$@"`;
  writeFileSync(join(bin, 'flows'), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  env = { ...home.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}, 300_000);
afterAll(() => home.close());

test.each([
  ['flows ord', 'orders-token'],
  ['flows orders-token --environment prod', 'production'],
  ['flows init fl', 'flows/'],
])('fish completes %s', (line, word) => {
  const script = `${shellScripts.fish}\ncomplete -C '${line}'`;
  const out = execFileSync('fish', ['--no-config', '-c', script], { cwd: home.work, encoding: 'utf8', env });
  expect(out.split('\n').map((each) => each.split('\t')[0])).toContain(word);
});

test('zsh takes the script, and its words', () => {
  const script = `
    autoload -Uz compinit; compinit -u -D
    _describe() { print -rl -- "\${(@)items}" }
    _files() { print -- files }
    ${shellScripts.zsh}
    words=(flows orders-token --environment ''); CURRENT=4; _flows
    words=(flows ord); CURRENT=2; _flows
    words=(flows policy test ''); CURRENT=4; _flows`;
  const out = execFileSync('zsh', ['-f', '-c', script], { cwd: home.work, encoding: 'utf8', env });
  expect(out.split('\n')).toEqual([
    'development:',
    'production:',
    'orders-token:Bearer token for the Orders API',
    'files',
    '',
  ]);
});
