import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, source } from '../e2e/home.ts';
import { found } from '../e2e/markers.ts';
import { type McpStand, openMcpStand } from '../surfaces/mcp/stand.ts';
import { startFakeModel } from './fake-model.ts';

const packages = ['@anthropic-ai/claude-code@2.1.332', '@openai/codex@0.171.0'];
const folder = join(tmpdir(), `flows-peers-${userInfo().uid}`, 'harnesses');
const installed = join(folder, 'node_modules');
const programs = {
  // finds the program for this machine, which its script would put in its place
  claude: [process.execPath, join(installed, '@anthropic-ai/claude-code/cli-wrapper.cjs')],
  codex: [process.execPath, join(installed, '@openai/codex/bin/codex.js')],
} as const;

if (!Object.values(programs).every(([, file]) => existsSync(file))) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const args = [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--fetch-retries=1',
    '--prefix',
    folder,
    ...packages,
  ];
  spawnSync('npm', args, { timeout: 120_000 });
}

/** Whether it starts here: not everywhere is there a build of it, or a registry. */
function starts([program, file]: readonly [string, string]): boolean {
  return spawnSync(program, [file, '--version'], { timeout: 30_000 }).status === 0;
}

let stand: McpStand;
const home = createHome(false);
/** of the agent: what a user has in their shell */
let env: Record<string, string>;
beforeAll(async () => {
  stand = await openMcpStand();
  const token = join(home.path, 'agent.token');
  writeFileSync(token, stand.token.reveal(), { mode: 0o600 });
  // as where the package is installed
  const bin = join(home.work, 'node_modules/.bin');
  home.write('node_modules/.bin/flows', `#!/bin/sh\nexec '${process.execPath}' --no-warnings '${source}' "$@"\n`);
  chmodSync(join(bin, 'flows'), 0o755);
  const PATH = `${bin}${delimiter}${home.env['PATH']}`;
  env = {
    PATH,
    XDG_STATE_HOME: stand.state,
    FLOWS_AGENT_TOKEN_FILE: token,
    FLOWS_BROKER: stand.service().url ?? '',
  };
});
afterAll(async () => {
  await home.close();
  await stand.close();
});

/** What the agent could see, if it saw values. */
async function values(): Promise<readonly string[]> {
  const { output } = await stand.broker.run('mixed');
  const { TOKEN, KEY } = output as { TOKEN: { access_token: string }; KEY: string };
  return [TOKEN.access_token, KEY, stand.token.reveal(), dotenv];
}

const dotenv = 'hunter2-hunter2';
const input = { flow: 'mixed', inputs: { note: 'for a model' } };

describe.skipIf(!starts(programs.claude))('Claude Code', () => {
  test('with what --print-config and --install print runs a flow, is refused .env, and sees no value', async () => {
    const { stdout } = await home.flows(['mcp', '--print-config', 'claude'], { env });
    home.write('.mcp.json', stdout);
    home.write('.env', `KEY=${dotenv}\n`);
    expect((await home.flows(['hook', '--install', 'claude', '--yes'], { env })).code).toBe(0);
    await using model = await startFakeModel([
      { name: 'mcp__flows__run_reading_flow', input },
      { name: 'Bash', input: { command: 'cat .env', description: 'reads .env' } },
      { name: 'Read', input: { file_path: join(home.work, '.env') } },
    ]);
    const words = ['-p', 'which flows are there?', '--mcp-config', '.mcp.json', '--strict-mcp-config'];
    const ended = await home.start([], {
      program: [...programs.claude, ...words, '--allowedTools', 'mcp__flows__run_reading_flow,Bash,Read'],
      env: {
        ...env,
        ANTHROPIC_BASE_URL: model.url,
        ANTHROPIC_API_KEY: 'none',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
        MCP_TIMEOUT: '60000',
      },
    }).ended;
    expect(ended).toMatchObject({ code: 0, stdout: 'done\n' });
    const [flow = '', bash = '', read = ''] = model.answers;
    expect(flow).toContain('mixed.KEY');
    expect(flow).toContain('for a model');
    for (const refused of [bash, read]) expect(refused).toContain('flows exec');
    expect(found(await values(), model.bytes())).toEqual([]);
  });
});

describe.skipIf(!starts(programs.codex))('Codex', () => {
  test('with what --print-config prints runs a flow, and sees no value', async () => {
    const { stdout } = await home.flows(['mcp', '--print-config', 'codex'], { env });
    await using model = await startFakeModel([{ name: 'run_reading_flow', namespace: 'mcp__flows', input }]);
    const provider = `model = "fake"
model_provider = "fake"
check_for_update_on_startup = false
[model_providers.fake]
name = "fake"
base_url = "${model.url}/v1"
wire_api = "responses"
`;
    mkdirSync(join(home.env['HOME'] ?? '', '.codex'), { recursive: true });
    writeFileSync(join(home.env['HOME'] ?? '', '.codex/config.toml'), `${provider}${stdout}startup_timeout_sec = 60\n`);
    const ended = await home.start([], {
      program: [...programs.codex, 'exec', '--skip-git-repo-check', 'which flows are there?'],
      env,
    }).ended;
    expect(ended).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(model.answers[0]).toContain('mixed.KEY');
    expect(model.answers[0]).toContain('for a model');
    expect(found(await values(), model.bytes())).toEqual([]);
  });
});
