import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, constantFrom, property, string } from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../../../src/surfaces/cli/completion/answer.ts';
import { commandNames } from '../../../../src/folder/reserved-names.ts';
import { commandTable } from '../../../../src/surfaces/cli/command-table.ts';
import { bashWords } from '../../../../src/surfaces/cli/completion/bash-words.ts';
import { complete } from '../../../../src/surfaces/cli/completion/candidates.ts';
import { shells } from '../../../../src/surfaces/cli/completion/shells.ts';
import { createHome, repository } from '../../../e2e/home.ts';

const home = createHome();
afterAll(() => home.close());
home.write(
  'flows/odd.yaml',
  `description: 'Odd\u202eone'
inputs:
  region: { enum: ['eu west', 'eu:east', "a'b", 'c"d', '$HOME', '\`id\`', us] }
  dry: boolean
  lines: { enum: ["two\\nlines", one] }
steps:
  - { id: a, uses: vault/read, with: { reference: op://A/B/c } }
`,
);
home.write(
  'flows/glass.yaml',
  `description: The way in
break-glass: { close: odd }
steps:
  - { id: code, uses: totp/code, with: { reference: op://A/B/one-time password } }
`,
);
// broken in the middle, as a file is that is being written
home.write(
  'flows/typed.yaml',
  "description: 'Typed'\ninputs:\n  tenant: { type: string, enum: [north, south], description: Which one }\n  fast: boolean\nsteps: nothing\n",
);
home.write('flows/broken.yaml', '\u0000: [');
home.write('flows/check.yaml', 'description: a command\n');
home.write('broken/half.yaml', 'inputs:\n  first: { enum: [one, two] }\nsteps:\n  - id: [\n  *x');
home.write('broken/service.yaml', 'environments:\n  one: {}\n  two: [\n');
home.write('broken/policy.yaml', '\0\0');
home.write('broken/registry.yaml', 'secrets: &a [*a]');
home.write('broken/check.yaml', '');
home.write('broken/Upper.yaml', '');
const odd = ['eu west', 'eu:east', "a'b", 'c"d', '$HOME', '`id`', 'us'];

const words = (answer: Answer) => (typeof answer === 'string' ? answer : answer.map(({ value }) => value));
const dir = `--dir=${join(home.work, 'flows')}`;
const broken = `--dir=${join(home.work, 'broken')}`;
const common = ['--dir', '--environment', '--help', '--version', '--color', '--debug'];

describe('what may stand there', () => {
  const cases: readonly [string, readonly string[], string, string | readonly string[]][] = [
    ['the environments', [dir, '--environment'], '', ['development', 'production']],
    ['the agents', [dir, 'agents', 'rotate'], '', ['codex']],
    ['the agents of a question', [dir, 'policy', 'explain', '--agent'], '', ['codex']],
    ['the secrets', [dir, 'read'], '', ['openai.api_key', 'github.token', 'github.admin_token', 'stripe.live_key']],
    ['the shells', ['completion'], '', ['bash', 'zsh', 'fish', 'powershell']],
    ['words of an option', ['audit', '--outcome'], '', ['allowed', 'denied', 'failed']],
    [
      'words after an equals sign',
      ['audit'],
      '--outcome=',
      ['allowed', 'denied', 'failed'].map((w) => `--outcome=${w}`),
    ],
    ['values of an input', [dir, 'odd', '--region'], '', odd],
    ['values of an input, by run', [dir, 'run', 'odd', '--region'], '', odd],
    ['nothing for free text', [dir, 'new-user', '--email'], '', []],
    ['nothing after the last word', ['version', '--'], '', []],
    ['folders', ['--dir'], 'x', 'folders'],
    ['folders after an equals sign', ['check'], '--dir=x', 'folders'],
    ['folders to make', ['init'], '', 'folders'],
    ['files', ['audit', 'verify', '--anchor'], '', 'files'],
    ['files as a word', ['policy', 'test'], '', 'files'],
    [
      'inputs and options of what writes',
      [dir, 'new-user'],
      '',
      [
        '--email',
        '--given-name',
        '--family-name',
        '--plan',
        '--detailed-exitcode',
        '--yes',
        '--json',
        '--reveal',
        ...common.slice(1),
      ],
    ],
    [
      'the close of what is for break-glass, beside its options',
      [dir, 'glass', '--plan', '--detailed-exitcode', '--header', '--json', '--color'],
      '',
      ['close', '--reason', '--reveal', '--environment', '--help', '--version', '--debug'],
    ],
    ['inputs of the flow that closes it', [dir, 'run', 'glass', 'close', '--region'], '', odd],
    [
      'options of a token',
      [dir, 'orders-token'],
      '--',
      ['--plan', '--detailed-exitcode', '--header', '--json', '--reveal', ...common.slice(1)],
    ],
    [
      'nothing twice',
      [dir, 'odd', '--json', '--dry', '--region=us', '--no-color'],
      '--',
      [
        '--lines',
        '--plan',
        '--detailed-exitcode',
        '--header',
        '--reveal',
        '--environment',
        '--help',
        '--version',
        '--debug',
      ],
    ],
    [
      'the other way round',
      ['read', '--help', '--version', '--debug'],
      '--no',
      ['--dir', '--environment', '--color', '--no-color', '--newline', '--no-newline'],
    ],
    ['what can be read of a broken flow', [broken, 'half', '--first'], '', ['one', 'two']],
    ['what can be read of broken settings', [broken, '--environment'], '', ['one', 'two', 'development']],
    ['no agents of a broken policy', [broken, 'agents', 'add'], '', []],
    ['no secrets of a broken registry', [broken, 'read'], '', []],
    ['no flow that cannot be one', [broken, 'policy', 'explain', '--flow'], '', ['half']],
    ['no flow of no folder', ['--dir=nowhere', 'run'], '', []],
    ['no file outside the folder', [dir, '../flows/odd', '--region'], '--', common.slice(1)],
  ];
  test.each(cases)('%s', async (_, before, current, expected) => {
    expect(words(await complete({ before, current }))).toEqual(expected);
  });

  test('commands and flows at the beginning, with what they do', async () => {
    const answer = await complete({ before: [dir], current: '' });
    expect(words(answer)).toEqual(expect.arrayContaining(['check', 'completion', 'orders-token', 'odd']));
    expect(words(answer)).not.toContain('service');
    expect(answer).toContainEqual({ value: 'orders-token', help: 'Bearer token for the Orders API' });
  });
});

