import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, repository } from '../e2e/home.ts';
import { hasProgram, installPackages } from '../programs.ts';

const home = createHome();
afterAll(() => home.close());

const scripts = join(repository, 'infra/completion');
const bin = join(home.path, 'bin');

beforeAll(() => {
  if (!hasProgram('zsh') || !hasProgram('fish')) installPackages('zsh', 'fish');
  home.write('flows/odd.yaml', `inputs:\n  region: { enum: ['eu west', 'eu:east', "a'b", '$HOME'] }\n`);
  mkdirSync(bin, { recursive: true });
  const command = `'${process.execPath}' --no-warnings '${join(repository, 'src/cli.ts')}'`;
  writeFileSync(join(bin, 'flows'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
}, 180_000);

function run(program: string, ...args: readonly string[]): string {
  const env = { ...home.env, PATH: `${bin}:${process.env['PATH']}` };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: home.work, env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

test.each([
  ['zsh', '-fn', 'flows.zsh'],
  ['bash', '-n', 'flows.bash'],
  ['fish', '-n', 'flows.fish'],
])('%s finds no fault in its script', (shell, only, script) => {
  expect(run(shell, only, join(scripts, script))).toBe('');
});

describe('in fish', () => {
  const cases: readonly [string, readonly string[]][] = [
    ['flows orders', ['orders-token\tBearer token for the Orders API']],
    ['flows odd --region ', ['$HOME', "a'b", 'eu west', 'eu:east']],
    ['flows odd --region "eu', ['eu west', 'eu:east']],
    ['flows odd --region=eu', ['--region=eu west', '--region=eu:east']],
    ['flows --dir fl', ['flows/']],
    ['flows init fl', ['flows/']],
    ['flows orders-token --environment prod', ['production']],
    ['flows --dir=fl', ['--dir=flows/']],
    ['flows --environment ', ['development', 'production']],
  ];
  test.each(cases)('%s', (line, expected) => {
    const text = run('fish', '--no-config', '-c', 'flows completion fish | source; complete -C $argv[1]', line);
    expect(text.split('\n').filter((each) => each !== '')).toEqual(expected);
  });
});

describe('in zsh', () => {
  const cases: readonly [string, string][] = [
    ['flows orders', 'flows orders-token '],
    ['flows odd --region eu\\ ', 'flows odd --region eu\\ west '],
    ["flows odd --region 'a", "flows odd --region 'a'\\''b' "],
    ['flows --dir=fl', 'flows --dir=flows/'],
  ];
  test.each(cases)('%s', (line, expected) => {
    const inside = `
      autoload -U compinit; compinit -u -D; source <(flows completion zsh); PS1=''
      shown() { zle complete-word; print -r -- "<$BUFFER>"; exit }; zle -N shown; bindkey '^X' shown
      print ready`;
    // a shell on a terminal of its own: what is typed, the key that completes it, and what the line is then
    const script = `
      zmodload zsh/zpty; zpty inner zsh -f -i
      zpty -w inner ${JSON.stringify(inside.trim().replaceAll('\n', ';')).replaceAll('$', '\\$')}
      zpty -r -m inner text $'*ready\\r\\n*'; zpty -w -n inner "$1"$'\\x18'
      zpty -r -m inner text $'*<*>*'; print -r -- "\${\${text##*<}%%>*}"`;
    expect(run('zsh', '-f', '-c', script, 'zsh', line)).toBe(`${expected}\n`);
  });
});
