import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FlowAnswer } from '../../../src/broker/contract.ts';
import { quoted } from '../../../src/foundation/shell-words.ts';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { command, createHome, type Ended, type Running, type Start } from '../../e2e/home.ts';
import { python } from '../../programs.ts';
import { bearer, canary, memoryTrail, own, standInBroker, startStand, type Stand } from '../server/stand.ts';

const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
let key = '';
beforeAll(async () => {
  home.write(
    'flows/orders-env.yaml',
    `description: What the Orders job runs with
output: { KEY: op://Agents/OpenAI/credential, PIN: op://Agents/Orders Database/pin, LEVEL: info }
`,
  );
  home.write(
    'flows/development.yaml',
    'values: { op://Agents/Orders Database/pin: "007", op://Agents/Orders TLS/key: "a-first-line\\na-second-line\\n" }\n',
  );
  home.write(
    'flows/files-env.yaml',
    'description: A file\nas-file: [CREDENTIALS]\noutput: { CREDENTIALS: op://Agents/OpenAI/credential }\n',
  );
  home.write('flows/tls-env.yaml', 'description: A key\noutput: { TLS: op://Agents/Orders TLS/key }\n');
  stack = await home.stack();
  const item = stack.vault.dump().find(({ title }) => title === 'OpenAI');
  key = item?.fields.find(({ label }) => label === 'credential')?.value ?? '';
});
afterAll(() => home.close());

let stand: Stand;
/** asks it: no vault and no folder, so what is about the program alone is told in a fifth of the time */
let byBroker: Readonly<Record<string, string>>;
const { broker: standIn } = standInBroker(memoryTrail().trail);
/** when the token of its flow ends, which is set where it is asked for: the file takes longer than it lasts */
let soon = 0;
const answers = (): Readonly<Record<string, FlowAnswer>> => ({
  'orders-env': {
    output: { KEY: 'op://Agents/OpenAI/credential', OTHER: 'a-secret-of-the-flow', LEVEL: 'info' },
    as: { KEY: 'reference', OTHER: 'secret', LEVEL: 'plain' },
  },
  'other-env': { output: { OTHER: 'a-secret-of-the-flow' }, as: { OTHER: 'secret' }, files: ['OTHER'] },
  'short-token': { output: { access_token: canary, token_type: 'Bearer', expires_at: soon }, as: 'token' },
});
beforeAll(async () => {
  const run: typeof standIn.run = async (caller, flow, inputs) => answers()[flow] ?? standIn.run(caller, flow, inputs);
  stand = await startStand({ broker: { ...standIn, run } });
  const file = join(home.path, 'agent-token');
  writeFileSync(file, `${bearer}\n`, { mode: 0o600 });
  const certificate = join(home.path, 'broker.pem');
  writeFileSync(certificate, own.cert);
  byBroker = { FLOWS_BROKER: stand.url, FLOWS_AGENT_TOKEN_FILE: file, NODE_EXTRA_CA_CERTS: certificate };
});
afterAll(() => stand.server.close());

const exec = (args: readonly string[], options?: Start): Promise<Ended> => home.flows(['exec', ...args], options);
const shell = (script: string, options?: Start) => exec(['orders-env', '--', 'sh', '-c', script], options);
/** Nothing that anybody sees. */
const hidden = (...seen: readonly string[]) => {
  for (const value of [key, canary])
    for (const text of seen) {
      expect(text).not.toContain(value);
      expect(text).not.toContain(Buffer.from(value).toString('hex'));
      expect(text).not.toContain(Buffer.from(value).toString('base64').slice(0, 16));
    }
};

test('a program gets the values of a flow, and what it prints shows none of them, in no form', async () => {
  const script =
    'echo "$KEY $LEVEL"; echo "e $KEY" >&2; printf %s "$KEY" | base64; printf %s "$KEY" | od -An -v -tx1 | tr -d " \\n"';
  const { code, stdout, stderr } = await shell(script);
  expect([code, stdout]).toEqual([0, '[KEY] info\n[KEY]\n[KEY]']);
  expect(stderr).toBe('warning: too short or too common to be masked: PIN (--insist masks it)\ne [KEY]\n');
  hidden(stdout, stderr);
});

