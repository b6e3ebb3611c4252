import { isDeepStrictEqual } from 'node:util';

/**
 * The first required claim that is not as required. A list requires each of its values to be in the claim's list; any
 * other value requires the claim to equal it, or to be a list that holds it.
 */
export function unmetClaim(
  claims: Readonly<Record<string, unknown>>,
  required: Readonly<Record<string, unknown>> = {},
): string | undefined {
  return Object.keys(required).find((name) => !Object.hasOwn(claims, name) || !meets(claims[name], required[name]));
}

function meets(actual: unknown, required: unknown): boolean {
  const held: readonly unknown[] = Array.isArray(actual) ? actual : [actual];
  if (Array.isArray(required)) {
    return Array.isArray(actual) && required.every((one: unknown) => held.some((other) => same(other, one)));
  }
  return held.some((other) => same(other, required));
}

function same(actual: unknown, required: unknown): boolean {
  // what YAML gives is brought to what JSON gives, prototypes included
  const text = JSON.stringify(required) as string | undefined;
  return text !== undefined && isDeepStrictEqual(actual, JSON.parse(text));
}

/**
 * A claim by its name, `https://orders.example/agent`; where there is none of this name, by a path into an object:
 * `act.sub`. Undefined where it is not there.
 */
export function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  if (Object.hasOwn(claims, path)) return new Map(Object.entries(claims)).get(path);
  const dot = path.indexOf('.');
  return dot === -1 ? undefined : claimAt(claimAt(claims, path.slice(0, dot)), path.slice(dot + 1));
}

/**
 * Scopes that a token grants: `scope` (RFC 8693, section 4.2), or `scp`, which Okta and Entra ID send. Undefined where
 * it tells none.
 */
export function scopesOf(claims: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  for (const name of ['scope', 'scp']) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
    if (Array.isArray(value)) return value.filter((scope): scope is string => typeof scope === 'string');
  }
  return undefined;
}
