import type { QuotaLimits } from '../quota.ts';

/** What a plan of 1Password allows. Source: https://developer.1password.com/docs/service-accounts/rate-limits/ */
export const planLimits = {
  business: { hour: 10_000, hourWrites: 1_000, day: 50_000 },
  teams: { hour: 1_000, hourWrites: 100, day: 5_000 },
  individual: { hour: 1_000, hourWrites: 100, day: 1_000 },
} as const satisfies Readonly<Record<string, QuotaLimits>>;