test('elsewhere a reference in an output stays one', async () => {
  const { code, stdout } = await home.flows(['orders-env']);
  expect([code, stdout]).toEqual([
    0,
    'KEY: op://Agents/OpenAI/credential\nPIN: op://Agents/Orders Database/pin\nLEVEL: info\n',
  ]);
});

test('values come from the registry, flows, files and the own environment, and from no variable of ours', async () => {
  home.write('work.env', '# a comment\nPLAIN=as it is\nFILED="op://Agents/OpenAI/credential"\n');
  const script = 'echo "$NAMED $TOKEN $PLAIN $FILED $OWN"; env | grep -c -e ^OP_ -e ^FLOWS_AGENT; env | wc -c';
  const args = ['--secret', 'NAMED=openai.api_key', '--token', 'TOKEN=orders-token', '--env-file', 'work.env'];
  const env = { OWN: 'op://Agents/OpenAI/credential', OP_SESSION_x: 'y' };
  const { code, stdout, stderr } = await exec([...args, '--', 'sh', '-c', script], { env });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^\[OWN\] \[TOKEN\] as it is \[OWN\] \[OWN\]\n0\n\d+\n$/);
});

test('a file is there as long as the program, readable by its user alone, and masked too', async () => {
  const script =
    'cat "$CREDENTIALS"; echo; cat "$CREDENTIALS" | wc -c; stat -L -c %a "$CREDENTIALS"; echo "$CREDENTIALS" >&2';
  const { code, stdout, stderr } = await exec(['files-env', '--', 'sh', '-c', script]);
  expect([code, stdout]).toEqual([0, `[CREDENTIALS]\n${key.length}\n600\n`]);
  expect(() => readFileSync(stderr.trim())).toThrow('ENOENT');
});

test.each([
  ['exit 7', 7],
  ['kill -KILL $$', 137],
  ['kill -SEGV $$', 139],
])('%s: the exit code is the program’s, or 128 and its signal', async (script, code) => {
  expect((await shell(script, { env: byBroker })).code).toBe(code);
});

test.each([
  [['no-such-program'], 127, 'error: there is no program no-such-program\n'],
  [['/etc/passwd'], 126, 'error: /etc/passwd cannot be executed\n'],
  [['/etc'], 126, 'error: /etc cannot be executed\n'],
])('%j cannot be run', async (command, code, line) => {
  const ended = await exec(['--secret', 'K=openai.api_key', '--', ...command], { env: byBroker });
  expect(ended).toMatchObject({ code, stdout: '', stderr: line });
});

test('a folder of PATH that cannot be looked into is passed by, as shells do', async () => {
  // to root none is closed
  symlinkSync('round', join(home.work, 'round'));
  const env = { ...byBroker, PATH: `round:${process.env['PATH']}` };
  expect((await exec(['--secret', 'K=openai.api_key', '--', 'true'], { env })).code).toBe(0);
  const { code, stderr } = await exec(['--secret', 'K=openai.api_key', '--', './round/true'], { env });
  expect([code, stderr]).toEqual([126, 'error: ./round/true cannot be executed\n']);
});

