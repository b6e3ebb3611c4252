import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home, Running } from '../e2e/home.ts';
import type { Load, Seen } from './load-generator.ts';

/** A server that is measured, in a process of its own. */
export interface Target {
  readonly running: Running;
  readonly port: number;
}

/** The request of an agent. */
export function requestFor(
  { method, path, body }: { readonly method: string; readonly path: string; readonly body: string },
  port: number,
  bearer: string,
): string {
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${bearer}`,
    ...(body === '' ? [] : ['Content-Type: application/json']),
    `Content-Length: ${body.length}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

export async function start(home: Home, program: readonly string[]): Promise<Target> {
  const running = home.start([], { program: pinned(0, program) });
  const text = await running.shows(/listening on http:\/\/\S+/);
  return { running, port: Number(/listening on http:\/\/[^:]+:(\d+)/.exec(text)?.[1]) };
}

export async function stop({ running }: Target): Promise<void> {
  running.child.kill('SIGTERM');
  await running.ended;
}

/** Runs the load generator on the other processor. */
export async function load(wanted: Load): Promise<Seen> {
  const [program = '', ...words] = pinned(1, [
    process.execPath,
    '--no-warnings',
    join(import.meta.dirname, 'load-generator.ts'),
    JSON.stringify(wanted),
  ]);
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error('the load generator failed');
  return JSON.parse(text) as Seen;
}

export interface Worked extends Seen {
  /** microseconds of processor time that an answer took; NaN where the system does not tell */
  readonly work: number;
}

/** The same, and what it costs the server. */
export async function loadOn({ port, running }: Target, wanted: Omit<Load, 'host' | 'port'>): Promise<Worked> {
  const before = processorTime(running);
  const seen = await load({ host: '127.0.0.1', port, ...wanted });
  return { ...seen, work: (processorTime(running) - before) / seen.all };
}

/** Microseconds that all threads of a program were on a processor, so far. */
function processorTime({ child }: Running): number {
  const threads = `/proc/${child.pid ?? 0}/task`;
  if (!existsSync(threads)) return Number.NaN;
  const nanoseconds = readdirSync(threads).map((thread) =>
    Number(readFileSync(join(threads, thread, 'schedstat'), 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1_000;
}

/** On one processor, where the system can be told so. */
export function pinned(processor: number, program: readonly string[]): readonly string[] {
  return existsSync('/usr/bin/taskset') ? ['/usr/bin/taskset', '-c', String(processor), ...program] : program;
}
