import { canonical } from '../../../foundation/canonical-json.ts';

/** characters, by AWS's service model */
const longest = 20_480;

/** Whether AWS would read both alike: what stands alone is a list of one, and lists of words have no order. */
export function isSamePolicy(declared: string, stored: string | undefined): boolean {
  const [one, other] = [shapeOf(declared), stored === undefined ? undefined : shapeOf(stored)];
  return one !== undefined && one === other;
}

/** What AWS would refuse of a policy, as far as its form tells. */
export function policyProblem(text: string): { readonly problem: string; readonly hint?: string } | undefined {
  if (text.length > longest) return { problem: `is longer than ${longest} characters` };
  const policy: unknown = JSON.parse(text);
  if (typeof policy === 'object' && policy !== null && 'Statement' in policy) return undefined;
  const hint =
    'write it as IAM does: Version: 2012-10-17, in quotes, and Statement: with Effect, Principal, Action, Resource';
  return { problem: 'is no policy: it has no Statement', hint };
}

function shapeOf(text: string): string | undefined {
  try {
    return canonical(normal(JSON.parse(text)));
  } catch {
    return undefined;
  }
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) {
    const all = value.map(normal);
    if (all.length === 1) return all[0];
    return all.every((each) => typeof each === 'string') ? all.toSorted() : all;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, normal(each)]));
}