test.each([
  [['orders-env'], /no program is named \(write flows exec NAME -- COMMAND\)/],
  [['orders-env', 'true'], /no program is named \(write flows exec NAME -- COMMAND\)/],
  [['--', 'true'], /nothing says which values it gets/],
  [['orders-token', '--', 'true'], /flow "orders-token": its output is no mapping.*--token API_TOKEN=orders-token/],
  [['break-glass', '--', 'true'], /"sign-in" is not a name for a variable/],
  [['seed-runtime', '--', 'true'], /flow "seed-runtime": it writes/],
  [['--secret', 'openai.api_key', '--', 'true'], /--secret takes VARIABLE=NAME/],
  [
    ['--secret', 'K=openai.api_kye', '--', 'true'],
    /unknown secret "openai.api_kye" \(did you mean "openai.api_key"\?\)/,
  ],
  [['--token', 'K=break-glass', '--', 'true'], /its output is not a token/],
  // node reads this option of its own wherever it stands, and is the first to miss the file
  [['--env-file', 'none.env', '--', 'true'], /none\.env/],
  [['--as-file', 'X', 'orders-env', '--', 'true'], /nothing gives X a value/],
])('%j is refused in one line', async (args, line) => {
  const { code, stdout, stderr } = await exec(args);
  expect(code).not.toBe(0);
  expect(stdout).toBe('');
  expect(stderr.trimEnd()).toMatch(line);
  expect(stderr.trimEnd()).not.toContain('\n');
});

test('its words are its own, and so is its help', async () => {
  const words = ['--help', '-h', '--debug', '--dir', 'x'];
  const { code, stdout } = await exec(['orders-env', '--', 'echo', ...words], { env: byBroker });
  expect([code, stdout]).toEqual([0, '--help -h --debug --dir x\n']);
});

describe('its streams', () => {
  test('may be opened by name, and stay in their order where they are one', async () => {
    const script = 'echo a >/dev/stdout; echo b >/dev/stderr; echo c';
    const { stdout } = await home.flows([], {
      env: byBroker,
      program: [
        'sh',
        '-c',
        `"$@" 2>&1`,
        'sh',
        process.execPath,
        '--no-warnings',
        command,
        'exec',
        '--secret',
        'K=openai.api_key',
        '--',
        'sh',
        '-c',
        script,
      ],
    });
    expect(stdout).toBe('a\nb\nc\n');
  });

  test('carry megabytes, whole, and its input', async () => {
    const script =
      'cat; i=0; while [ $i -lt 20 ]; do head -c 100000 /dev/zero | tr "\\0" x; echo "$KEY"; i=$((i+1)); done';
    const { code, stdout } = await shell(script, { input: 'typed\n', env: byBroker });
    expect(code).toBe(0);
    expect(stdout.length).toBe('typed\n'.length + 20 * (100_000 + '[KEY]\n'.length));
    hidden(stdout);
  });

  test('end for it when nobody reads them any more', async () => {
    const line = ['exec', '--secret', 'K=openai.api_key', '--', 'sh', '-c', 'yes; echo $? >&2'];
    const { stdout, stderr } = await home.flows([], {
      env: byBroker,
      program: ['sh', '-c', `"$@" | head -1`, 'sh', process.execPath, '--no-warnings', command, ...line],
    });
    expect([stdout, stderr]).toEqual(['y\n', '141\n']);
  });

  test('show a prompt before it is answered', async () => {
    const running = home.start(['exec', 'orders-env', '--', 'sh', '-c', 'printf "Password: "; exec sleep 600'], {
      env: byBroker,
    });
    await running.shows('Password: ');
    running.child.kill('SIGTERM');
    expect((await running.ended).signal).toBe('SIGTERM');
  });
});

test('a signal ends all that it started, where there is no terminal', async () => {
  const running = home.start(['exec', 'orders-env', '--', 'sh', '-c', 'sleep 600 & echo started; wait'], {
    env: byBroker,
  });
  await running.shows('started');
  running.child.kill('SIGTERM');
  // it ends when the last one does that has its output
  expect((await running.ended).signal).toBe('SIGTERM');
});

test('without masks it becomes the program', async () => {
  const running = home.start(['exec', 'orders-env', '--no-mask', '--', 'sh', '-c', 'echo "$$ ${#KEY}"; kill -PIPE $$']);
  const { stdout, signal } = await running.ended;
  expect([stdout, signal]).toEqual([`${running.child.pid} ${key.length}\n`, 'SIGPIPE']);
});