describe('what the last word may become', () => {
  const completed = async (...all: readonly string[]) => {
    const current = all.at(-1) ?? '';
    const answer = words(await complete({ before: [dir, ...all.slice(0, -1)], current }));
    return typeof answer === 'string' ? [answer] : answer.filter((each) => each.startsWith(current));
  };
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['ch'], ['check']],
    [['ord'], ['orders-token']],
    [['run', 'break-glass-d'], ['break-glass-drill']],
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
    [['exec', '--secret', 'KEY=op'], ['KEY=openai.api_key']],
    [['exec', '--secret=KEY=op'], ['--secret=KEY=openai.api_key']],
    [['exec', '--secret', 'KE'], []],
    [['mask', '--token', 'TOKEN=orders'], ['TOKEN=orders-token']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', 'powershell'],
    ],
    [['init', ''], ['folders']],
    [['glass', 'cl'], ['close']],
    [
      ['glass', 'close', '--re'],
      ['--region', '--reveal'],
    ],
    [['odd', 'cl'], []],
    [['--dir', ''], ['folders']],
    [['check', '--dir', 'nowhere', '--environment', ''], []],
    [['no-such-flow', '--x'], []],
    [['broken', '--inp'], []],
  ];
  test.each(cases)('%j', async (all, expected) => {
    expect(await completed(...all)).toEqual(expected);
  });

  test('commands and flows, each once, and no file that is none', async () => {
    const all = await completed('');
    expect(all.slice(0, commandNames.length).toSorted()).toEqual(commandNames.toSorted());
    expect(all.slice(commandNames.length)).toEqual(
      expect.arrayContaining(['broken', 'break-glass', 'new-user', 'orders-token', 'seed-runtime', 'typed']),
    );
    expect(new Set(all).size).toBe(all.length);
    expect(all).not.toContain('service');
  });

  test('of every command, every option of its table', async () => {
    for (const [name, facts] of Object.entries(commandTable)) {
      const options = 'options' in facts ? Object.keys(facts.options) : [];
      expect(await completed(name, '--')).toEqual(expect.arrayContaining(options.map((option) => `--${option}`)));
    }
  });
});

describe('a line of bash', () => {
  const breaks = ' \t\n"\'><=;|&(:';
  const cases: readonly [string, readonly string[], string][] = [
    ['flows ', [], ''],
    ['flows ord', [], 'ord'],
    ['flows  a\tb ', ['a', 'b'], ''],
    ['flows --dir=x re', ['--dir=x'], 're'],
    ['flows read op://a', ['read'], 'op://a'],
    [`flows 'a b' "c d"e\\ f g`, ['a b', 'c de f'], 'g'],
    [`flows "a'b`, [], "a'b"],
    ["flows '", [], ''],
  ];
  test.each(cases)('%j', (line, before, current) => {
    expect(bashWords(line, breaks)).toMatchObject({ before, current });
  });

  test('is quoted so that bash takes it for the word', () => {
    const text = string({ unit: 'grapheme', minLength: 1 }).filter(
      (value) => !/[\s\0]/.test(value.replaceAll(' ', '')),
    );
    assert(
      property(text, constantFrom('', '"', "'"), constantFrom('', '--region='), (value, quote, option) => {
        const begun = `flows odd ${option}${quote}`;
        const quoted = bashWords(begun, breaks).quoted(`${option}${value}`);
        if (quoted === undefined) return;
        const { before } = bashWords(`${begun}${quoted}${quote} `, breaks);
        expect(before).toEqual(['odd', `${option}${value}`]);
      }),
    );
  });

  test('of which bash makes something else is left alone', () => {
    for (const line of ['flows odd --region $', 'flows odd --region "$', 'flows odd `'])
      expect(bashWords(line, breaks).quoted('$HOME')).toBeUndefined();
  });
});

