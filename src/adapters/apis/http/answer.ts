import { FlowError } from '../../../foundation/errors.ts';
import { createMasking, type Masking } from '../../../foundation/masking/masking.ts';
import { unescaped } from '../../../foundation/scrub.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { ApiAnswer, ApiRequest } from '../contract.ts';

/** What of an answer is wanted: names, and what in them. */
interface Wanted {
  readonly inner: Map<string, Wanted>;
}

/**
 * What is left of an answer: the wanted fields, once nothing of the credential stands in them. The rest is seen by nobody.
 * @throws FlowError protocol
 */
export async function projected(
  response: Response,
  { fields, secret, most }: Pick<ApiRequest, 'fields' | 'secret' | 'most'>,
  fences: readonly Masking[],
): Promise<Omit<ApiAnswer, 'status'>> {
  if (fields.length === 0 && secret === undefined) return { fields: {}, secret: undefined };
  const encoding = response.headers.get('content-encoding') ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') throw unfit('is encoded, which was not asked for');
  const bytes = await response.arrayBuffer();
  if (bytes.byteLength > most)
    throw unfit(`is larger than ${most / 1024} KiB`, 'ask for less, or write max: in the step’s response:');
  // an answer without a body has none of the fields
  if (bytes.byteLength === 0 && secret === undefined) return { fields: {}, secret: undefined };
  const type = response.headers.get('content-type') ?? '';
  if (!/^application\/(?:[\w.+-]+\+)?json *(?:; *charset="?utf-8"? *)?$/i.test(type))
    throw unfit('is no JSON in UTF-8');
  const whole = parsed(bytes);
  const found = secret === undefined ? undefined : at(whole, secret.split('.'));
  if (secret !== undefined && (typeof found !== 'string' || found.length < shortest))
    throw unfit(`has no secret of ${shortest} characters or more in "${secret}"`);
  const picked = pick(whole, wantedOf(fields), []) ?? {};
  const value = typeof found === 'string' ? new Secret(found) : undefined;
  const texts = [...textsIn(picked)];
  if ([...fences, ...(value === undefined ? [] : [fenceOf(value)])].some((each) => holds(each, texts)))
    throw unfit(
      'repeats the credential in a field that was to be shown',
      'nothing of it is shown: leave that field out',
    );
  return { fields: picked as Readonly<Record<string, unknown>>, secret: value };
}

/** characters of a credential, and of a secret that an API gives: less cannot be told from other text */
export const shortest = 8;

/** The forms of a credential, and of each part of a JWT. */
export function fenceOf(credential: Secret): Masking {
  const parts = credential.reveal().split('.');
  const whole = { name: 'credential', value: credential };
  const segments = parts.length === 3 ? parts.filter((part) => part.length >= 2 * shortest) : [];
  return createMasking([whole, ...segments.map((part) => ({ name: 'credential', value: new Secret(part) }))]);
}

function holds(fence: Masking, texts: readonly string[]): boolean {
  const together = texts.join('\n');
  const looked = [together, texts.join(''), together.replaceAll('\0', '')];
  const once = looked.map(unescaped);
  // half a character, as where an API cuts a text, is another one after any look at its bytes
  const all = [...looked, ...once, ...once.map(unescaped)].map((text) => text.toWellFormed());
  return [...new Set(all)].some((text) => fence.text(text) !== text);
}

function parsed(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // the parser's own words quote what it read
    throw unfit('is no JSON in UTF-8');
  }
}

function wantedOf(fields: readonly string[]): Wanted {
  const root: Wanted = { inner: new Map() };
  for (const field of fields) {
    let at = root;
    for (const name of field.split('.')) {
      const next: Wanted = at.inner.get(name) ?? { inner: new Map() };
      at.inner.set(name, next);
      at = next;
    }
  }
  return root;
}

/** lists within each other: a parser takes more of them than can be gone through */
const deepest = 32;

/** The wanted part of a value. What is not there is left out; what is more than a plain value was not asked for. */
function pick(value: unknown, { inner }: Wanted, path: readonly string[], lists = 0): unknown {
  if (lists > deepest) throw unfit(`has more than ${deepest} lists within each other`);
  if (Array.isArray(value)) return value.map((each) => pick(each, { inner }, path, lists + 1) ?? null);
  if (inner.size > 0) {
    if (typeof value !== 'object' || value === null) return undefined;
    const found = [...inner].map(([name, more]) => {
      const own: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      return [name, own === undefined ? undefined : pick(own, more, [...path, name], lists)] as const;
    });
    return Object.fromEntries(found.filter(([, each]) => each !== undefined));
  }
  if (typeof value === 'object' && value !== null)
    throw unfit(`has several values in "${path.join('.')}"`, `name those that are wanted: ${path.join('.')}.NAME`);
  // 1e400 is Infinity to a parser, and would be null to whoever gets it
  if (typeof value === 'number' && !Number.isSafeInteger(Math.trunc(value)))
    throw unfit(`has a number in "${path.join('.')}" that is too large to be kept as it is`, 'leave that field out');
  return value;
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, name) ? Reflect.get(found, name) : undefined,
    value,
  );
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) yield* textsIn(each);
  else if (typeof value === 'string' || typeof value === 'number') yield String(value);
}

function unfit(problem: string, hint?: string): FlowError {
  return new FlowError('protocol', `its answer ${problem}`, { hint });
}
