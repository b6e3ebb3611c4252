import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pythonEnvironment } from './python.ts';

/** A Python client of 1Password, which a script of ours drives: another core than the JavaScript one, with TLS and HTTP of its own. */
export interface PythonSdk {
  /** @throws PythonError what the SDK raised */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T>;
  stop(): Promise<void>;
}

/** An exception of the SDK. */
export class PythonError extends Error {
  override readonly name = 'PythonError';
  /** the exception's class */
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

interface Reply {
  readonly value?: unknown;
  readonly error?: string;
  readonly message?: string;
}

const clients = { sdk: 'onepassword-sdk==0.4.2', connect: 'onepasswordconnectsdk==2.1.0' } as const;

export async function startPythonSdk(client: keyof typeof clients = 'sdk'): Promise<PythonSdk> {
  const environment = await pythonEnvironment([clients[client]]);
  const child = spawn(join(environment, 'bin', 'python'), [join(import.meta.dirname, `python-${client}.py`)], {
    env: { PATH: process.env['PATH'] ?? '', HOME: environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // an end is told by stdout
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();

  async function ask(method: string, args: readonly unknown[]): Promise<unknown> {
    child.stdin.write(`${JSON.stringify([method, ...args])}\n`);
    const { value: line, done } = await lines.next();
    if (done === true) throw new Error('the Python SDK has ended');
    const { value, error, message = '' } = JSON.parse(line) as Reply;
    if (error !== undefined) throw new PythonError(error, message);
    return value;
  }

  return {
    call<T>(method: string, ...args: readonly unknown[]) {
      const mine = turn.then(() => ask(method, args));
      turn = mine.catch(() => undefined);
      return mine as Promise<T>;
    },
    async stop() {
      child.stdin.end();
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(late);
    },
  };
}
