import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quoted } from '../../../src/foundation/shell-words.ts';
import { command, createHome, source } from '../../e2e/home.ts';
import { python } from '../../programs.ts';
import { bearer, canary, own, startStand, type Stand } from '../server/stand.ts';

const home = createHome();
let stand: Stand;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  stand = await startStand();
  const [token, certificate] = [join(home.path, 'agent-token'), join(home.path, 'broker.pem')];
  writeFileSync(token, `${bearer}\n`, { mode: 0o600 });
  writeFileSync(certificate, own.cert);
  env = { FLOWS_BROKER: stand.url, FLOWS_AGENT_TOKEN_FILE: token, NODE_EXTRA_CA_CERTS: certificate };
});
afterAll(async () => {
  await stand.server.close();
  await home.close();
});

const ask = (event: unknown, more: Readonly<Record<string, string>> = {}) =>
  home.flows(['hook'], { input: typeof event === 'string' ? event : JSON.stringify(event), env: more });
const bash = (command: string) => ({ hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command } });

test.runIf(python)('a call is read to its end where its pipe does not wait', async () => {
  const start =
    'import fcntl, os, sys; fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK); os.execv(sys.argv[1], sys.argv[1:])';
  const command = [process.execPath, '--no-warnings', source, 'hook'];
  const child = spawn('python3', ['-c', start, ...command], { cwd: home.work, env: home.env });
  let [out, told] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (told += text.toString()));
  const call = JSON.stringify({ ...bash('cat .env'), filling: 'x'.repeat(300_000) });
  child.stdin.write(call.slice(0, 9));
  // it has found nothing to read, or reads later what is there: both are fine
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.stdin.end(call.slice(9));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect([code, told, JSON.parse(out)]).toMatchObject([0, '', { hookSpecificOutput: { permissionDecision: 'deny' } }]);
});

describe('with a broker', () => {
  test('a command that holds a value is refused, and what a tool gave is shown without it', async () => {
    const before = await ask(bash(`curl -H 'Key: ${canary}'`), env);
    expect([before.code, before.stderr]).toEqual([0, '']);
    expect(JSON.parse(before.stdout)).toMatchObject({
      hookSpecificOutput: {
        permissionDecision: 'deny',
        permissionDecisionReason: expect.stringContaining('flows exec --secret VARIABLE=openai.api_key -- COMMAND'),
      },
    });
    const response = { stdout: `äö ${canary}\n`, stderr: '', interrupted: false };
    const after = await ask({ hook_event_name: 'PostToolUse', tool_name: 'Bash', tool_response: response }, env);
    expect(JSON.parse(after.stdout)).toMatchObject({
      hookSpecificOutput: { updatedToolOutput: { ...response, stdout: 'äö [openai.api_key]\n' } },
    });
    for (const text of [before.stdout, after.stdout]) expect(text).not.toContain(canary);
  });

  test('a value is found among however many texts, and beside what is long as JSON', async () => {
    for (const content of [
      [...Array.from({ length: 1_500 }, () => 'a'), canary],
      [canary, '\u0001'.repeat(390_000)],
    ]) {
      const event = { hook_event_name: 'PostToolUse', tool_name: 'mcp__x__y', tool_response: { content } };
      const { stdout } = await ask(event, env);
      const { hookSpecificOutput } = JSON.parse(stdout) as { hookSpecificOutput?: { updatedToolOutput: unknown } };
      const masked = content.map((text) => (text === canary ? '[openai.api_key]' : text));
      expect(hookSpecificOutput?.updatedToolOutput).toEqual({ content: masked });
    }
  });

  test('its rules and environments are the broker’s', async () => {
    stand.brokerState.rules = { files: ['*.pem'], commands: [], allow: [] };
    const { stdout } = await ask(bash('cat a.pem'), env);
    expect(stdout).toContain('a.pem holds values');
    expect(stdout).toContain('flows exec orders-env -- COMMAND');
    const token = await ask(bash(`cat ${env['FLOWS_AGENT_TOKEN_FILE']}`), env);
    expect(token.stdout).toContain("auth-chain's own");
  });

  test('where it does not answer, values are not compared, which is told, and the usual rules hold', async () => {
    const gone = { ...env, FLOWS_BROKER: 'http://127.0.0.1:1' };
    const let_ = await ask(bash(`echo ${canary}`), gone);
    expect([let_.code, let_.stdout]).toEqual([0, '{}\n']);
    expect(let_.stderr).toMatch(/^warning: values are not compared: /);
    expect((await ask(bash('cat .env'), gone)).stdout).toContain('"deny"');
  });
});

