import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandNames } from '../../../../src/folder/reserved-names.ts';
import { commandTable } from '../../../../src/surfaces/cli/command-table.ts';
import { candidatesOf, folderIn } from '../../../../src/surfaces/cli/completion/candidates.ts';
import { folderNames } from '../../../../src/surfaces/cli/completion/folder-names.ts';
import { shellScripts } from '../../../../src/surfaces/cli/completion/shell-scripts.ts';
import { createHome, type Home, repository } from '../../../e2e/home.ts';

let home: Home;
beforeAll(() => {
  home = createHome();
  home.write(
    'flows/typed.yaml',
    "description: 'Typed'\ninputs:\n  tenant: { type: string, enum: [north, south], description: Which one }\n  fast: boolean\nsteps: nothing\n",
  );
  home.write('flows/broken.yaml', '\u0000: [');
  home.write('flows/check.yaml', 'description: a command\n');
});
afterAll(() => home.close());

const complete = (...words: readonly string[]) => {
  const dir = folderIn(words) ?? 'flows';
  return candidatesOf(words, folderNames(join(home.work, dir))).map((each) =>
    typeof each === 'string' ? each : each[0],
  );
};

describe('what the last word may become', () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['ch'], ['check']],
    [['ord'], ['orders-token']],
    [['run', 'break-glass-'], ['break-glass-drill']],
    [['help', 'new'], ['new-user']],
    [['read', 'openai'], ['openai.api_key']],
    [['typed', '--te'], ['--tenant']],
    [['run', 'typed', '--fa'], ['--fast']],
    [
      ['typed', '--tenant', ''],
      ['north', 'south'],
    ],
    [['typed', '--tenant', 's'], ['south']],
    [['typed', '--tenant=n'], ['--tenant=north']],
    // what was given is not offered again
    [['typed', '--tenant', 'north', '--tena'], []],
    [['typed', '--no-fast', '--fas'], []],
    [
      ['orders-token', '--environment', ''],
      ['development', 'production'],
    ],
    [['--environment=prod'], ['--environment=production']],
    [['policy', 'explain', '--agent', ''], ['codex']],
    [['policy', 'explain', '--flow', 'scim'], ['scim-token']],
    [
      ['policy', ''],
      ['explain', 'test'],
    ],
    [['policy', 'test', ''], ['files']],
    [['agents', 'ro'], ['rotate']],
    [['agents', 'revoke', ''], ['codex']],
    [['audit', 'verify', '--an'], ['--anchor']],
    [['audit', 'verify', '--file', 'x'], ['files']],
    [['audit', '--outcome', 'd'], ['denied']],
    [['serve', '--log-level', 'w'], ['warn']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', 'powershell'],
    ],
    [['init', ''], ['folders']],
    [['--dir', ''], ['folders']],
    [['check', '--dir', 'nowhere', '--environment', ''], []],
    [['no-such-flow', '--x'], []],
    [['broken', '--inp'], []],
  ];
  test.each(cases)('%j', (words, expected) => {
    expect(complete(...words)).toEqual(expected);
  });

  test('commands and flows, each once, and no file that is none', () => {
    const all = complete('');
    expect(all.slice(0, commandNames.length).toSorted()).toEqual(commandNames.toSorted());
    expect(all.slice(commandNames.length)).toEqual(
      expect.arrayContaining(['broken', 'break-glass', 'new-user', 'orders-token', 'seed-runtime', 'typed']),
    );
    expect(new Set(all).size).toBe(all.length);
    expect(all).not.toContain('service');
  });

  test('of every command, every option of its table', () => {
    for (const [name, facts] of Object.entries(commandTable)) {
      const options = 'options' in facts ? Object.keys(facts.options) : [];
      expect(complete(name, '--')).toEqual(expect.arrayContaining(options.map((option) => `--${option}`)));
    }
  });
});

describe('the scripts', () => {
  test.each(Object.keys(shellScripts))('%s is printed, and no other shell', async (shell) => {
    const { code, stdout, stderr } = await home.flows(['completion', shell]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('flows __complete'.replace('flows', shell === 'bash' ? '' : 'flows').trim());
    expect((await home.flows(['completion', `${shell}h`])).code).toBe(2);
  });

  /** What bash offers, by its own rules, for a line that ends at the cursor. */
  function bash(line: string): readonly string[] {
    const bin = join(home.path, 'bin');
    mkdirSync(bin, { recursive: true });
    const flows = join(bin, 'flows');
    const command = `exec '${process.execPath}' --no-warnings '${join(repository, 'src/cli.ts')}' "$@"`;
    writeFileSync(flows, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    const words = line.split(/\s+|(=)/).filter((word) => word !== undefined);
    const script = `${shellScripts.bash}
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      compopt() { :; }
      _flows; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...home.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const out = execFileSync('bash', ['-c', script], { cwd: home.work, encoding: 'utf8', env });
    return out.split('\n').filter((each) => each !== '');
  }

  test.each([
    ['flows ord', ['orders-token']],
    ['flows typed --tenant ', ['north', 'south']],
    // bash puts in only what follows its own word break
    ['flows typed --tenant=n', ['north']],
    ['flows init fl', ['flows']],
    ['flows nothing --zz', []],
  ])('bash: %s', (line, expected) => {
    expect(bash(line)).toEqual(expected);
  });
});

test('a link in the place of a folder, or nothing there, is silent', async () => {
  symlinkSync('/proc/self/nothing', join(home.work, 'odd'));
  const { code, stdout, stderr } = await home.flows(['__complete', '--dir', 'odd', 'read', '']);
  expect([code, stdout, stderr]).toEqual([0, '', '']);
});
