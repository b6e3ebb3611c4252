import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, source } from '../e2e/home.ts';

const home = createHome();
afterAll(() => home.close());

const inspector = '@modelcontextprotocol/inspector@2.12.0';
const folder = join(tmpdir(), `flows-peers-${userInfo().uid}`, 'mcp-inspector');
const program = join(folder, 'node_modules/.bin/mcp-inspector');

beforeAll(() => {
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder, inspector];
    const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8', timeout: 300_000 });
    if (status !== 0) throw new Error(`the inspector cannot be installed: ${stderr}`);
  }
  const server = { command: process.execPath, args: ['--no-warnings', source, 'mcp', '--agent', 'codex'] };
  home.write('mcp.json', JSON.stringify({ mcpServers: { flows: { ...server, env: home.env } } }));
}, 320_000);

/** What it prints, and its exit code: 5 for a failed call, 6 for a schema that is not portable. */
function inspect(...args: readonly string[]) {
  const words = ['--cli', '--config', 'mcp.json', '--server', 'flows', '--format', 'json', '-q', ...args];
  const { status, stdout } = spawnSync(process.execPath, [program, ...words], {
    cwd: home.work,
    env: { ...home.env, MCP_INSPECTOR_SECRET_STORE: 'memory' },
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, stdout };
}

describe.each(['legacy', 'auto'])('the inspector, era %s', (era) => {
  test('lists the tools, and finds no schema that some model cannot take', () => {
    const { status, stdout } = inspect('--protocol-era', era, '--method', 'tools/list', '--strict');
    expect({ status, warnings: /less portable/.test(stdout) }).toEqual({ status: 0, warnings: false });
    expect(stdout).toContain('"run_reading_flow"');
  }, 150_000);

  test('calls one, and is told why there is no answer', () => {
    const { status, stdout } = inspect('--protocol-era', era, '--method', 'tools/call', '--tool-name', 'list_flows');
    expect({ status, told: stdout.includes('the development stack is not running') }).toEqual({
      status: 5,
      told: true,
    });
  }, 150_000);
});
