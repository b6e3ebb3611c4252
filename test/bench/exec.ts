import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findBroker, guestTokenFile } from '../../src/surfaces/server/announcement.ts';
import { createHome, repository } from '../e2e/home.ts';
import { inTurn, row, type Row } from './row.ts';

const command = join(repository, 'dist/cli.js');
const call = { hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command: 'npm test' } };
/** tells when it wrote, in milliseconds of the wall clock */
const printer =
  'process.stdout.write(String(performance.timeOrigin + performance.now()) + "\\n"); setTimeout(() => {}, 20)';

/** Programs with values, and the guard of tools, through a broker that has all in memory, against node's own start. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    await home.start(['dev', '--tour']).shows('Ctrl-C stops everything');
    // where it has told of itself
    process.env['XDG_STATE_HOME'] = home.env['XDG_STATE_HOME'];
    const dir = join(home.work, 'flows');
    const env = { ...home.env, FLOWS_AGENT_TOKEN_FILE: guestTokenFile(dir), FLOWS_BROKER: findBroker(dir)?.url ?? '' };
    const timed = (args: readonly string[], input = '') => {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: home.work, env, encoding: 'utf8', input });
      const took = performance.now() - start;
      if (status !== 0) throw new Error(`${args.join(' ').slice(0, 60)} ended with ${status}: ${stderr}`);
      return took;
    };
    const exec = [command, 'exec', '--token', 'TOKEN=orders-token', '--'];
    const starts = await inTurn(short ? 7 : 40, {
      node: () => timed(['-e', '0']),
      exec: () => timed([...exec, 'true']),
      hook: () => timed([command, 'hook'], JSON.stringify(call)),
    });
    const delays = await inTurn(short ? 5 : 30, {
      direct: () => delayOf([process.execPath, '-e', printer], { cwd: home.work, env }),
      masked: () => delayOf([process.execPath, ...exec, process.execPath, '-e', printer], { cwd: home.work, env }),
    });
    return [
      row({
        name: 'flows exec … -- true through the broker, against node -e 0',
        value: starts.of('exec'),
        unit: 'ms',
        against: starts.of('node'),
        ratio: starts.ratio('exec', 'node'),
        goal: { atMost: 2.5 },
      }),
      row({ name: 'flows hook through the broker', value: starts.of('hook'), unit: 'ms', goal: { atMost: 60 } }),
      row({
        name: 'flows hook through the broker, against node -e 0',
        value: starts.of('hook'),
        unit: 'ms',
        against: starts.of('node'),
        ratio: starts.ratio('hook', 'node'),
      }),
      row({
        name: "the first byte of a program's output is later by",
        value: delays.of('masked') - delays.of('direct'),
        unit: 'ms',
        goal: { atMost: 5 },
      }),
    ];
  } finally {
    await home.close();
  }
}

/** Milliseconds from when a program writes until it is read here. */
function delayOf([program = '', ...args]: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    let delay: number | undefined;
    child.stdout.once('data', (data: Buffer) => {
      delay = performance.timeOrigin + performance.now() - Number(data.toString());
    });
    child.once('close', () => (delay === undefined ? reject(new Error('it printed nothing')) : resolve(delay)));
  });
}
