import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { chmodSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, createHome } from '../../e2e/home.ts';

const home = createHome(true, 'onepassword-connect');
beforeAll(async () => {
  await home.stack();
});
afterAll(() => home.close());

async function session(args: readonly string[], env: Record<string, string> = {}) {
  const client = new Client({ name: 'tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['--no-warnings', command, 'mcp', ...args],
    cwd: home.work,
    env: { ...home.env, ...env },
    stderr: 'ignore',
  });
  await client.connect(transport);
  return {
    client,
    call: async (name: string, given = {}) => (await client.callTool({ name, arguments: given })).structuredContent,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

describe('flows mcp', () => {
  test('with --agent has a broker of its own, with the rules of policy.yaml', async () => {
    await using at = await session(['--agent', 'codex']);
    expect(JSON.stringify(await at.call('list_flows'))).toContain('"name":"seed-runtime"');
    expect(await at.call('run_reading_flow', { flow: 'orders-token' })).toMatchObject({ output: { is: 'token' } });
    expect(await at.call('run_reading_flow', { flow: 'scim-token' })).toMatchObject({ error: 'not-allowed' });
  });

  test.each([
    [[], {}, /nothing says which agent this is/],
    [[], { FLOWS_AGENT_TOKEN_FILE: 'none' }, /no broker runs for/],
    [['--agent', 'codes'], {}, /policy\.yaml has no agent "codes".*codex/],
    [['--agent', 'codex', '--dir', 'none'], {}, /none/],
  ])('%j %j begins all the same, and says why there is no answer', async (args, env, why) => {
    await using at = await session(args, env);
    expect((await at.client.listTools()).tools).toHaveLength(7);
    expect(await at.call('list_flows')).toMatchObject({ error: 'not-ready', meaning: expect.stringMatching(why) });
  });

  test('tells no client what it does not know', async () => {
    const { code, stderr } = await home.flows(['mcp', '--print-config', 'emacs']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: unknown client of --print-config (one of claude, codex, cursor, vscode)\n',
    });
  });

  const where = { FLOWS_DIR: join(home.work, 'flows'), XDG_STATE_HOME: home.env['XDG_STATE_HOME'] ?? '' };
  const env = { FLOWS_AGENT_TOKEN_FILE: join(home.work, 'agent.token'), ...where };
  const server = { command: process.execPath, args: [command, 'mcp'], env };
  test.each([
    ['claude', { mcpServers: { flows: { type: 'stdio', ...server } } }],
    ['cursor', { mcpServers: { flows: server } }],
    ['vscode', { servers: { flows: { type: 'stdio', ...server } } }],
  ])('--print-config %s gives what belongs into its file', async (client, expected) => {
    const { code, stdout } = await home.flows(['mcp', '--print-config', client]);
    expect({ code, config: JSON.parse(stdout) as unknown }).toEqual({ code: 0, config: expected });
  });

  test('--print-config codex gives TOML', async () => {
    const { stdout } = await home.flows(['mcp', '--print-config', 'codex', '--agent', 'codex']);
    const [node, file] = [process.execPath, command].map((path) => JSON.stringify(path));
    expect(stdout).toBe(
      `[mcp_servers.flows]\ncommand = ${node}\nargs = [${file},"mcp","--agent","codex"]\nenv = { FLOWS_DIR = ${JSON.stringify(where.FLOWS_DIR)}, XDG_STATE_HOME = ${JSON.stringify(where.XDG_STATE_HOME)} }\n`,
    );
  });

  // npx and npm's scripts have it on the path, a client has not; and npx elsewhere fetches someone else's package
  test.each([
    ['bin', ['flows', 'mcp']],
    ['node_modules/.bin', [process.execPath, command, 'mcp']],
  ])('--print-config with flows in %s of the path names what starts from anywhere', async (folder, words) => {
    home.write(`${folder}/flows`, '#!/bin/sh\n');
    chmodSync(join(home.work, folder, 'flows'), 0o755);
    const PATH = [join(home.work, folder), home.env['PATH']].join(delimiter);
    const { stdout } = await home.flows(['mcp', '--print-config', 'cursor'], { env: { PATH } });
    const { command: first, args } = (JSON.parse(stdout) as { mcpServers: { flows: typeof server } }).mcpServers.flows;
    expect([first, ...args]).toEqual(words);
  });
});
