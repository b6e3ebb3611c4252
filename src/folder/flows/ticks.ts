import { Cron } from 'croner';
import type { Schedule } from './flow.ts';

/**
 * The first tick of a schedule after a moment, in epoch milliseconds; undefined: it never comes. A time of day that the
 * change to summer time leaves out comes when the clock has jumped, and one that comes twice in autumn counts the first
 * time, unless its hour is `*`. @throws Error where the schedule is none
 */
export function nextTick(schedule: Clock, after: number): number | undefined {
  return jobOf(schedule).nextRun(new Date(after))?.getTime();
}

/** The last tick at or before a moment. */
export function lastTick(schedule: Clock, at: number): number | undefined {
  // it gives those that lie before
  return jobOf(schedule).previousRuns(1, new Date(at + 1_000))[0]?.getTime();
}

/** Whether a schedule ever comes, by whichever clock. @throws Error where it is none */
export function everComes(cron: string): boolean {
  // without the rules of a time zone: each command checks its folder, and Node takes ten milliseconds to have them
  return new Cron(cron, { utcOffset: 0, mode: '5-part', paused: true }).nextRun() !== null;
}

type Clock = Pick<Schedule, 'cron' | 'timeZone'>;

function jobOf({ cron, timeZone }: Clock): Cron {
  return new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true });
}
