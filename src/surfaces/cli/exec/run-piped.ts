import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlowError } from '../../../foundation/errors.ts';
import type { Masking } from '../../../foundation/masking/masking.ts';
import { copyMasked } from './masked-output.ts';
import type { Terminal } from '../terminal.ts';
import { type Ending, notExecutable, notFound, type Program } from './program.ts';

/** What one sends to stop or to tell a program, whoever runs it. */
const forwarded = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const;
/** What a terminal sends to all of its programs at once. */
const ofTerminals = ['SIGINT', 'SIGQUIT'] as const;

/**
 * Runs a program whose stdout and stderr go through masking, each on its own, or both as one where they are the same
 * file here. stdin is ours. Without masking the streams are ours too.
 */
export async function runPiped(
  program: Program,
  masking: Masking | undefined,
  ours: Pick<Terminal, 'stream'>,
): Promise<Ending> {
  const terminal = hasTerminal();
  const pipes = masking === undefined ? [] : openPipes(areOneFile(1, 2) ? 1 : 2);
  const [out = 1, err = masking === undefined ? 2 : out] = pipes.map(({ write }) => write);
  const copied = masking === undefined ? [] : pipes.map(({ from, of }) => copyMasked(from, ours.stream(of), masking));
  const closePipes = () => {
    for (const { write } of pipes.splice(0)) closeSync(write);
  };
  const stopped: (() => void)[] = [];
  let child: ChildProcess | undefined;
  const send = (signal: NodeJS.Signals) => {
    try {
      if (terminal) child?.kill(signal);
      else if (child?.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // it has ended
    }
  };
  const ignore = () => undefined;
  try {
    // before it is started: a signal in between must not leave it alone
    for (const signal of [...forwarded, ...ofTerminals]) {
      const handle = terminal && ofTerminals.some((each) => each === signal) ? ignore : send;
      process.on(signal, handle);
      stopped.push(() => process.off(signal, handle));
    }
    const started = spawn(program.path, [...program.args], {
      argv0: program.name,
      env: program.env,
      stdio: ['inherit', out, err],
      // all that it starts is one group, which a signal reaches as a whole; a terminal's group is the terminal's
      detached: !terminal,
    });
    child = started;
    const ended = new Promise<Ending>((resolve, reject) => {
      started.on('exit', (code, signal) => resolve({ code, signal }));
      started.on('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'ENOENT' ? notFound : error.code === 'EACCES' ? notExecutable : undefined;
        if (code !== undefined) resolve({ code, signal: null });
        else
          reject(
            new FlowError('refused', `${program.name} cannot be run: ${error.code ?? 'unknown'}`, {
              hint: 'with E2BIG all variables and arguments together are too long',
            }),
          );
      });
    });
    // theirs alone, so that they end with the last program that has them
    closePipes();
    const ending = await ended;
    await Promise.all(copied);
    return ending;
  } finally {
    closePipes();
    for (const stop of stopped) stop();
  }
}

/**
 * Pipes that a program can open by /dev/stdout, and whose end it is told by SIGPIPE: Node's own are sockets, which can
 * neither (https://github.com/nodejs/node/issues/21941).
 */
function openPipes(count: number) {
  const folder = mkdtempSync(join(tmpdir(), 'flows-'));
  try {
    const paths = ['out', 'err'].slice(0, count).map((name) => join(folder, name));
    // of all at once: a process more is milliseconds
    execFileSync('mkfifo', ['-m', '600', ...paths], { env: { PATH: '/usr/bin:/bin' } });
    return paths.map((path, index) => {
      const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const from = new Socket({ fd: read, readable: true, writable: false });
      return { from, of: index === 0 ? 'out' : 'err', write: openSync(path, constants.O_WRONLY) } as const;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** `2>&1`: as one, so that lines stay in their order. */
function areOneFile(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}
