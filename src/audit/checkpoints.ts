import { basename } from 'node:path';
import type { Anchor, Checkpoint } from './checkpoint-sink.ts';
import type { Position } from './line-batches.ts';

export type Schedule = (work: () => void, milliseconds: number) => () => void;

/** Milliseconds from an event to its checkpoint, at most. */
const checkpointAfter = 60_000;

/** Tells the anchor where a trail stands: when asked, and a minute after anything was written. */
export function createCheckpoints(options: {
  readonly file: string;
  readonly anchor: Anchor | undefined;
  readonly schedule: Schedule;
  readonly time: () => string;
  readonly position: () => Position;
  readonly warn: (message: string) => void;
  /** with each of a minute: whether the file is still there */
  readonly look: () => void;
}) {
  const { file, anchor, position, time } = options;
  let cancel: (() => void) | undefined;

  function write(why: Checkpoint['checkpoint']): void {
    cancel?.();
    cancel = undefined;
    const { seq, mac } = position();
    anchor?.({ checkpoint: why, at: time(), file: basename(file), seq, mac });
  }

  function attempt(why: Checkpoint['checkpoint']): void {
    try {
      write(why);
    } catch {
      options.warn('a checkpoint of the audit trail could not be written: see audit.anchor');
      changed();
    }
  }

  function changed(): void {
    cancel ??= options.schedule(() => {
      attempt('time');
      options.look();
    }, checkpointAfter);
  }

  return {
    /** @throws where the anchor cannot be written */
    write,
    /** the same, with a warning where it cannot be written: the trail itself can */
    attempt,
    changed,
    stop: () => cancel?.(),
  };
}