// what a person meets: the shell's own script, in bash itself
describe('in bash', () => {
  const bin = join(home.path, 'bin');
  mkdirSync(bin, { recursive: true });
  const cli = join(repository, 'src/cli.ts');
  writeFileSync(join(bin, 'flows'), `#!/bin/sh\nexec '${process.execPath}' --no-warnings '${cli}' "$@"\n`, {
    mode: 0o755,
  });
  const script = `
    set -u; PATH="$1:$PATH"; eval "$(flows completion bash)"
    COMP_LINE=$2; COMP_POINT=\${#COMP_LINE}; COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    _flows flows "$3" ''; printf '%s\\n' "\${COMPREPLY[@]+"\${COMPREPLY[@]}"}"`;
  const completed = (line: string, word = '') => {
    const args = ['-c', script, 'bash', bin, line, word];
    const { status, stdout, stderr } = spawnSync('bash', args, { cwd: home.work, env: home.env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.split('\n').filter((each) => each !== '');
  };
  const cases: readonly [string, string, readonly string[]][] = [
    ['flows ord', 'ord', ['orders-token']],
    ['flows typed --tenant ', '', ['north', 'south']],
    // bash puts in only what follows its own word break
    ['flows typed --tenant=n', 'n', ['north']],
    ['flows init fl', 'fl', ['flows']],
    ['flows nothing --zz', '--zz', []],
    ['flows che', 'che', ['check']],
    ['flows orders-token --hea', '--hea', ['--header']],
    ['flows --environment p', 'p', ['production']],
    ['flows odd --region ', '', ['eu\\ west', 'eu:east', "a\\'b", 'c\\"d', '\\$HOME', '\\`id\\`', 'us']],
    ['flows odd --region=eu', 'eu', ['eu\\ west', 'eu:east']],
    ['flows odd --region eu:', '', ['east']],
    ['flows exec --secret KEY=op', 'op', ['openai.api_key']],
    ['flows odd --region "eu', 'eu', ['eu west', 'eu:east']],
    ["flows odd --region 'a", 'a', ["a'\\''b"]],
    ['flows odd --lines ', '', ['one']],
    ['flows --dir bro', 'bro', ['broken']],
    ['flows --dir=bro', 'bro', ['broken']],
    ['flows policy test flows/policy.', 'flows/policy.', ['flows/policy.test.yaml', 'flows/policy.yaml']],
    ['flows --dir broken --environment t', 't', ['two']],
    ['flows --dir nowhere run ', '', []],
  ];
  test.concurrent.each(cases)('%s', (line, word, expected) => {
    expect(completed(line, word).toSorted()).toEqual(expected.toSorted());
  });
});

describe('the command', () => {
  test.each(Object.entries(shells))('prints the script of %s', async (name, { script }) => {
    const ended = await home.flows(['completion', name]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toBe(readFileSync(join(repository, 'infra/completion', script), 'utf8'));
  });

  test('a link in the place of a folder, or nothing there, is silent', async () => {
    symlinkSync('/proc/self/nothing', join(home.work, 'dangling'));
    const { code, stdout, stderr } = await home.flows(['__complete', 'zsh', '=', '--dir', 'dangling', 'read']);
    expect([code, stdout, stderr]).toEqual([0, 'names\n', '']);
  });

  const wrong: readonly [readonly string[], RegExp][] = [
    [['completion'], /no shell is named \(write flows completion bash\|zsh\|fish\|powershell\)/],
    [['completion', 'zshh'], /did you mean "zsh"/],
    [['completion', 'bahs'], /unknown shell "bahs" \(did you mean "bash"\?\)/],
    [['completion', 'bash', 'x'], /unexpected word "x"/],
  ];
  test.each(wrong)('flows %j', async (args, stderr) => {
    expect(await home.flows(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(stderr) });
  });

  const silent = [
    ['__complete'],
    ['__complete', 'tcsh', '='],
    ['__complete', 'zsh', '=', '--unknown', '--'],
    ['__complete', 'bash'],
  ];
  test.each(silent.map((args) => [args]))('%j says no more than it knows', async (args) => {
    expect(await home.flows(args)).toMatchObject({ code: 0, stderr: '' });
  });

  test('tells what words are without what could speak to the terminal', async () => {
    const { stdout } = await home.flows(['__complete', 'zsh', '=']);
    expect(stdout).toContain('\nodd\tOdd one\n');
    expect(stdout).not.toContain('\u202e');
  });
});
