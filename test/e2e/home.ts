import { openFolder } from '../../src/app/open-folder.ts';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type RunningStack, startStack } from '../../src/laptop/start-stack.ts';

export const repository = resolve(import.meta.dirname, '../..');

/** The command's file in this checkout, as `npm start` runs it. */
export const source = join(repository, 'src/cli.ts');

let built: string | undefined;

// benchmarks have homes too, and no vitest
if (process.env['VITEST'] !== undefined) {
  const { inject } = await import('vitest');
  built = inject('command');
}
/** The one that homes start: built, where the run has built one. */
export const command = built ?? source;

/** A finished command. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** waits until stdout and stderr together hold what is looked for */
  shows(wanted: string | { test(text: string): boolean }): Promise<string>;
}

export interface Start {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** on a terminal of its own: stdout and stderr are one stream */
  readonly terminal?: boolean;
  /** instead of the command: any program, in the same surroundings */
  readonly program?: readonly string[];
}

/** The adapters by which the laptop's vault can be asked. */
type LaptopVault = 'onepassword' | 'onepassword-connect';

/** A user of a machine: a home of their own, and a working folder with `flows/` in it. */
export interface Home {
  /** all that the command may write is below it */
  readonly path: string;
  readonly work: string;
  readonly env: Readonly<Record<string, string>>;
  /** writes a file below the working folder */
  write(path: string, text: string): void;
  start(args: readonly string[], options?: Start): Running;
  flows(args: readonly string[], options?: Start): Promise<Ended>;
  /** several that wait for codes beside each other; but one begins at a time, for that is work */
  beside(commands: readonly (readonly string[])[]): Promise<Ended[]>;
  /** the laptop stack in this process, for a folder below the working folder, `flows` by default */
  stack(dir?: string): Promise<RunningStack>;
  /** how commands that begin from now on ask the laptop's vault in a folder, `flows` by default */
  askBy(vault: LaptopVault, dir?: string): void;
  /** ends what it started, and removes it */
  close(): Promise<void>;
}

/**
 * @param shipped whether `flows/` is a copy of the shipped one, default true
 * @param vault how the commands ask the laptop's vault. The SDK's sign-in is a second of work for each of them, so a file
 *   that is about something else, and has many, chooses Connect
 */
export function createHome(shipped = true, vault?: LaptopVault): Home {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'auth-chain-')));
  const work = join(path, 'work');
  const folder = (name: string) => {
    const made = join(path, name);
    mkdirSync(made, { recursive: true });
    return made;
  };
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder('home'),
    XDG_STATE_HOME: folder('state'),
    XDG_CACHE_HOME: folder('cache'),
    XDG_CONFIG_HOME: folder('config'),
    TMPDIR: folder('tmp'),
    TERM: 'xterm-256color',
    TZ: 'UTC',
  };
  folder('work');
  if (shipped) cpSync(join(repository, 'flows'), join(work, 'flows'), { recursive: true });
  const running = new Set<Running>();
  const stacks: RunningStack[] = [];
  const stateBefore = process.env['XDG_STATE_HOME'];

  const askBy: Home['askBy'] = (type, dir = 'flows') => {
    const file = join(work, dir, 'development.yaml');
    const written = existsSync(file) ? readFileSync(file, 'utf8').replace(/^vault: .*\n/m, '') : '';
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${written}vault: { type: ${type} }\n`);
  };

  const start: Home['start'] = (args, options = {}) => {
    const line = options.program ?? [process.execPath, '--no-warnings', command, ...args];
    const [program = '', ...words] = options.terminal === true ? ['python3', onTerminal, ...line] : line;
    const child = spawn(program, words, { cwd: options.cwd ?? work, env: { ...env, ...options.env } });
    const started = follow(child);
    running.add(started);
    void started.ended.finally(() => running.delete(started));
    if (options.terminal !== true) child.stdin.end(options.input ?? '');
    return started;
  };

  return {
    path,
    work,
    env,
    write(file, text) {
      mkdirSync(dirname(join(work, file)), { recursive: true });
      writeFileSync(join(work, file), text);
    },
    start,
    flows: async (args, options) => start(args, options).ended,
    async beside(commands) {
      const all: Promise<Ended>[] = [];
      for (const args of commands) {
        const run = start(args);
        all.push(run.ended);
        // where it runs is told once it has planned; what fails before that is seen at the end
        await run.shows(': environment development').catch(() => undefined);
      }
      return Promise.all(all);
    },
    askBy,
    async stack(dir = 'flows') {
      // the stack that runs in this process is announced where the commands look
      process.env['XDG_STATE_HOME'] = env['XDG_STATE_HOME'];
      if (vault !== undefined) askBy(vault, dir);
      const stack = await startStack(await openFolder(join(work, dir), {}));
      stacks.push(stack);
      return stack;
    },
    async close() {
      for (const { child } of running) child.kill('SIGKILL');
      await Promise.all([...running].map(({ ended }) => ended));
      await Promise.all(stacks.map((stack) => stack.close()));
      if (stateBefore === undefined) delete process.env['XDG_STATE_HOME'];
      else process.env['XDG_STATE_HOME'] = stateBefore;
      rmSync(path, { recursive: true, force: true });
    },
  };
}

const onTerminal = join(import.meta.dirname, 'terminal.py');

function follow(child: ChildProcessWithoutNullStreams): Running {
  let stdout = '';
  let stderr = '';
  let over = false;
  const watchers = new Set<() => void>();
  const heard = () => {
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Ended>((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => {
      over = true;
      done({ code, signal, stdout, stderr });
      heard();
    });
  });
  return {
    child,
    ended,
    shows: (wanted) =>
      new Promise((found, missed) => {
        const watcher = () => {
          const text = stdout + stderr;
          const there = typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
          if (!there && !over) return;
          watchers.delete(watcher);
          if (there) found(text);
          else missed(new Error(`ended without showing what was waited for:\n${text}`));
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}
