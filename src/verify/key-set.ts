import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { FlowError } from '../foundation/errors.ts';
import { createMemory, type FailureRules } from '../foundation/expiring-memory.ts';
import type { Call } from '../foundation/http.ts';

export interface KeySetOptions {
  readonly url: string;
  readonly call: Call;
  /** milliseconds of a clock that nobody sets */
  readonly monotonic: () => number;
  /** milliseconds that keys are used beyond their time where they cannot be fetched anew; default 1 hour */
  readonly staleFor?: number | undefined;
}

/** An issuer's public keys. */
export interface KeySet {
  /** The key that a token names. @throws jose's JWKSNoMatchingKey; FlowError where the keys cannot be had */
  readonly find: JWTVerifyGetKey;
  /** Fetches now, whatever is known. */
  reload(): Promise<void>;
}

// all in milliseconds
/** keys are fetched again after this */
const keptFor = 600_000;
/** where that fails, they are used this much longer: an issuer that is down is no reason for an API to be */
export const staleByDefault = 3_600_000;
/** between two fetches that unknown keys cause, so that forged tokens cause no storm */
const cooldown = 30_000;
/** a failure is remembered, so that a flood of requests does not become one to the issuer */
export const rememberedFailures: FailureRules = { time: () => 5_000, row: 0 };

interface Fetched {
  readonly find: JWTVerifyGetKey;
  readonly at: number;
}

/** Fetches an issuer's keys when they are first needed, once however many wait, and again where a token names a new one. */
export function createKeySet({ url, call, monotonic, staleFor = staleByDefault }: KeySetOptions): KeySet {
  const sets = createMemory<Fetched>({ clock: { monotonic }, capacity: 1, failures: rememberedFailures });
  const lifeOf = ({ at }: Fetched) => ({ fresh: at + keptFor, ends: at + keptFor + staleFor });

  async function fetchKeys(): Promise<Fetched> {
    const response = await call(url, { headers: { accept: 'application/jwk-set+json, application/json' } });
    if (response.status !== 200) {
      throw new FlowError('unavailable', `the issuer's keys cannot be had: it answers ${response.status}`, {
        hint: 'try again; if it stays, look at the issuer',
      });
    }
    return { find: keysOf(await parsed(response)), at: monotonic() };
  }

  return {
    async reload() {
      await sets.renew(url, fetchKeys, lifeOf);
    },
    async find(header, token) {
      const known = await sets.get(url, fetchKeys, lifeOf);
      try {
        return await pick(known.find, header, token);
      } catch (error) {
        // an unknown key may be a new one: after the cooldown that is found out; while fetching fails nobody knows
        if (!(error instanceof errors.JWKSNoMatchingKey) || monotonic() - known.at < cooldown) throw error;
        const failure = sets.failure(url);
        if (failure !== undefined) throw failure;
        return pick((await sets.renew(url, fetchKeys, lifeOf)).find, header, token);
      }
    },
  };
}

/** The key that a token names; where none has that name, those without any: `kid` is a hint (RFC 7515, section 4.1.4). */
function keysOf({ keys }: JSONWebKeySet): JWTVerifyGetKey {
  const all = createLocalJWKSet({ keys });
  const nameless = keys.filter(({ kid }) => kid === undefined);
  if (nameless.length === 0) return all;
  const others = createLocalJWKSet({ keys: nameless });
  return async (header, token) => {
    const { kid, ...rest } = header;
    const named = kid === undefined || keys.some((key) => key.kid === kid);
    return named ? all(header, token) : others(rest, token);
  };
}

async function pick(find: JWTVerifyGetKey, ...[header, token]: Parameters<JWTVerifyGetKey>) {
  try {
    return await find(header, token);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw error;
    // the platform's own errors: the key is the issuer's, so is the fault
    throw new FlowError('protocol', "a key of the issuer's key set is not valid", {
      hint: "look at the issuer's key set",
      cause: error,
    });
  }
}

async function parsed(response: Response): Promise<JSONWebKeySet> {
  const body: unknown = await response.json().catch(() => undefined);
  const found = keySetOf(body);
  if (found !== undefined) return found;
  throw new FlowError('protocol', "the issuer's key set is not valid", {
    hint: "check the issuer's discovery document",
  });
}

/**
 * A key set (RFC 7517, section 5) in which a member that is null is one that is not there, and what is no key is passed
 * over, so that an odd one does not take its neighbours with it; undefined for what is none.
 */
function keySetOf(body: unknown): JSONWebKeySet | undefined {
  const given: unknown = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (!Array.isArray(given)) return undefined;
  const keys = given.filter((key: unknown): key is object => typeof key === 'object' && key !== null);
  if (keys.length === 0 && given.length > 0) return undefined;
  return {
    keys: keys.map((key) => Object.fromEntries(Object.entries(key).filter(([, value]) => value !== null))),
  };
}
