import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findStack } from '../../src/app/laptop-stack-file.ts';
import { createHome, repository } from '../e2e/home.ts';
import { inTurn, row, type Row } from './row.ts';

const command = join(repository, 'dist/cli.js');

/** What one would write without us, for the same token; the references are those of flows/orders-token.yaml. */
const tenLines = `
  import { createClient } from '@1password/sdk';
  const { TOKEN: auth, ISSUER } = process.env;
  const client = await createClient({ auth, integrationName: 'ten lines', integrationVersion: '1' });
  const client_id = await client.secrets.resolve('op://Agents/Orders M2M/username');
  const client_secret = await client.secrets.resolve('op://Agents/Orders M2M/credential');
  const { token_endpoint } = await (await fetch(ISSUER + '/.well-known/openid-configuration')).json();
  const grant = { grant_type: 'client_credentials', audience: 'https://orders.example', scope: 'orders:read' };
  const body = new URLSearchParams({ ...grant, client_id, client_secret });
  const answer = await (await fetch(token_endpoint, { method: 'POST', body })).json();
  process.stdout.write(answer.access_token);
`;

/** milliseconds from the start of `flows mcp` until a client is answered */
function firstAnswer(cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  const start = performance.now();
  const { stdin, stdout } = spawn(process.execPath, [command, 'mcp'], { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`);
  return new Promise((resolve) => {
    stdout.once('data', () => {
      resolve(performance.now() - start);
      stdin.end();
    });
  });
}

/** The built command's starts, against node's own, and a token's against ten lines with the SDK. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  const { env } = home;
  const timed = (args: readonly string[], more: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}) => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: home.work, env, encoding: 'utf8', ...more });
    const took = performance.now() - start;
    if (status !== 0) throw new Error(`${args.join(' ').slice(0, 60)} ended with ${status}: ${stderr}`);
    return took;
  };
  try {
    const starts = await inTurn(short ? 7 : 40, {
      node: () => timed(['-e', '0']),
      version: () => timed([command, '--version']),
      list: () => timed([command]),
      check: () => timed([command, 'check']),
      word: () => timed([command, '__complete', 'bash', '=flows ']),
      option: () => timed([command, '__complete', 'bash', '=flows new-user --']),
      mcp: () => firstAnswer(home.work, env),
    });
    const against = starts.of('node');
    const start = (name: 'version' | 'check' | 'list' | 'word' | 'option' | 'mcp', shown: string, atMost?: number) =>
      row({
        name: `${shown}, against node -e 0`,
        value: starts.of(name),
        unit: 'ms',
        against,
        ratio: starts.ratio(name, 'node'),
        ...(atMost === undefined ? {} : { goal: { atMost } }),
      });

    await home.start(['dev']).shows('Ctrl-C stops everything');
    // where it has told of itself
    process.env['XDG_STATE_HOME'] = home.env['XDG_STATE_HOME'];
    const stack = await findStack(join(home.work, 'flows'));
    const own = { ...env, TOKEN: stack.vault.token.reveal(), ISSUER: stack.issuer };
    const tokens = await inTurn(short ? 3 : 15, {
      flows: () => timed([command, 'orders-token']),
      script: () => timed(['--input-type=module', '-e', tenLines], { cwd: repository, env: own }),
    });
    return [
      start('version', 'flows --version', 1.4),
      start('list', 'flows'),
      start('check', 'flows check', 3.6),
      start('word', 'completing a command or flow', 2),
      start('option', "completing a flow's input", 3),
      start('mcp', 'flows mcp, to its first answer', 4),
      row({
        name: 'flows orders-token, cold, against ten lines with the SDK',
        value: tokens.of('flows'),
        unit: 'ms',
        against: tokens.of('script'),
        ratio: tokens.ratio('flows', 'script'),
      }),
    ];
  } finally {
    await home.close();
  }
}
