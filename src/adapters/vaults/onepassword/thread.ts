import { Worker } from 'node:worker_threads';
import { FlowError } from '../../../foundation/errors.ts';
import { classify } from './sdk-errors.ts';
import type { Operation, Operations, Reply, WorkerSetup } from './thread-messages.ts';

export interface SdkThread {
  /** @throws FlowError as the table in onepassword-errors has it, or timeout */
  call<O extends Operation>(operation: O, asks: Operations[O]['asks']): Promise<Operations[O]['gives']>;
  requests(): number;
  close(): Promise<void>;
}

export interface ThreadOptions {
  /** asked at each start of the thread, so that a renewed token is taken up */
  readonly sign: () => Promise<WorkerSetup['sign']>;
  /** milliseconds for one call, sign-in included */
  readonly deadline: number;
}

interface Waiting {
  readonly resolve: (gives: unknown) => void;
  readonly reject: (error: FlowError) => void;
  readonly timer: NodeJS.Timeout;
  readonly call: Parameters<typeof classify>[1];
}

const writes: ReadonlySet<Operation> = new Set(['create', 'setOneTimePassword', 'archive']);

interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  ended: boolean;
}

/** The worker's file has this module's extension: `.ts` in the checkout, `.js` in the package. */
const file = new URL(`./thread-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * Runs the SDK in a thread of its own. The SDK can neither be aborted nor does it give up by itself: a call that is
 * late ends the thread, and the next call starts afresh.
 */
export function createSdkThread(options: ThreadOptions): SdkThread {
  const counter = new SharedArrayBuffer(4);
  const count = new Int32Array(counter);
  let starting: Promise<Running> | undefined;
  let current: Running | undefined;
  let closed = false;
  let last = 0;

  /** Ends a thread, with an error for all who wait for it. */
  const end = (running: Running, error: FlowError): void => {
    const { worker, waiting } = running;
    running.ended = true;
    if (current === running) {
      current = undefined;
      starting = undefined;
    }
    for (const [id, each] of waiting) {
      waiting.delete(id);
      clearTimeout(each.timer);
      each.reject(error);
    }
    void worker.terminate();
  };

  const start = async (): Promise<Running> => {
    const setup: WorkerSetup = { sign: await options.sign(), counter };
    // the SDK needs none of our environment, and writes nothing that anyone should see: what it writes stays unread,
    // since reading it would keep the process alive
    const worker = new Worker(file, { workerData: setup, env: {}, argv: [], execArgv: [], stdout: true, stderr: true });
    const running: Running = { worker, waiting: new Map(), ended: false };
    current = running;
    worker.unref();
    worker.on('message', (reply: Reply) => {
      const each = running.waiting.get(reply.id);
      if (each === undefined) return;
      running.waiting.delete(reply.id);
      clearTimeout(each.timer);
      if (running.waiting.size === 0) worker.unref();
      if ('gives' in reply) {
        each.resolve(reply.gives);
        return;
      }
      const error = classify(reply.failure, each.call);
      each.reject(error);
      // the next call asks for the token again: it may have been renewed
      if (error.code === 'denied' && /authenticat|Decrypt/.test(reply.failure.text) && running.waiting.size === 0) {
        end(running, error);
      }
    });
    worker.on('error', (cause) => end(running, fault(cause)));
    worker.on('exit', () => end(running, fault(undefined)));
    return running;
  };

  const started = (): Promise<Running> => {
    const mine = (starting ??= start());
    mine.catch(() => {
      if (starting === mine) starting = undefined;
    });
    return mine;
  };

  return {
    async call<O extends Operation>(operation: O, asks: Operations[O]['asks']): Promise<Operations[O]['gives']> {
      if (closed) throw new FlowError('unavailable', 'the vault is closed', { hint: 'the program is ending' });
      const first = await started();
      // it may have ended while this call waited its turn
      const running = first.ended ? await started() : first;
      const gives = await new Promise<unknown>((resolve, reject) => {
        last += 1;
        const timer = setTimeout(() => end(running, late(options.deadline)), options.deadline);
        const ofVault = asks !== null && 'vault' in asks;
        running.waiting.set(last, { resolve, reject, timer, call: { reads: !writes.has(operation), ofVault } });
        running.worker.ref();
        running.worker.postMessage({ id: last, operation, asks });
      });
      return gives as Operations[O]['gives'];
    },
    requests: () => Atomics.load(count, 0),
    async close() {
      closed = true;
      const running = await starting?.catch(() => undefined);
      if (running === undefined) return;
      end(running, new FlowError('unavailable', 'the vault was closed', { hint: 'the program is ending' }));
      await running.worker.terminate();
    },
  };
}

function late(deadline: number): FlowError {
  return new FlowError('timeout', `the vault did not answer within ${deadline / 1000} s`, {
    hint: 'check the network; what was asked may still have been done',
  });
}

/** A fault in the SDK's WASM core ends its thread. */
function fault(cause: unknown): FlowError {
  return new FlowError('unavailable', "the 1Password SDK's thread ended unexpectedly", {
    hint: 'run again; it is started afresh',
    cause: cause instanceof Error ? new Error(cause.name) : undefined,
  });
}