describe.runIf(python)('on a terminal', () => {
  const type = (running: Running, text: string) => running.child.stdin.write(text);

  test('it has one too: it asks, has its keys and its size, and its values are masked', async () => {
    const running = home.start(['exec', 'orders-env', '--', 'sh', '-i'], { terminal: true, env: byBroker });
    await running.shows(/[#$] $/);
    type(running, 'test -t 0 && test -t 1 && test -t 2 && stty size; echo "<$KEY>"\r');
    expect(await running.shows('<[KEY]>')).toContain('40 120');
    type(running, 'sh -c "echo run""ning; exec sleep 600"\r');
    await running.shows('running');
    type(running, '\u0003');
    type(running, 'echo "code $((100 + $?))"\r');
    await running.shows('code 230');
    // What is typed is shown before the shell has read it: it says itself that it is ready. And it waits for a job in
    // the background: a resize is told to what is in the foreground alone.
    type(running, `trap 'stty size; kill $!; exit 5' WINCH; echo trap""ped; sleep 600 & wait\r`);
    await running.shows('trapped');
    running.child.kill('SIGUSR1');
    await running.shows('50 100');
    const { code, stdout } = await running.ended;
    expect(code).toBe(5);
    hidden(stdout);
  });

  test('each byte is shown as on a terminal of its own, and ours is as it was', async () => {
    const show = `stty raw; printf 'down\\n'; stty sane; echo end`;
    const plain = home.start([], { program: ['sh', '-c', show], terminal: true });
    const { stdout } = await plain.ended;
    expect(stdout).toBe('down\nend\r\n');
    const words = [process.execPath, '--no-warnings', command, 'exec', 'orders-env', '--', 'sh', '-c', show];
    const both = [...words.map(quoted), ';', 'stty -a | grep -oe -*opost'].join(' ');
    const shown = home.start([], { program: ['sh', '-c', both], terminal: true, env: byBroker });
    expect((await shown.ended).stdout).toBe(`${stdout}opost\r\n`);
  });

  test('without the package for it, it runs with pipes, masked, and one notice says so', async () => {
    const missing = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (name.includes('node-pty')) throw new Error('not installed');
        return next(name, context);
      } });`;
    const env = { ...byBroker, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(missing)}` };
    const program = ['sh', '-c', 'test -t 1 || echo "<$KEY>"'];
    const running = home.start(['exec', '--secret', 'KEY=openai.api_key', '--', ...program], { terminal: true, env });
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('<[KEY]>');
    expect(stdout.match(/npm install @lydell\/node-pty/g)).toHaveLength(1);
    hidden(stdout);
  });
});

test('the trail has the id of each token that was given to a program', async () => {
  const { code } = await exec(['--token', 'TOKEN=orders-token', '--', 'true']);
  expect(code).toBe(0);
  const { stdout } = await home.flows(['audit', '--action', 'local.exec', '--json']);
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { jti?: readonly string[] };
  expect(last.jti).toEqual([expect.any(String)]);
  expect((await home.flows(['trace', '--jti', last.jti?.[0] ?? ''])).stdout).toContain('program:true');
});

test('the trail names the flow, what it reads, and the program without its arguments', async () => {
  await exec(['orders-env', '--', 'sh', '-c', 'true # an argument']);
  const { stdout } = await home.flows(['audit', '--action', 'local.exec', '--json']);
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { what: readonly string[] };
  expect(last).toMatchObject({ outcome: 'allowed' });
  expect(last.what).toEqual([
    'orders-env',
    'op://Agents/OpenAI/credential',
    'op://Agents/Orders Database/pin',
    'program:sh',
  ]);
  hidden(stdout);
});

