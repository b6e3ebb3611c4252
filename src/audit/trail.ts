import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { FlowError } from '../foundation/errors.ts';
import { type Anchor, anchorOnStderr } from './checkpoint-sink.ts';
import { createChain } from './hmac-chain.ts';
import { createCheckpoints, type Schedule } from './checkpoints.ts';
import type { AuditEvent, AuditTrail } from './contract.ts';
import { type AppendFile, openAppendFile } from './append-file.ts';
import { type Announce, createGroups, type Position } from './line-batches.ts';
import { middleOf, noMac } from './line-format.ts';
import { ownTrail } from './trail-lock.ts';
import { nextSegment } from './segments.ts';
import { tailOf } from './trail-tail.ts';
import { keepTorn } from './keep-torn-write.ts';

export interface TrailOptions {
  /** JSON lines; full ones are `FILE.1`, `FILE.2`, … in the order of time. Its folder is made where it is absent */
  readonly file: string;
  /** the first of the derived `audit` keys; undefined: chained by SHA-256 alone, and the lines say so */
  readonly key: (() => Promise<Uint8Array>) | undefined;
  /** where checkpoints go, default stderr; undefined: nowhere */
  readonly anchor?: Anchor | undefined;
  /** epoch milliseconds, default Date.now */
  readonly now?: () => number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  /** calls back once, later, without keeping the process alive; gives how to cancel it */
  readonly schedule?: Schedule;
  /** a file that has grown to this is full, default 64 MiB */
  readonly maxBytes?: number;
  /** milliseconds to wait for another process that writes the same trail, default 0 */
  readonly patience?: number;
  /** one line for a person, never a value */
  readonly warn?: (message: string) => void;
}

/** Milliseconds between two tries to write again what could not be written. */
const tryAgainAfter = 1_000;
/** Characters that may wait for the disk; more is refused. */
const mostWaiting = 32 * 1024 * 1024;

interface Group {
  readonly written: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: FlowError) => void;
  readonly middles: string[];
}

/**
 * Opens a trail at its end, as its one writer.
 * @throws FlowError refused where another process writes it or the file is no trail, unavailable where it cannot be written
 */
export async function openTrail(options: TrailOptions): Promise<AuditTrail> {
  const { file, sleep = (milliseconds) => sleepFor(milliseconds), patience = 0 } = options;
  const key = await options.key?.();
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const release = await ownTrail(file, { patience, sleep });
    try {
      return await openOwned(options, key, release);
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    throw error instanceof FlowError ? error : unwritable(file, error);
  }
}

