import { form } from './forms.ts';

const periods = { second: 1, minute: 60, hour: 3_600, day: 86_400 } as const;
const pattern = /^([1-9]\d{0,5})\/(second|minute|hour|day)$/;

/** So many in so many seconds, as a bucket that refills evenly. */
export interface Rate {
  readonly count: number;
  /** seconds */
  readonly per: number;
}

/** A rate in a YAML file: `60/minute`. */
export const rateForm = form.text({
  pattern,
  expects: 'a rate: a number and /second, /minute, /hour or /day, as in 60/minute',
});

/** `60/minute` as a rate; undefined where it is none. */
export function parseRate(text: string): Rate | undefined {
  const [, count, period] = pattern.exec(text) ?? [];
  if (period !== 'second' && period !== 'minute' && period !== 'hour' && period !== 'day') return undefined;
  return { count: Number(count), per: periods[period] };
}
