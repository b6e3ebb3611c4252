/** What is left of a provider's token quota. */
export interface Quota {
  /** the provider's name for it: `per_hour` */
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  /** seconds */
  readonly resetsIn: number;
}

const headers = ['auth0-client-quota-limit', 'auth0-organization-quota-limit'];

/**
 * Quotas that an answer tells: `b=per_hour;q=10;r=7;t=3540,b=per_day;q=50;r=47;t=43200`. What does not read so is left
 * out. Source: https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
 */
export function quotasOf(answer: Headers): readonly Quota[] {
  return headers.flatMap((header) => (answer.get(header) ?? '').slice(0, 1000).split(',').flatMap(parse));
}

function parse(text: string): readonly Quota[] {
  const found = new Map(text.split(';').map((pair) => [pair.split('=')[0]?.trim(), pair.split('=')[1]?.trim() ?? '']));
  const name = found.get('b') ?? '';
  const [limit, remaining, resetsIn] = ['q', 'r', 't'].map((key) => count(found.get(key)));
  if (!/^[\w-]{1,40}$/.test(name) || limit === undefined || remaining === undefined || resetsIn === undefined)
    return [];
  return [{ name, limit, remaining, resetsIn }];
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** A line for a person where a tenth or less is left. */
export function quotaWarning(quota: Quota): string | undefined {
  if (quota.remaining > quota.limit / 10) return undefined;
  const { name, limit, remaining, resetsIn } = quota;
  return `the issuer's ${name} quota has ${remaining} of ${limit} token requests left; it resets in ${resetsIn} s`;
}
