import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { FlowError } from '../foundation/errors.ts';
import { makeFolder } from '../foundation/make-folder.ts';
import { type Anchor, anchorOnStderr } from './checkpoint-sink.ts';
import { createChain } from './hmac-chain.ts';
import { createCheckpoints, type Schedule } from './checkpoints.ts';
import type { AuditEvent, AuditTrail } from './contract.ts';
import { type AppendFile, openAppendFile } from './append-file.ts';
import { type Announce, createGroups, type Position } from './line-batches.ts';
import { middleOf, noMac } from './line-format.ts';
import { faultIn, UnwritableTrail } from './write-faults.ts';
import { countOf, newWaiters, type Waiters } from './line-waiters.ts';
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
  /** `every`: a repeat waits for the disk too; default `first` */
  readonly flush?: 'first' | 'every';
  /** a file that has grown to this is full, default 64 MiB */
  readonly maxBytes?: number;
  /** milliseconds to wait for another process that writes the same trail, default 0 */
  readonly patience?: number;
  /** one line for a person, never a value */
  readonly warn?: (message: string) => void;
}

/** Milliseconds between two tries to write again what could not be written. */
const tryAgainAfter = 1_000;
/** Milliseconds after which what was written without waiting for the disk is on it, at most. */
const flushWithin = 40;
/** Characters that may wait to be written; more is refused. */
const mostWaiting = 32 * 1024 * 1024;

/** Events that are written together. */
interface Group {
  readonly middles: string[];
  /** for those that repeat: the system has them */
  readonly written: Waiters;
  /** for the others: they are on the disk */
  readonly flushed: Waiters;
}

/**
 * Opens a trail at its end, as its one writer.
 * @throws FlowError refused where another process writes it or the file is no trail, unavailable where it cannot be written
 */
