import { FlowError } from '../../foundation/errors.ts';
import { parseDuration } from '../../foundation/duration.ts';
import { type Arguments, textOf } from './arguments.ts';

/** An option that is a length of time before now, `1h`, or a time: epoch milliseconds. @throws FlowError usage */
export function timeOption(values: Arguments['values'], option: string, now: number): number | undefined {
  const text = textOf(values, option);
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  const time = ago === undefined ? Date.parse(text) : now - ago * 1000;
  if (!Number.isNaN(time)) return time;
  throw new FlowError('usage', `--${option} takes a length of time or a time`, {
    hint: `write --${option} 1h, --${option} 7d or --${option} 2026-11-22T08:00:00Z`,
  });
}
