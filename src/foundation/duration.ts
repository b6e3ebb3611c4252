const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** A length of time as people write it: `15m`. */
export const durationPattern = /^([1-9]\d{0,6})([smhd])$/;

/** `90s`, `15m`, `2h` or `30d` in seconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  if (unit !== 's' && unit !== 'm' && unit !== 'h' && unit !== 'd') return undefined;
  return Number(count) * units[unit];
}

/** Seconds in the largest unit that divides them. */
export function durationText(seconds: number): string {
  const [unit, length] = Object.entries(units).findLast(([, each]) => seconds % each === 0 && seconds > 0) ?? ['s', 1];
  return `${seconds / length}${unit}`;
}
