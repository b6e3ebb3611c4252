import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHome, repository } from '../e2e/home.ts';
import { inTurn, row, type Row } from './row.ts';

const command = join(repository, 'dist/cli.js');

/** A flow that a model runs by MCP, to the broker and by `flows mcp`, against the same flow by the broker's own API. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    home.write('flows/policy.yaml', 'agents:\n  bench: { flows: [orders-token] }\n');
    const service = readFileSync(join(home.work, 'flows/service.yaml'), 'utf8');
    home.write('flows/service.yaml', service.replace(/^  development:$/m, '$&\n    server: { mcp: true }'));
    await home.stack();
    const added = await home.flows(['agents', 'add', 'bench']);
    if (added.code !== 0) throw new Error(added.stderr);
    const tokenFile = join(home.path, 'token');
    writeFileSync(tokenFile, added.stdout, { mode: 0o600 });
    const running = home.start([], { program: [process.execPath, command, 'serve', '--port', '0'] });
    const [url = ''] = /http:\/\/127\S+/.exec(await running.shows(/listening on http:\/\/\S+/)) ?? [];
    const headers = { authorization: `Bearer ${added.stdout.trim()}` };

    const api = async () => {
      const json = { ...headers, 'content-type': 'application/json' };
      const response = await fetch(new URL('/v1/flows/orders-token', url), {
        method: 'POST',
        headers: json,
        body: '{}',
      });
      if (!response.ok) throw new Error(`the broker answered ${response.status}`);
      return response.json();
    };
    const call = async (client: Client) => {
      const answer = await client.callTool({ name: 'run_reading_flow', arguments: { flow: 'orders-token' } });
      if (answer.isError === true) throw new Error(JSON.stringify(answer.content));
    };
    const options = { versionNegotiation: { mode: 'auto' } } as const;
    const [http, streams] = [
      new Client({ name: 'bench', version: '1' }, options),
      new Client({ name: 'bench', version: '1' }, options),
    ];
    await http.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));
    const env = { ...home.env, FLOWS_AGENT_TOKEN_FILE: tokenFile, FLOWS_BROKER: url };
    await streams.connect(
      new StdioClientTransport({ command: process.execPath, args: [command, 'mcp'], cwd: home.work, env }),
    );

    const timed = async (work: () => Promise<unknown>) => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const things = {
      api: () => timed(api),
      http: () => timed(() => call(http)),
      streams: () => timed(() => call(streams)),
    };
    // none is measured on code that the engine sees for the first time
    await inTurn(short ? 50 : 300, things);
    const times = await inTurn(short ? 100 : 1_000, things);
    await Promise.all([http.close(), streams.close()]);
    running.child.kill('SIGTERM');
    await running.ended;
    return (['http', 'streams'] as const).flatMap((way) => {
      const told = way === 'http' ? 'an MCP call to the broker' : 'an MCP call by `flows mcp`';
      const [value, against] = [times.of(way), times.of('api')];
      return [
        row({ name: `${told}, beside the same call of its API`, value, unit: 'ms', against }),
        row({ name: 'what that adds', value: value - against, unit: 'ms' }),
      ];
    });
  } finally {
    await home.close();
  }
}
