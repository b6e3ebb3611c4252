import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Ended } from './home.ts';
import { endOfCommand, type Wanted } from './pooled-process.ts';

/** A process that runs one command after another. */
interface Pooled {
  readonly child: ChildProcess;
  /** the file of certificates that Node has read as it started */
  readonly trusts: string | undefined;
  run(wanted: Wanted): Promise<Ended>;
}

/** as many as work at once on a few cores */
const mostIdle = 3;
const idle: Pooled[] = [];

/** Whether a command may run in one: what else Node itself reads, it reads as it starts. */
export function canBePooled(env: Wanted['env']): boolean {
  return Object.keys(env).every((name) => name === certificates || !name.startsWith('NODE_'));
}
const certificates = 'NODE_EXTRA_CA_CERTS';

/**
 * Runs a command in a process that may have run others before, but none at the same time: to start Node and to load what
 * a command needs is most of what a short one takes.
 * @param file of the built command
 * @param onStart is given the process, to end it
 */
export async function runPooled(file: string, wanted: Wanted, onStart: (child: ChildProcess) => void): Promise<Ended> {
  const found = idle.findIndex((each) => isAlive(each) && each.trusts === wanted.env[certificates]);
  const pooled = idle.splice(found, found < 0 ? 0 : 1)[0] ?? startPooled(file, wanted.env);
  onStart(pooled.child);
  const ended = await pooled.run(wanted);
  if (isAlive(pooled)) idle.push(pooled);
  for (const { child } of idle.splice(0, idle.length - mostIdle)) child.kill('SIGKILL');
  return ended;
}

function isAlive({ child: { connected, exitCode, signalCode, killed } }: Pooled): boolean {
  return connected && exitCode === null && signalCode === null && !killed;
}

function startPooled(file: string, env: Wanted['env']): Pooled {
  const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'pooled-process.ts'), file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said = { stdout: '', stderr: '' };
  let code: number | undefined;
  let done: ((ended: Ended) => void) | undefined;
  const look = () => {
    const { stdout, stderr } = said;
    if (code === undefined || !stdout.endsWith(endOfCommand) || !stderr.endsWith(endOfCommand)) return;
    const without = (text: string) => text.slice(0, -endOfCommand.length);
    done?.({ code, signal: null, stdout: without(stdout), stderr: without(stderr) });
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      look();
    });
  }
  child.on('message', (sent) => {
    code = Number(sent);
    look();
  });
  // a command may end its process
  child.on('close', (ended, signal) => done?.({ code: ended, signal, ...said }));
  // they end with this process, which waits for none of them
  child.unref();
  child.channel?.unref();
  return {
    child,
    trusts: env[certificates],
    run: (wanted) =>
      new Promise((resolve) => {
        [said.stdout, said.stderr, code, done] = ['', '', undefined, resolve];
        child.send(wanted);
      }),
  };
}
