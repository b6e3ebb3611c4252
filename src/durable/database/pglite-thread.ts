import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { FlowError } from '../../foundation/errors.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import type { Answer } from './contract.ts';
import type { PgliteSetup, Question, Reply, Statement } from './pglite-messages.ts';

/** PGlite in a thread of its own: one session, whose statements are done in the order in which they come. */
export interface PgliteThread {
  /** @throws Error as PostgreSQL tells it, with its `code` */
  ask(statement: Statement): Promise<Answer>;
  close(): Promise<void>;
}

/** It has no need of our environment; what it would print stays unread. */
const isolated = { env: {}, argv: [], execArgv: [], stdout: true, stderr: true };

/** The worker's file has this module's extension: `.ts` in the checkout, `.js` in the package. */
const file = new URL(`./pglite-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

const read = (name: string) =>
  readFile(join(dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite')), name));

/** Node has it, and its types leave it out. */
declare const WebAssembly: { compile(code: Uint8Array): Promise<object> };

/** Its code, compiled once in a process: a second thread begins with what ran hot in the first. */
const compiled = madeOnce(async () => {
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all([
    read('pglite.wasm').then(WebAssembly.compile),
    read('initdb.wasm').then(WebAssembly.compile),
  ]);
  return { pgliteWasmModule, initdbWasmModule };
});

/**
 * What it is made of. It would read these files itself, by promises that nobody waits for: where no more files can be
 * opened, such a one would end it without a word.
 */
async function parts(): Promise<Omit<PgliteSetup, 'data'>> {
  const [modules, files] = await Promise.all([compiled.get(), read('pglite.data')]);
  return { ...modules, files };
}

/**
 * @param data the folder of its files; where there are none, an empty database is put there
 * @param heard told of what is announced
 */
export async function startPglite(
  data: string,
  heard: (channel: string, payload: string) => void,
): Promise<PgliteThread> {
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  let last = 0;
  let ended: FlowError | undefined;
  const workerData: PgliteSetup = { data, ...(await parts()) };
  // six megabytes, which go over as they are
  const transferList = [workerData.files.buffer];
  const worker = new Worker(file, { ...isolated, workerData, transferList });
  // whoever waits for nothing may end
  worker.unref();

  const end = (error: FlowError): void => {
    ended ??= error;
    for (const each of waiting.values()) each.reject(ended);
    waiting.clear();
  };
  worker.on('error', (cause) => end(fault(cause)));
  worker.on('exit', () => end(fault(undefined)));
  worker.on('message', (reply: Reply) => {
    if ('channel' in reply) return heard(reply.channel, reply.payload);
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ('failure' in reply) asked?.reject(Object.assign(new Error(reply.failure.message), reply.failure.fields));
    else asked?.resolve({ rows: reply.rows, rowCount: reply.rowCount });
  });

  const ask = (asks: Question['asks']) =>
    new Promise<Answer>((resolve, reject) => {
      if (ended !== undefined) throw ended;
      last += 1;
      worker.postMessage({ id: last, asks });
      waiting.set(last, { resolve, reject });
      worker.ref();
    });
  const leave = async (): Promise<void> => {
    end(new FlowError('unavailable', "the runs' database is closed", { hint: 'the program is ending' }));
    await worker.terminate();
  };

  try {
    await ask('open');
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    ask,
    async close() {
      // what has ended by itself is closed
      if (ended !== undefined) return;
      try {
        await ask('close');
      } finally {
        await leave();
      }
    },
  };
}

function fault(cause: unknown): FlowError {
  return new FlowError('unavailable', "the thread of the runs' database ended unexpectedly", {
    hint: 'start the broker again: nothing that was committed is lost',
    cause,
  });
}