async function openOwned(options: TrailOptions, key: Uint8Array | undefined, release: () => void): Promise<AuditTrail> {
  const { file, now = Date.now, schedule = later, maxBytes = 64 * 1024 * 1024, warn = () => undefined } = options;
  const encode = createGroups(createChain(key));
  let position: Position = { seq: 0, mac: noMac };
  let announce: Announce = { key: true, previous: true };
  let out: AppendFile | undefined;
  /** events that wait for the write that runs now */
  let waiting: Group | undefined;
  let waitingLength = 0;
  let writing = false;
  /** whether the file is still there is asked between two writes */
  let lookDue = false;
  /** undefined while the trail can be written */
  let trouble: FlowError | undefined;
  let refused = 0;
  let fullAt = maxBytes;
  let cancelRetry: (() => void) | undefined;
  let closed: Promise<void> | undefined;
  let whenIdle: (() => void) | undefined;
  let millisecond = Number.NaN;
  let lastTime = '';

  const time = (): string => {
    const at = now();
    if (at === millisecond) return lastTime;
    millisecond = at;
    lastTime = new Date(at).toISOString();
    return lastTime;
  };

  const checkpoints = createCheckpoints({
    file,
    anchor: 'anchor' in options ? options.anchor : anchorOnStderr,
    schedule,
    time,
    position: () => position,
    warn,
    look() {
      lookDue = true;
      if (!writing) look();
    },
  });

  /** @returns what the trail has to say of its own end */
  function open(): readonly string[] {
    const { seq, mac, size, torn } = tailOf(file);
    const kept = torn === undefined ? undefined : keepTorn(file, seq, torn);
    out = openAppendFile(file, size);
    // where someone took lines away, what this process has written still counts
    if (seq > position.seq) position = { seq, mac };
    announce = { key: true, previous: size === 0 };
    if (kept === undefined) return [];
    warn(`the audit trail ended in the middle of a write: moved to ${kept}`);
    return [own('audit.torn', `${torn?.length ?? 0} bytes in ${kept}`)];
  }

  const own = (action: 'audit.torn' | 'audit.recovered', detail: string): string =>
    middleOf(time(), { agent: 'audit', action, what: [], outcome: 'failed', request: '', detail });

  /** In as many writes as it takes; mostly one. */
  function write(to: AppendFile, middles: readonly string[], from: number, done: (error?: Error) => void): void {
    const encoded = encode(middles, from, position, announce);
    to.append(encoded.bytes, (error) => {
      if (error !== null) {
        restore(to);
        return done(error);
      }
      position = encoded.position;
      announce = { key: false, previous: false };
      if (encoded.next < middles.length) return write(to, middles, encoded.next, done);
      checkpoints.changed();
      done();
    });
  }

  function flush(): void {
    look();
    const group = waiting;
    if (group === undefined || out === undefined || trouble !== undefined) {
      writing = false;
      whenIdle?.();
      return;
    }
    waiting = undefined;
    waitingLength = 0;
    const to = out;
    write(to, group.middles, 0, (error) => {
      if (error === undefined) {
        group.resolve();
        if (to.size() >= fullAt) rotate(to);
      } else fail(error, group);
      // what came in meanwhile goes with the next: at once, so that the disk writes while the answers of this group
      // are given; no timer, which would only add waiting
      if (waiting === undefined) setImmediate(flush);
      else flush();
    });
  }

  function rotate(full: AppendFile): void {
    try {
      renameSync(file, nextSegment(file));
    } catch (error) {
      // it can still be written: the next try is when it has grown by as much again
      fullAt = full.size() + maxBytes;
      warn(`a full file of the audit trail cannot be renamed (${codeOf(error)}): it goes on growing`);
      return;
    }
    try {
      out = undefined;
      full.close();
      out = openAppendFile(file, 0);
      fullAt = maxBytes;
      announce = { key: true, previous: true };
    } catch (error) {
      fail(error instanceof Error ? error : new Error('it could not be rotated'));
      return;
    }
    checkpoints.attempt('rotation');
  }

  function fail(cause: Error, group?: Group): void {
    trouble = unwritable(file, cause);
    warn(`the audit trail cannot be written (${codeOf(cause)}): nothing is given out until it can`);
    for (const each of [group, waiting]) {
      refused += each?.middles.length ?? 0;
      each?.reject(trouble);
    }
    waiting = undefined;
    waitingLength = 0;
    cancelRetry = schedule(recover, tryAgainAfter);
  }

  /** Takes off what the failed write left behind, and writes a line that says so: once that is on disk, so is the next. */
  function recover(): void {
    if (closed !== undefined) return;
    const again = () => {
      cancelRetry = schedule(recover, tryAgainAfter);
    };
    try {
      const told = refused;
      const lines: string[] = [];
      if (out !== undefined && isThere()) out.restore();
      else {
        const gone = out;
        out = undefined;
        gone?.close();
        lines.push(...open());
      }
      lines.push(own('audit.recovered', `${told} events were refused`));
      if (out === undefined) return again();
      writing = true;
      write(out, lines, 0, (error) => {
        if (error !== undefined) again();
        else {
          trouble = undefined;
          refused -= told;
          warn('the audit trail can be written again');
        }
        flush();
      });
    } catch {
      again();
    }
  }

  function look(): void {
    if (!lookDue || trouble !== undefined) return;
    lookDue = false;
    if (!isThere()) fail(new Error('the file was taken away'));
  }

  /** At once, so that nobody reads half a line; where it fails, the next try begins with it. */
  function restore(to: AppendFile): void {
    try {
      to.restore();
    } catch (error) {
      warn(`what a failed write left in the audit trail cannot be taken off (${codeOf(error)})`);
    }
  }

  function isThere(): boolean {
    try {
      return out?.isThere() === true;
    } catch {
      return false;
    }
  }

  function record(event: AuditEvent): Promise<void> {
    if (trouble !== undefined || closed !== undefined || waitingLength > mostWaiting) {
      refused += 1;
      return Promise.reject(trouble ?? unwritable(file, new Error(closed === undefined ? 'too much waits' : 'closed')));
    }
    let middle: string;
    try {
      middle = middleOf(time(), event);
    } catch (error) {
      return Promise.reject(error);
    }
    waitingLength += middle.length;
    waiting ??= newGroup();
    waiting.middles.push(middle);
    if (!writing) {
      writing = true;
      setImmediate(flush);
    }
    return waiting.written;
  }

  async function close(): Promise<void> {
    if (writing) {
      await new Promise<void>((resolve) => {
        whenIdle = resolve;
      });
    }
    cancelRetry?.();
    if (trouble === undefined) checkpoints.attempt('stop');
    checkpoints.stop();
    out?.close();
    release();
  }

  try {
    const lines = open();
    if (lines.length > 0 && out !== undefined) {
      const to: AppendFile = out;
      await new Promise<void>((resolve, reject) => {
        write(to, lines, 0, (error) => (error === undefined ? resolve() : reject(error)));
      });
    }
    checkpoints.write('start');
  } catch (error) {
    checkpoints.stop();
    out?.close();
    throw error;
  }
  return {
    record,
    healthy: () => trouble === undefined && closed === undefined,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function newGroup(): Group {
  const { promise: written, resolve, reject } = Promise.withResolvers<void>();
  // whoever asked hears of it by the promise that record gave; nobody else has to
  written.catch(() => undefined);
  return { written, resolve, reject, middles: [] };
}

function unwritable(file: string, cause: unknown): FlowError {
  return new FlowError('unavailable', 'the audit trail cannot be written, so nothing is given out', {
    cause,
    hint: 'see the space on its disk and the rights of its file',
    place: { subject: file },
  });
}

/** The system's name of an error, else our own words. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? String(error.code) : error.message;
}

const later: Schedule = (work, milliseconds) => {
  const timer = setTimeout(work, milliseconds).unref();
  return () => clearTimeout(timer);
};
