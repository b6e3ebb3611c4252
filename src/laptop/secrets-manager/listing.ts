import { createHash } from 'node:crypto';
import { optionalText, text, texts, type Input } from './request-input.ts';
import { Refusal } from '../aws/refusal.ts';
import { refuse } from './refusal.ts';
import type { StoredSecret } from './stored-secrets.ts';

interface Filter {
  readonly matches: (secret: StoredSecret) => boolean;
}

const fields: Readonly<Record<string, { of: (secret: StoredSecret) => readonly string[]; anyCase?: boolean }>> = {
  name: { of: (secret) => [secret.name] },
  description: { of: (secret) => [secret.description ?? ''], anyCase: true },
  'tag-key': { of: (secret) => [...secret.tags.keys()] },
  'tag-value': { of: (secret) => [...secret.tags.values()] },
  'primary-region': { of: () => [] },
  'owning-service': { of: () => [] },
  all: {
    of: (secret) =>
      [secret.name, secret.description ?? '', ...secret.tags.keys(), ...secret.tags.values()].flatMap((each) => [
        each,
        ...each.split(/[^A-Za-z0-9]+/),
      ]),
    anyCase: true,
  },
};

/** Filters narrow together; of one filter's values any fits; values are prefixes; `!` negates. */
export function parseFilters(filters: readonly Input[]): readonly Filter[] {
  return filters.map((filter) => {
    const key = text(filter, 'Key');
    const field = fields[key];
    if (field === undefined) throw refuse.validation(`1 validation error detected: '${key}' is not a filter key`);
    const values = texts(filter, 'Values', { max: 10 }) ?? [];
    for (const value of values) {
      if (!/^!?[A-Za-z0-9 :_@/+=.\-!]{0,512}$/.test(value)) throw refuse.validation("Value at 'filters' is not valid");
    }
    const fold = (value: string) => (field.anyCase === true ? value.toLowerCase() : value);
    const fits = (secret: StoredSecret, prefix: string) =>
      field.of(secret).some((each) => fold(each).startsWith(fold(prefix)));
    return {
      matches: (secret) =>
        values.some((value) => (value.startsWith('!') ? !fits(secret, value.slice(1)) : fits(secret, value))),
    };
  });
}

export function matches(secret: StoredSecret, filters: readonly Filter[]): boolean {
  return filters.every((filter) => filter.matches(secret));
}

const orders: Readonly<Record<string, (secret: StoredSecret) => number | string>> = {
  'created-date': (secret) => secret.createdAt,
  'last-accessed-date': (secret) => secret.createdAt,
  'last-changed-date': (secret) => secret.changedAt,
  name: (secret) => secret.name,
};

export function sorted(secrets: readonly StoredSecret[], input: Input): readonly StoredSecret[] {
  const by = optionalText(input, 'SortBy');
  const order = optionalText(input, 'SortOrder') ?? 'desc';
  if (by === undefined) return order === 'asc' ? secrets : secrets.toReversed();
  const key = orders[by];
  if (key === undefined) throw refuse.validation(`1 validation error detected: '${by}' is not a sort key`);
  const direction = order === 'asc' ? 1 : -1;
  return secrets.toSorted((a, b) => (key(a) < key(b) ? -direction : key(a) > key(b) ? direction : 0));
}

/** A page and the token of the next; a token belongs to the request that it came from. */
export function pageOf<T>(
  items: readonly T[],
  input: Input,
  size: number,
  limit: number,
): { page: readonly T[]; next?: string } {
  const token = optionalText(input, 'NextToken', { min: 1, max: 4096 });
  const { NextToken: _, ...rest } = input;
  const digest = createHash('sha256').update(JSON.stringify(rest)).digest('base64url').slice(0, 16);
  const start = token === undefined ? 0 : offsetOf(token, digest);
  const end = start + Math.min(size, limit);
  const page = items.slice(start, end);
  if (end >= items.length) return { page };
  return { page, next: Buffer.from(`${end}.${digest}`).toString('base64url') };
}

function offsetOf(token: string, digest: string): number {
  const [offset, of] = Buffer.from(token, 'base64url').toString('latin1').split('.');
  if (of !== digest || offset === undefined || !/^\d{1,9}$/.test(offset)) {
    throw new Refusal('InvalidNextTokenException', 'The NextToken value is invalid.');
  }
  return Number(offset);
}
