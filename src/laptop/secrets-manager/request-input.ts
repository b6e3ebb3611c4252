import { Refusal } from '../aws/refusal.ts';
import { refuse } from './refusal.ts';

/** The members of one request, read with the limits of AWS's service model. */
export type Input = Readonly<Record<string, unknown>>;

export function parseInput(body: string): Input {
  try {
    const parsed: unknown = JSON.parse(body === '' ? '{}' : body);
    if (isMapping(parsed)) return parsed;
  } catch {
    // falls through: AWS gives the same answer to both
  }
  throw new Refusal('SerializationException', 'the request body is not a JSON object');
}

function isMapping(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function optionalText(
  input: Input,
  key: string,
  limits: { min?: number; max?: number } = {},
): string | undefined {
  const value = input[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Refusal('SerializationException', `${key} is not a string`);
  const { min = 0, max = Infinity } = limits;
  if (value.length < min || value.length > max) throw constraint(key, `length between ${min} and ${max}`);
  return value;
}

export function text(input: Input, key: string, limits: { min?: number; max?: number } = {}): string {
  const value = optionalText(input, key, limits);
  if (value === undefined) throw constraint(key, 'Member must not be null');
  return value;
}

/** SecretId: a name, or an ARN. */
export const secretId = (input: Input) => text(input, 'SecretId', { min: 1, max: 2048 });

export function flag(input: Input, key: string): boolean {
  const value = input[key];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw new Refusal('SerializationException', `${key} is not a boolean`);
  return value;
}

export function optionalNumber(input: Input, key: string, limits: { min: number; max: number }): number | undefined {
  const value = input[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new Refusal('SerializationException', `${key} is not an integer`);
  }
  if (value < limits.min || value > limits.max) throw constraint(key, `between ${limits.min} and ${limits.max}`);
  return value;
}

function list(input: Input, key: string, limits: { max?: number } = {}): readonly unknown[] | undefined {
  const value = input[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new Refusal('SerializationException', `${key} is not a list`);
  if (value.length > (limits.max ?? Infinity)) throw constraint(key, `at most ${limits.max} members`);
  return value;
}

export function texts(input: Input, key: string, limits: { max?: number } = {}): readonly string[] | undefined {
  return list(input, key, limits)?.map((each) => {
    if (typeof each !== 'string')
      throw new Refusal('SerializationException', `${key} holds something else than strings`);
    return each;
  });
}

export function mappings(input: Input, key: string, limits: { max?: number } = {}): readonly Input[] | undefined {
  return list(input, key, limits)?.map((each) => {
    if (!isMapping(each)) throw new Refusal('SerializationException', `${key} holds something else than structures`);
    return each;
  });
}

/** ClientRequestToken: the SDKs fill it in; a raw request without one is refused. */
export function requestToken(input: Input): string {
  const token = optionalText(input, 'ClientRequestToken', { min: 32, max: 64 });
  if (token === undefined) {
    throw refuse.request('You must provide a ClientRequestToken value. We recommend a UUID-type value.');
  }
  return token;
}

/** A secret's value: one of SecretString and SecretBinary, 1–65,536 bytes. */
export function secretValue(input: Input): SecretValue | undefined {
  const string = optionalText(input, 'SecretString');
  const binary = optionalText(input, 'SecretBinary');
  if (string !== undefined && binary !== undefined) {
    throw refuse.parameter(
      'You can’t specify both a binary secret value and a string secret value in the same secret.',
    );
  }
  if (string !== undefined) return limited({ kind: 'SecretString', value: string }, Buffer.byteLength(string));
  if (binary !== undefined) {
    return limited({ kind: 'SecretBinary', value: binary }, Buffer.from(binary, 'base64').length);
  }
  return undefined;
}

export interface SecretValue {
  readonly kind: 'SecretString' | 'SecretBinary';
  readonly value: string;
}

function limited(value: SecretValue, bytes: number): SecretValue {
  if (bytes < 1 || bytes > 65_536) throw constraint(value.kind, 'length between 1 and 65536');
  return value;
}

/** Never repeats the value: it may be a secret. */
function constraint(key: string, rule: string): Refusal {
  const member = `${key.slice(0, 1).toLowerCase()}${key.slice(1)}`;
  return refuse.validation(`1 validation error detected: Value at '${member}' failed to satisfy constraint: ${rule}`);
}