export async function openTrail(options: TrailOptions): Promise<AuditTrail> {
  const { file, sleep = (milliseconds) => sleepFor(milliseconds), patience = 0 } = options;
  const key = await options.key?.();
  try {
    makeFolder(dirname(file), 0o700);
    const release = await ownTrail(file, { patience, sleep });
    try {
      return await openOwned(options, key, release);
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    throw error instanceof FlowError ? error : new UnwritableTrail(file, error);
  }
}

async function openOwned(options: TrailOptions, key: Uint8Array | undefined, release: () => void): Promise<AuditTrail> {
  const { file, now = Date.now, schedule = later, maxBytes = 64 * 1024 * 1024, warn = () => undefined } = options;
  const everyWaits = options.flush === 'every';
  const encode = createGroups(createChain(key));
  let position: Position = { seq: 0, mac: noMac };
  let announce: Announce = { key: true, previous: true };
  let out: AppendFile | undefined;
  /** events that wait to be written, at the end of this turn or when the disk is done */
  let waiting: Group | undefined;
  let waitingLength = 0;
  let due = false;
  /** those whose lines are written, and that wait for the disk */
  let unflushed: Waiters[] = [];
  /** something was written since the last flush began */
  let dirty = false;
  let flushing = false;
  let cancelFlush: (() => void) | undefined;
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
    look,
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

  /** In as many writes as it takes; mostly one. @throws where it cannot be written, and then nothing of the last write is left */
  function write(to: AppendFile, middles: readonly string[]): void {
    for (let from = 0; from < middles.length;) {
      const encoded = encode(middles, from, position, announce);
      try {
        to.write(encoded.bytes);
      } catch (error) {
        restore(to);
        throw error;
      }
      dirty = true;
      position = encoded.position;
      announce = { key: false, previous: false };
      from = encoded.next;
    }
    checkpoints.changed();
  }

  const isFull = (): boolean => out !== undefined && out.size() >= fullAt;

  /** Writes what waits. Where nobody is answered before the disk has it, it is gathered while the disk is busy. */
  function writeGroup(): void {
    due = false;
    if (flushing && (waiting?.written.count === 0 || isFull())) return;
    look();
    const group = waiting;
    if (group === undefined || out === undefined || trouble !== undefined) return idle();
    waiting = undefined;
    waitingLength = 0;
    try {
      write(out, group.middles);
    } catch (error) {
      fail(error instanceof Error ? error : new Error('it could not be written'), group);
      return;
    }
    group.written.resolve();
    if (group.flushed.count > 0) unflushed.push(group.flushed);
    if (unflushed.length > 0 || isFull()) flush(out);
    else cancelFlush ??= schedule(() => out !== undefined && flush(out), flushWithin);
  }

  function flush(to: AppendFile): void {
    cancelFlush?.();
    cancelFlush = undefined;
    if (flushing || !dirty || trouble !== undefined) return;
    flushing = true;
    dirty = false;
    const waiters = unflushed;
    unflushed = [];
    to.flush((error) => {
      flushing = false;
      if (error !== null) {
        for (const each of waiters) each.reject(new UnwritableTrail(file, error));
        refused += countOf(waiters);
        if (trouble === undefined) fail(error);
        return idle();
      }
      for (const each of waiters) each.resolve();
      if (to.size() >= fullAt && out === to && !dirty) rotate(to);
      // what came in meanwhile goes with the next, at once: the disk writes while these answers are given
      if (waiting !== undefined) writeGroup();
      else if (dirty && out !== undefined && (unflushed.length > 0 || isFull())) flush(out);
      idle();
    });
  }

  /** Nothing is written, waited for or put on the disk any more. */
  function idle(): void {
    if (!flushing && (waiting === undefined || trouble !== undefined)) whenIdle?.();
  }

  function rotate(full: AppendFile): void {
    try {
      renameSync(file, nextSegment(file));
    } catch (error) {
      // it can still be written: the next try is when it has grown by as much again
      fullAt = full.size() + maxBytes;
      warn(`a full file of the audit trail cannot be renamed (${faultIn(error)}): it goes on growing`);
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
    const error = new UnwritableTrail(file, cause);
    trouble = error;
    warn(`the audit trail cannot be written (${faultIn(cause)}): nothing is given out until it can`);
    const waiters = [group, waiting].flatMap((each) => (each === undefined ? [] : [each.written, each.flushed]));
    for (const each of [...waiters, ...unflushed]) each.reject(error);
    refused += countOf([...waiters, ...unflushed]);
    unflushed = [];
    waiting = undefined;
    waitingLength = 0;
    cancelRetry = schedule(recover, tryAgainAfter);
    idle();
  }

  /** Takes off what the failed write left behind, and writes a line that says so: once that is on disk, so is the next. */
  function recover(): void {
    if (closed !== undefined) return;
    const again = () => {
      cancelRetry = schedule(recover, tryAgainAfter);
    };
    try {
      const told = refused;
      const state = stateOf();
      const lines: string[] = [];
      if (out !== undefined && state === 'whole') out.restore();
      else {
        const gone = out;
        out = undefined;
        closeQuietly(gone);
        lines.push(...open());
      }
      const gap = state === 'short' ? `, and the file was cut short behind line ${position.seq}` : '';
      lines.push(own('audit.recovered', `${told} events were refused${gap}`));
      if (out === undefined || flushing) return again();
      const to = out;
      write(to, lines);
      flushing = true;
      to.flush((error) => {
        flushing = false;
        if (error !== null) return again();
        trouble = undefined;
        refused -= told;
        warn('the audit trail can be written again');
        writeGroup();
      });
    } catch {
      again();
    }
  }

  /** Before each write: what was removed, renamed or cut short takes no line that anyone relies on. */
  function look(): void {
    if (trouble !== undefined || out === undefined) return;
    const state = stateOf();
    if (state !== 'whole') fail(new Error(state === 'short' ? 'the file was cut short' : 'the file was taken away'));
  }

  /** At once, so that nobody reads half a line; where it fails, the next try begins with it. */
  function restore(to: AppendFile): void {
    try {
      to.restore();
    } catch (error) {
      warn(`what a failed write left in the audit trail cannot be taken off (${faultIn(error)})`);
    }
  }

  function stateOf(): ReturnType<AppendFile['state']> {
    try {
      return out?.state() ?? 'gone';
    } catch {
      return 'gone';
    }
  }

  function record(event: AuditEvent, weight?: 'repeat'): Promise<void> {
    if (trouble !== undefined || closed !== undefined || waitingLength > mostWaiting) {
      refused += 1;
      return Promise.reject(
        trouble ?? new UnwritableTrail(file, new Error(closed === undefined ? 'too much waits' : 'closed')),
      );
    }
    let middle: string;
    try {
      middle = middleOf(time(), event);
    } catch (error) {
      return Promise.reject(error);
    }
    waitingLength += middle.length;
    waiting ??= { middles: [], written: newWaiters(), flushed: newWaiters() };
    waiting.middles.push(middle);
    const waiters = weight === 'repeat' && !everyWaits ? waiting.written : waiting.flushed;
    waiters.count += 1;
    if (!due) {
      due = true;
      setImmediate(writeGroup);
    }
    return waiters.promise;
  }

  async function close(): Promise<void> {
    if (flushing || due || waiting !== undefined) {
      await new Promise<void>((resolve) => {
        whenIdle = resolve;
      });
    }
    cancelRetry?.();
    cancelFlush?.();
    if (trouble === undefined) checkpoints.attempt('stop');
    checkpoints.stop();
    try {
      out?.close();
    } finally {
      release();
    }
  }

  try {
    const lines = open();
    if (lines.length > 0 && out !== undefined) {
      const to: AppendFile = out;
      write(to, lines);
      dirty = false;
      await new Promise<void>((resolve, reject) => {
        to.flush((error) => (error === null ? resolve() : reject(error)));
      });
    }
    checkpoints.write('start');
  } catch (error) {
    checkpoints.stop();
    closeQuietly(out);
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

function closeQuietly(file: AppendFile | undefined): void {
  try {
    file?.close();
  } catch {
    // what it held is lost with it, and told of already
  }
}

const later: Schedule = (work, milliseconds) => {
  const timer = setTimeout(work, milliseconds).unref();
  return () => clearTimeout(timer);
};
