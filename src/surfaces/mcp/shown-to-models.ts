import { safeLine } from '../../foundation/safe-line.ts';
import { Secret } from '../../foundation/secret.ts';
import type { Json } from './broker-door.ts';
import type { Outlet } from './outlet.ts';

/** characters of one text of other people, and of all of an answer: models and clients cut what is longer */
const longestText = 2_000;
const mostText = 20_000;
/** lists and objects within each other */
const deepest = 8;

/** A text of other people on one line: it is data, and cannot look like anything else. */
export function shownText(text: string, longest = longestText): string {
  // what is cut off is not looked at
  const line = safeLine(text.slice(0, longest * 2));
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

/** Plain data of a flow, with its texts as {@link shownText} has them, and no more of it than can be read. */
export function shownData(data: unknown): unknown {
  let left = mostText;
  const text = (value: string) => {
    const line = shownText(value, Math.min(longestText, Math.max(0, left)));
    left -= line.length;
    return line;
  };
  const shown = (value: unknown, depth: number): unknown => {
    left -= 2;
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (left <= 0 || depth > deepest) return '…';
    if (Array.isArray(value)) return whileLeft(value, (each) => shown(each, depth + 1));
    return Object.fromEntries(whileLeft(Object.entries(value), ([key, each]) => [text(key), shown(each, depth + 1)]));
  };
  const whileLeft = <T, U>(values: readonly T[], of: (value: T) => U): U[] => {
    const taken: U[] = [];
    for (const value of values) {
      if (left <= 0) break;
      taken.push(of(value));
    }
    return taken;
  };
  return shown(data, 0);
}

/** What a value is, and how it is used, instead of the value. */
type Handle = Json;

/**
 * The output of a flow for a model: what is secret of it is learnt by the outlet, and told by a handle. What a newer
 * broker calls by another name is taken for a secret.
 * @param as what each part of it is, as the broker tells
 */
export function shownOutput(flow: string, { output, as }: Json, outlet: Outlet): unknown {
  if (typeof as !== 'object' || as === null) return shownPart({ flow, name: flow, whole: true }, output, as, outlet);
  const kinds = new Map(Object.entries(as));
  const entries = Object.entries(typeof output === 'object' && output !== null ? output : {});
  return Object.fromEntries(
    entries.map(([name, value]) => [
      shownText(name, 100),
      shownPart({ flow, name, whole: false }, value, kinds.get(name), outlet),
    ]),
  );
}

interface Part {
  readonly flow: string;
  readonly name: string;
  /** it is the whole output, not an entry of it */
  readonly whole: boolean;
}

function shownPart(part: Part, value: unknown, as: unknown, outlet: Outlet): unknown {
  if (as === 'none') return null;
  if (as === 'plain') return shownData(value);
  if (as === 'reference') return shownText(String(value));
  const name = part.whole ? part.flow : `${part.flow}.${part.name}`;
  const handle = { handle: shownText(name, 200), is: kinds.has(as) ? as : 'secret' };
  const fields = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  // all texts of it: what a token of another kind has besides is a value too
  const [secret, ...more] =
    as === 'token' ? [fields.get('access_token')] : as === 'one-time-code' ? [fields.get('code')] : textsIn(value);
  for (const text of [secret, ...more]) if (typeof text === 'string') outlet.learn(name, new Secret(text));
  if (as === 'token') return { ...handle, ...tokenFacts(fields), use: useOf(part, true) };
  if (as === 'one-time-code') return { ...handle, valid_for: numberIn(fields, 'valid_for'), use: useOf(part, false) };
  return { ...handle, use: useOf(part, false) };
}

const kinds: ReadonlySet<unknown> = new Set(['secret', 'token', 'one-time-code']);

function tokenFacts(fields: ReadonlyMap<string, unknown>): Handle {
  const token = fields.get('access_token');
  const expires = numberIn(fields, 'expires_at');
  return {
    // what the audit trail and `report it as rejected` know it by
    sha256: typeof token === 'string' ? new Secret(token).hash() : undefined,
    expires_at: expires === undefined ? undefined : new Date(expires * 1_000).toISOString(),
    scope: textIn(fields, 'scope'),
    audience: shownData(fields.get('audience')),
  };
}

function useOf({ flow, whole }: Part, isToken: boolean): string {
  if (whole && isToken) return `flows exec --token API_TOKEN=${flow} -- COMMAND: the program finds it in API_TOKEN`;
  if (whole) return `a person runs: flows ${flow}`;
  return `flows exec ${flow} -- COMMAND: the program finds each entry in the variable of its name`;
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function numberIn(fields: ReadonlyMap<string, unknown>, name: string): number | undefined {
  const value = fields.get(name);
  return typeof value === 'number' ? value : undefined;
}

function textIn(fields: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = fields.get(name);
  return typeof value === 'string' ? shownText(value, 500) : undefined;
}
