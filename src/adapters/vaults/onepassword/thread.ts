import { Worker } from 'node:worker_threads';
import { FlowError } from '../../../foundation/errors.ts';
import { madeOnce } from '../../../foundation/made-once.ts';
import { byProxy, type Proxy } from '../../../foundation/proxy.ts';
import { classify } from './sdk-errors.ts';
import type { IdentifiedToken } from './token-identity.ts';
import {
  type ItemService,
  type Operations,
  writingOperations,
  type Operation,
} from '../onepassword-items/operations.ts';
import type { Reply, WorkerSetup } from './thread-messages.ts';

/** Fails as the table in sdk-errors.ts has it, or by a timeout. */
export interface SdkThread extends ItemService {
  /** Whether another token is there by now; the next call signs in with it, and those under way go on. */
  renewed(): Promise<boolean>;
  requests(): number;
  close(): Promise<void>;
}

export interface ThreadOptions {
  /** asked at each start of the thread, so that a renewed token is taken up */
  readonly sign: () => Promise<WorkerSetup['sign']>;
  /** where there is a token: whether it was replaced, and when it was read */
  readonly token?: Pick<IdentifiedToken, 'renewed' | 'readAt'>;
  /** milliseconds for one call, sign-in included */
  readonly deadline: number;
  readonly proxy?: Proxy | undefined;
  /** by which proxy the vault is reached, without its credentials; undefined: directly */
  readonly through?: (() => string | undefined) | undefined;
}

interface Waiting {
  readonly resolve: (gives: unknown) => void;
  readonly reject: (error: FlowError) => void;
  readonly timer: NodeJS.Timeout;
  readonly call: Parameters<typeof classify>[1];
}

interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  ended: boolean;
  /** no call comes any more: it ends with the last one that waits */
  left: boolean;
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
  let current: Running | undefined;
  let closed = false;
  let last = 0;

  /** Ends a thread, with an error for all who wait for it. */
  const end = (running: Running, error: FlowError): void => {
    const { worker, waiting } = running;
    running.ended = true;
    if (current === running) {
      current = undefined;
      started.forget();
    }
    for (const [id, each] of waiting) {
      waiting.delete(id);
      clearTimeout(each.timer);
      each.reject(error);
    }
    void worker.terminate();
  };

  const leave = (running: Running): void => {
    running.left = true;
    if (current === running) {
      current = undefined;
      started.forget();
    }
    if (running.waiting.size === 0) end(running, fault(undefined));
  };

  const renewed = async (): Promise<boolean> => {
    if ((await options.token?.renewed()) !== true) return false;
    if (current !== undefined) leave(current);
    return true;
  };

  const start = async (): Promise<Running> => {
    const { proxy } = options;
    const setup: WorkerSetup = {
      sign: await options.sign(),
      counter,
      proxy: proxy && { ...proxy, address: proxy.address.reveal() },
    };
    // the SDK needs none of our environment, and writes nothing that anyone should see: what it writes stays unread,
    // since reading it would keep the process alive
    const worker = new Worker(file, { workerData: setup, env: {}, argv: [], execArgv: [], stdout: true, stderr: true });
    const running: Running = { worker, waiting: new Map(), ended: false, left: false };
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
        if (running.left && running.waiting.size === 0) end(running, fault(undefined));
        return;
      }
      const error = classify(reply.failure, each.call, options.through?.());
      // the next call asks for the token again: it may have been renewed
      if (error.code === 'denied' && error.about === undefined) leave(running);
      else if (running.left && running.waiting.size === 0) end(running, error);
      each.reject(error);
    });
    worker.on('error', (cause) => end(running, fault(cause)));
    worker.on('exit', () => end(running, fault(undefined)));
    return running;
  };

  const started = madeOnce(start);

  const once = async <O extends Operation>(
    operation: O,
    asks: Operations[O]['asks'],
  ): Promise<Operations[O]['gives']> => {
    if (closed) throw new FlowError('unavailable', 'the vault is closed', { hint: 'the program is ending' });
    const first = await started.get();
    // it may have ended, or been left, while this call waited its turn
    const running = first.ended || first.left ? await started.get() : first;
    const gives = await new Promise<unknown>((resolve, reject) => {
      last += 1;
      const timer = setTimeout(() => end(running, late(options.deadline, options.through?.())), options.deadline);
      const ofVault = asks !== null && 'vault' in asks;
      running.waiting.set(last, {
        resolve,
        reject,
        timer,
        call: { reads: !writingOperations.has(operation), ofVault },
      });
      running.worker.ref();
      running.worker.postMessage({ id: last, operation, asks });
    });
    return gives as Operations[O]['gives'];
  };

  return {
    async call(operation, asks) {
      const readAt = options.token?.readAt();
      try {
        return await once(operation, asks);
      } catch (error) {
        if (closed || !(error instanceof FlowError)) throw error;
        // whatever was said: the token may have been replaced, and refused for that
        const isOther = (await renewed()) || options.token?.readAt() !== readAt;
        if (isOther && readAt !== undefined && error.code === 'denied') return once(operation, asks);
        throw error.code === 'denied' && error.about === undefined ? refused(error, options.token?.readAt()) : error;
      }
    },
    renewed,
    requests: () => Atomics.load(count, 0),
    async close() {
      closed = true;
      const running = await started.known();
      if (running === undefined) return;
      end(running, new FlowError('unavailable', 'the vault was closed', { hint: 'the program is ending' }));
      await running.worker.terminate();
    },
  };
}

/** @param readAt epoch milliseconds */
function refused(error: FlowError, readAt: number | undefined): FlowError {
  if (readAt === undefined) return error;
  return error.with({ hint: `${error.hint ?? ''}; it was read at ${new Date(readAt).toISOString()}` });
}

function late(deadline: number, proxy: string | undefined): FlowError {
  return new FlowError('timeout', `the vault did not answer within ${deadline / 1000} s${byProxy(proxy)}`, {
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
