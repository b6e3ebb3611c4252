import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';

/** A command that is to be run. */
export interface Wanted {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Ends what a command says, on stdout and on stderr. */
export const endOfCommand = '\u0000end of command\u0000';

/** What the command listens to in its process. */
const events = ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'uncaughtException'];

/**
 * Runs one command after another, each as in a process of its own: the command's file is run anew, with its words and its
 * environment, and the command is over when its process would end, since nothing is left to do. What that file loads
 * stays loaded.
 */
function runInTurn(file: string): void {
  const url = pathToFileURL(file).href;
  let count = 0;
  let running = false;
  const sockets = new Set<Socket>();
  const threads = new Set<Worker>();
  subscribe('net.client.socket', (message) => void sockets.add((message as { socket: Socket }).socket));
  process.on('worker', (thread) => void threads.add(thread));

  process.on('message', ({ args, env, cwd }: Wanted) => {
    running = true;
    // else there would always be something left to do
    process.channel?.unref();
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, env);
    process.chdir(cwd);
    process.argv = [process.execPath, file, ...args];
    process.exitCode = undefined;
    count += 1;
    void import(`${url}?${count}`);
  });

  process.on('beforeExit', (code) => {
    if (!running) return;
    running = false;
    process.emit('exit', code);
    for (const event of events) process.removeAllListeners(event);
    // what ends with a process: connections that are kept, and threads
    for (const socket of sockets) socket.destroy();
    for (const thread of threads) void thread.terminate();
    for (const each of [sockets, threads]) each.clear();
    for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').write(endOfCommand);
    process.chdir('/');
    process.channel?.ref();
    process.send?.(code);
  });
}

const [, , file] = process.argv;
if (process.send !== undefined && file !== undefined) runInTurn(file);
