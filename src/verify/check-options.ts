import { isLoopback, requireSafeAddress } from '../foundation/safe-address.ts';
import { publicKeyAlgorithms } from './jwt.ts';

type Given = Readonly<Record<string, unknown>>;

/**
 * What a program may have left out or mixed up, told when the verifier is made and not by every token refused later.
 * @throws TypeError that begins with the option's name
 */
export function checkOptions(options: unknown): void {
  const given = objectOf('options', options);
  const issuer = addressOf('issuer', given['issuer']);
  if (given['jwksUri'] !== undefined) addressOf('jwksUri', given['jwksUri'], isLoopback(issuer));
  const audience = typeof given['audience'] === 'string' ? [given['audience']] : textsOf('audience', given['audience']);
  if (audience.length === 0 || audience.includes('')) throw new TypeError('audience: must be given');
  if (given['algorithms'] !== undefined) {
    const unusable = textsOf('algorithms', given['algorithms']).find((one) => !publicKeyAlgorithms.includes(one));
    if (unusable !== undefined) throw new TypeError(`algorithms: of those with a public key, not ${unusable}`);
  }
  if (given['typ'] !== undefined && typeof given['typ'] !== 'string') textsOf('typ', given['typ']);
  const { clockTolerance = 0 } = given;
  if (!Number.isFinite(clockTolerance) || Number(clockTolerance) < 0)
    throw new TypeError('clockTolerance: seconds, 0 or more');
  checkRequirements(options);
  if (given['actor'] !== undefined && textsOf('actor', given['actor']).length === 0)
    throw new TypeError('actor: names at least one claim');
  for (const name of ['fetch', 'now'] as const) {
    if (given[name] !== undefined && typeof given[name] !== 'function') throw new TypeError(`${name}: a function`);
  }
}

/** Scopes come to stand in a header: they are scope-tokens (RFC 6749, section 3.3). @throws TypeError */
export function checkRequirements(requirements: unknown): void {
  const given = objectOf('options', requirements);
  for (const name of ['scopes', 'requiredScopes'] as const) {
    if (
      given[name] !== undefined &&
      !textsOf(name, given[name]).every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))
    )
      throw new TypeError(`${name}: a scope holds a character that it may not`);
  }
  for (const name of ['claims', 'requiredClaims'] as const) {
    if (given[name] !== undefined) objectOf(name, given[name]);
  }
  const { requireActor = false } = given;
  if (typeof requireActor !== 'boolean') textsOf('requireActor', requireActor);
}

function objectOf(name: string, value: unknown): Given {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name}: an object`);
  return value as Given;
}

function textsOf(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw new TypeError(`${name}: ${value === undefined ? 'must be given' : 'a list of texts'}`);
}

/** @param development whether plain http goes to a loopback address; default where it is one itself */
function addressOf(name: string, value: unknown, development?: boolean): URL {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (url === null) throw new TypeError(`${name}: ${value === undefined ? 'must be given' : 'an absolute URL'}`);
  const problem = requireSafeAddress(url, development ?? isLoopback(url));
  if (problem !== undefined) throw new TypeError(`${name}: https, or plain http to a loopback address; it ${problem}`);
  return url;
}
