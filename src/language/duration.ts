import { form } from './forms.ts';

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const pattern = /^([1-9]\d{0,6})([smhd])$/;

/** A length of time in a YAML file: `15m`. */
export const durationForm = form.text({ pattern, expects: 'a length of time: a number and s, m, h or d, as in 15m' });

/** `90s`, `15m`, `2h` or `30d` in seconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = pattern.exec(text) ?? [];
  if (unit !== 's' && unit !== 'm' && unit !== 'h' && unit !== 'd') return undefined;
  return Number(count) * units[unit];
}

/** Seconds in the largest unit that divides them. */
export function durationText(seconds: number): string {
  const [unit, length] = Object.entries(units).findLast(([, each]) => seconds % each === 0 && seconds > 0) ?? ['s', 1];
  return `${seconds / length}${unit}`;
}
