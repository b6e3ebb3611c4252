import { defaultReserve, type QuotaSettings } from '../quota.ts';
import { planLimits } from './plan-limits.ts';

interface WrittenQuota {
  readonly plan?: keyof typeof planLimits;
  readonly hour?: number | undefined;
  readonly 'hour-writes'?: number | undefined;
  readonly day?: number | undefined;
  /** `10%` */
  readonly reserve?: string;
}

/** The plan's published limits, and what is written instead of them. */
export function quotaOf(written: WrittenQuota = {}): QuotaSettings {
  const limits = planLimits[written.plan ?? 'business'];
  const percent = /^(\d+)%$/.exec(written.reserve ?? '')?.[1];
  return {
    hour: written.hour ?? limits.hour,
    hourWrites: written['hour-writes'] ?? limits.hourWrites,
    day: written.day ?? limits.day,
    reserve: percent === undefined ? defaultReserve : Number(percent) / 100,
  };
}
