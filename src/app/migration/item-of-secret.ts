import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Item, NewItemField } from '../../adapters/vaults/contract.ts';
import { canonical } from '../../foundation/canonical-json.ts';
import { folded } from '../../foundation/names.ts';
import { Secret } from '../../foundation/secret.ts';
import { parseOneTimePassword } from '../../foundation/totp.ts';

/** The section of an item that says where it came from. */
export const migrationSection = 'migration';

/** names of keys that are the secret itself, where only one of them is there */
const credentials: ReadonlySet<string> = new Set(['value', 'key', 'token', 'api_key', 'password']);
const usernames: ReadonlySet<string> = new Set(['user', 'username']);

/** Fields for the keys of a secret: one that is the secret itself is `credential`, the others keep their names. */
export function labelsOf(
  keys: readonly string[],
  given: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, string> {
  // a key may be called as what every object has
  const decided = new Map(Object.entries(given));
  const open = keys.filter((key) => !decided.has(key));
  const renamed = (names: ReadonlySet<string>, name: string) => {
    const fitting = open.filter((key) => names.has(key.toLowerCase()));
    const isTaken = keys.some((key) => key !== fitting[0] && folded(decided.get(key) ?? key) === name);
    return fitting.length === 1 && !isTaken ? new Map([[fitting[0] ?? '', name]]) : new Map<string, string>();
  };
  const wanted = new Map([...renamed(credentials, 'credential'), ...renamed(usernames, 'username')]);
  const taken = new Set(keys.map((key) => folded(decided.get(key) ?? '')));
  const labelOf = (key: string) => decided.get(key) ?? unusedName(wanted.get(key) ?? plainName(key), taken);
  return new Map(keys.toSorted().map((key) => [key, labelOf(key)]));
}

/** A name that can be written in a reference by any tool. */
export function plainName(name: string): string {
  return name.replaceAll(/[/?%]|\p{Cc}/gu, '-').trim() || 'field';
}

/** The name, or with a number where it is taken. */
export function unusedName(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(folded(free)); number += 1) free = `${name} ${number}`;
  taken.add(folded(free));
  return free;
}

export interface Converted {
  readonly fields: readonly NewItemField[];
  /** what is not as it was, by key: `port: a number, now its text` */
  readonly told: readonly string[];
}

/** What a secret holds, as fields. Values may be any JSON; a field is text. */
export async function convert(
  data: Readonly<Record<string, unknown>>,
  given?: Readonly<Record<string, string>>,
): Promise<Converted> {
  const told: string[] = [];
  const fields: NewItemField[] = [];
  for (const [key, label] of labelsOf(Object.keys(data), given)) {
    const value = data[key];
    if (value === null || value === undefined) {
      told.push(`${key}: null, left out`);
      continue;
    }
    if (typeof value !== 'string') told.push(`${key}: ${kindOf(value)}, now its text`);
    const text = new Secret(typeof value === 'string' ? value : canonical(value));
    const type = (await isOneTimePassword(text)) ? 'one-time-password' : label === 'username' ? 'text' : 'concealed';
    fields.push({ label, type, value: text });
  }
  return { fields, told };
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

async function isOneTimePassword(value: Secret): Promise<boolean> {
  if (!/^otpauth:\/\//i.test(value.reveal())) return false;
  return parseOneTimePassword(value).then(
    () => true,
    () => false,
  );
}

/** The fields of an item that were moved, without those that say where they came from. */
export function movedFields({ fields }: Item): readonly Pick<NewItemField, 'label' | 'value'>[] {
  return fields.filter(({ section }) => section !== migrationSection);
}

/**
 * What fields hold, as an HMAC under a key of ours: equal ones are told from others, and no value from any. A field that
 * is empty is as good as none, to 1Password too.
 */
export function printOf(
  key: Uint8Array,
  path: string,
  fields: readonly Pick<NewItemField, 'label' | 'value'>[],
): string {
  const held = fields
    .filter(({ value }) => !value.isEmpty)
    .map(({ label, value }): [string, string] => [label, value.reveal()])
    .toSorted(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  return createHmac('sha256', key)
    .update(JSON.stringify([path, held]))
    .digest('base64url');
}

export function samePrint(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
