import { Cron } from 'croner';
import type { Schedule } from './flow.ts';

/**
 * The first tick of a schedule after a moment, in epoch milliseconds; undefined: it never comes. A time of day that the
 * change to summer time leaves out comes when the clock has jumped, and one that comes twice in autumn counts the first
 * time, unless its hour is `*`. @throws Error where the schedule is none
 */
export function nextTick({ cron, timeZone }: Pick<Schedule, 'cron' | 'timeZone'>, after: number): number | undefined {
  const job = new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true });
  return job.nextRun(new Date(after))?.getTime();
}