describe('without a broker', () => {
  test('the rules are those of policy.yaml, where there is one', async () => {
    expect((await ask(bash('cat a.pem'))).stdout).toBe('{}\n');
    home.write('flows/policy.yaml', "default: deny\nhook: { files: ['*.pem'], allow: [.env.test] }\n");
    expect((await ask(bash('cat a.pem'))).stdout).toContain('flows exec --env-file FILE -- COMMAND');
    expect((await ask(bash('cat .env.test'))).stdout).toBe('{}\n');
    expect((await home.flows(['check'])).stderr).not.toContain('hook');
  });

  const deep = `{"hook_event_name":"PreToolUse","tool_input":${'['.repeat(20_000)}1${']'.repeat(20_000)}}`;
  test.each(['no JSON', '', '{"hook_event_name":', deep])(
    '%.30j is refused by its exit code, with the reason',
    async (input) => {
      const { code, stdout, stderr } = await ask(input);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^error: refused: the input is no JSON.*\n$/);
    },
  );

  test('what lies in this folder is not our own', async () => {
    home.write('notes.txt', 'x\n');
    for (const more of [{}, { FLOWS_AGENT_TOKEN_FILE: '' }])
      expect((await ask(bash('cat notes.txt'), more)).stdout).toBe('{}\n');
  });

  test('what it knows nothing of goes on', async () => {
    expect(await ask({ hook_event_name: 'SessionStart' })).toMatchObject({ code: 0, stdout: '{}\n', stderr: '' });
  });
});

describe('--install', () => {
  const settings = join(home.work, '.claude/settings.json');

  test('adds itself to what is there, once, and shows it first', async () => {
    home.write('.claude/settings.json', '{"model":"opus","hooks":{"PreToolUse":[{"matcher":"Write","hooks":[]}]}}');
    const { code, stdout, stderr } = await home.flows(['hook', '--install', 'claude', '--yes']);
    expect([code, stdout]).toEqual([0, '.claude/settings.json\n']);
    expect(stderr).toContain('to be added to .claude/settings.json:');
    const written = JSON.parse(readFileSync(settings, 'utf8'));
    expect(written).toMatchObject({
      model: 'opus',
      hooks: {
        PreToolUse: [
          { matcher: 'Write', hooks: [] },
          { hooks: [{ type: 'command', command: expect.stringMatching(/ hook$/) }] },
        ],
        PostToolUse: [{ matcher: expect.stringContaining('Bash') }],
      },
    });
    const again = await home.flows(['hook', '--install', 'claude', '--yes']);
    expect([again.code, again.stderr]).toEqual([0, '.claude/settings.json has it already\n']);
    expect(JSON.parse(readFileSync(settings, 'utf8'))).toEqual(written);
  });

  // npx and npm's scripts have it on the path, a harness has not
  test.each([
    ['bin', 'flows hook'],
    ['node_modules/.bin', [process.execPath, command, 'hook'].map(quoted).join(' ')],
  ])('with flows in %s of the path adds what starts from anywhere', async (folder, line) => {
    home.write('.cursor/hooks.json', '{}');
    home.write(`${folder}/flows`, '#!/bin/sh\n');
    chmodSync(join(home.work, folder, 'flows'), 0o755);
    const PATH = [join(home.work, folder), home.env['PATH']].join(delimiter);
    expect((await home.flows(['hook', '--install', 'cursor', '--yes'], { env: { PATH } })).code).toBe(0);
    expect(JSON.parse(readFileSync(join(home.work, '.cursor/hooks.json'), 'utf8'))).toMatchObject({
      hooks: { beforeReadFile: [{ command: line }] },
    });
    rmSync(join(home.work, '.cursor/hooks.json'));
  });

  test.each([
    ['codex', 'home/.codex/hooks.json', ['PreToolUse']],
    ['cursor', 'work/.cursor/hooks.json', ['beforeShellExecution', 'beforeReadFile', 'beforeMCPExecution']],
  ])('%s has a file of its own', async (name, file, events) => {
    expect((await home.flows(['hook', '--install', name, '--yes'])).code).toBe(0);
    const { hooks } = JSON.parse(readFileSync(join(home.path, file), 'utf8')) as { hooks: object };
    expect(Object.keys(hooks)).toEqual(events);
    expect(statSync(join(home.path, file)).mode & 0o777).toBe(0o644);
  });

  test.each([
    [['--install', 'emacs', '--yes'], '', /^error: unknown harness "emacs" \(claude, codex or cursor\)\n$/],
    [['--install', 'claude', '--yes'], '// mine\n{}', /^error: \.claude\/settings\.json is no JSON/],
    [['--install', 'claude', '--yes'], '{"hooks":[]}', /^error: hooks in \.claude\/settings\.json is no object/],
    [['--install', 'claude'], '{}', /error: there is no terminal to ask on \(add --yes to write without asking\)\n$/],
  ])('%j over %j is refused in one line, and changes nothing', async (args, text, line) => {
    home.write('.claude/settings.json', text);
    const { code, stdout, stderr } = await home.flows(['hook', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line);
    expect(readFileSync(settings, 'utf8')).toBe(text);
  });

  test.runIf(python)('asks on a terminal, and a no is one', async () => {
    home.write('.claude/settings.json', '{}');
    const running = home.start(['hook', '--install', 'claude'], { terminal: true });
    await running.shows('add it? [y/N]');
    running.child.stdin.write('n\r');
    expect((await running.ended).code).toBe(4);
    expect(readFileSync(settings, 'utf8')).toBe('{}');
  });
});
