import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Home, repository } from '../e2e/home.ts';
import { inTurn, row, type Row } from './row.ts';

/** What a token costs from the shell where a broker has it, against the start of node alone. */
export async function commandThroughBroker(
  home: Home,
  { port, tokenFile, short }: { readonly port: number; readonly tokenFile: string; readonly short: boolean },
): Promise<Row[]> {
  const { env } = home;
  const broker = { FLOWS_BROKER: `http://127.0.0.1:${port}`, FLOWS_AGENT_TOKEN_FILE: tokenFile };
  const timed = (args: readonly string[]) => {
    const started = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: home.work,
      env: { ...env, ...broker },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
    return performance.now() - started;
  };
  const times = await inTurn(short ? 9 : 40, {
    node: () => timed(['-e', '0']),
    flows: () => timed([join(repository, 'dist/cli.js'), 'orders-token']),
  });
  return [
    row({
      name: 'flows orders-token through the broker, against node -e 0',
      value: times.of('flows'),
      unit: 'ms',
      against: times.of('node'),
      ratio: times.ratio('flows', 'node'),
      goal: { atMost: 2 },
    }),
  ];
}