describe('flows mask', () => {
  test('copies its input without the values of a flow, of a token and of the registry', async () => {
    const input = `key ${key}\nhex ${Buffer.from(key).toString('hex')}\nrest`;
    for (const args of [['orders-env'], ['--secret', 'openai.api_key'], ['--secret', 'KEY=openai.api_key']]) {
      const { code, stdout } = await home.flows(['mask', ...args], { input });
      const name = args.at(-1) === 'openai.api_key' ? 'openai.api_key' : 'KEY';
      expect([code, stdout]).toEqual([0, `key [${name}]\nhex [${name}]\nrest`]);
    }
    const token = (await home.flows(['orders-token'])).stdout;
    expect((await home.flows(['mask', 'orders-token'], { input: token })).code).toBe(0);
  });

  test('takes a file too, to its end', async () => {
    home.write('output.log', `key ${key}\nrest`);
    const program = ['sh', '-c', '"$@" <output.log', 'sh', process.execPath, command, 'mask', 'orders-env'];
    const { code, stdout } = await home.flows([], { program });
    expect([code, stdout]).toEqual([0, 'key [KEY]\nrest']);
  });

  test('tells GitHub’s runner each line of a value, on stderr', async () => {
    const env = { GITHUB_ACTIONS: 'true' };
    const { stdout, stderr } = await home.flows(['mask', 'tls-env'], { input: 'a-second-line\n', env });
    expect(stdout).toBe('[TLS]\n');
    expect(stderr).toBe('::add-mask::a-first-line\n::add-mask::a-second-line\n');
  });

  test('names what would say which values', async () => {
    const { code, stdout, stderr } = await home.flows(['mask']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: nothing says which values are masked/);
  });
});

describe('where a broker is set', () => {
  test('it is asked as an agent, a reference by the name that the registry gives it, and the program has no way to ask', async () => {
    const script = 'echo "$KEY $OTHER $LEVEL ${#KEY}"; env | grep -c FLOWS_AGENT';
    const { stdout, stderr } = await shell(script, { env: byBroker });
    expect([stdout, stderr]).toEqual([`[KEY] [OTHER] info ${canary.length}\n0\n`, '']);
    const named = await exec(['--secret', 'NAMED=openai.api_key', '--', 'sh', '-c', 'echo "$NAMED"'], {
      env: byBroker,
    });
    expect(named.stdout).toBe('[NAMED]\n');
  });

  test('what the flow gives as a file is one, without the flow’s own file here', async () => {
    home.write('elsewhere/notes.txt', '');
    const script = 'cat "$OTHER"; echo; cat "$OTHER" | wc -c';
    const cwd = join(home.work, 'elsewhere');
    const there = { ...byBroker, FLOWS_DIR: join(home.work, 'elsewhere') };
    const ended = await exec(['other-env', '--', 'sh', '-c', script], { env: there, cwd });
    expect([ended.stdout, ended.stderr]).toEqual([`[OTHER]\n${'a-secret-of-the-flow'.length}\n`, '']);
  });

  test('with --refresh a token that is about to end is told', async () => {
    soon = Math.floor(Date.now() / 1_000) + 30;
    const args = ['--refresh', '--token', 'TOKEN=short-token', '--', 'sh', '-c', 'echo "$TOKEN"'];
    const { code, stdout, stderr } = await exec(args, { env: byBroker });
    expect([code, stdout]).toEqual([0, '[TOKEN]\n']);
    expect(stderr).toBe(`warning: the token in TOKEN ends at ${new Date(soon * 1_000).toISOString()}\n`);
    expect((await exec(args.slice(1), { env: byBroker })).stderr).toBe('');
  });

  test('what it does not allow is not run', async () => {
    const { code, stdout, stderr } = await exec(['--secret', 'K=github.token', '--', 'echo', 'ran'], { env: byBroker });
    expect([code, stdout]).toEqual([77, '']);
    expect(stderr).toMatch(/^error: "github.token": policy does not allow it/);
  });

  test('a reference that the registry has no name for is refused', async () => {
    const refused = await exec(['--', 'true'], { env: { ...byBroker, OWN: 'op://Agents/Other/key' } });
    expect(refused.stderr).toMatch(
      /op:\/\/Agents\/Other\/key: a broker gives secrets by their names, and registry.yaml has none/,
    );
  });
});
