import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { awake, systemClock } from '../../foundation/clocks.ts';
import { FlowError } from '../../foundation/errors.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import type { Fetch } from '../../foundation/http.ts';
import { quoted } from '../../foundation/quoted.ts';
import type { Policy } from '../../folder/policy/policy.ts';
import type { ProvenRun } from '../contract.ts';
import { claimsSaid } from './claims-said.ts';
import { type KeySource, matchAgent, type TrustedAgent, type TrustIndex, trustIndexOf } from './trusted-issuers.ts';

/** Why a workload's token proves nobody; for the trail, never for the one who sent it. */
export type WorkloadFailure =
  | 'malformed'
  | 'untrusted-issuer'
  | 'invalid-token'
  | 'expired'
  | 'audience'
  | 'claims'
  | 'ambiguous'
  | 'issuer-unavailable';

export type WorkloadAnswer =
  | {
      readonly agent: string;
      readonly agentRun?: ProvenRun | undefined;
      /** the issuer's public key that proved it; undefined where one of several did that have no name */
      readonly key: unknown;
    }
  | WorkloadRejection;

interface WorkloadRejection {
  readonly code: WorkloadFailure;
  readonly detail: string;
  /** of `issuer-unavailable`: whose keys cannot be had, and why */
  readonly unavailable?: { readonly what: string; readonly error: FlowError };
}

export interface WorkloadOptions {
  /** the policy in force */
  readonly policy: () => Policy;
  /** allows issuers at plain http on this machine */
  readonly development: boolean;
  /** epoch milliseconds */
  readonly now: () => number;
  /** default the global one */
  readonly fetch?: Fetch | undefined;
  /** milliseconds for each call of an issuer, default 5,000 */
  readonly deadline?: number | undefined;
}

type Claims = Readonly<Record<string, unknown>>;

interface Verified {
  readonly issuer: string;
  readonly claims: Claims;
  readonly key: unknown;
  /** ids of the sources whose keys proved it */
  readonly sources: ReadonlySet<string>;
  /** epoch milliseconds */
  readonly until: number;
}

type Keys = ReturnType<(typeof import('../../verify/issuer-key-sets.ts'))['createIssuerKeys']>;

/** longer than any token of the issuers that we know, shorter than what would be worth an attacker's while */
const longestToken = 16 * 1024;
/** seconds */
const clockTolerance = 60;
/** seconds since a token was issued, or to its end where it does not say: a workload's are made for the moment */
const oldest = 86_400;
/** milliseconds that a verified token need not be verified again; a key that is withdrawn ends with it */
const verifiedFor = 60_000;
const mostVerified = 1_000;
/** GitHub and Kubernetes write JWT or nothing, SPIFFE also JOSE, access tokens (RFC 9068) at+jwt; a logout token is none */
const types = ['jwt', 'jose', 'at+jwt', undefined];

/**
 * Agents proven by tokens of OIDC issuers that policy trusts. Only those issuers are ever contacted, and however many
 * bad tokens come, at most every few seconds. Where an issuer's keys cannot be had its tokens prove nobody.
 */
export function createWorkloads(options: WorkloadOptions): (token: string) => Promise<WorkloadAnswer> {
  const { now, development, deadline = 5_000 } = options;
  const clock = awake({ now, monotonic: systemClock.monotonic });
  const { monotonic } = clock;
  const verified = createMemory<Verified>({ clock, capacity: mostVerified });
  const keys = createMemory<Keys>({ clock, capacity: mostVerified });
  let trusted: { readonly policy: Policy; readonly index: TrustIndex } | undefined;

  /** What the policy says now: a trust that was taken away ends with the next token. */
  function index(): TrustIndex {
    const policy = options.policy();
    if (trusted?.policy !== policy) {
      const index = trustIndexOf(policy);
      trusted = { policy, index };
      const used = new Set([...index.values()].flat().map(({ source }) => source.id));
      keys.forget((id) => !used.has(id));
    }
    return trusted.index;
  }

  async function keysAt({ issuer, jwksUri, keysFile, discovery: document, anyIssuer }: KeySource): Promise<Keys> {
    const [{ createIssuerKeys }, { createHttp }] = await Promise.all([
      import('../../verify/issuer-key-sets.ts'),
      import('../../foundation/http.ts'),
    ]);
    if (keysFile !== undefined)
      return createIssuerKeys({ issuer, jwksUri: keysFile, call: readKeys, monotonic, staleFor: 0 });
    const call = createHttp({ peer: 'the issuer', development, fetch: options.fetch, deadline });
    return createIssuerKeys({ issuer, jwksUri, document, anyIssuer, call, monotonic, staleFor: 0 });
  }
  const keysOf = (source: KeySource): Promise<Keys> =>
    keys.get(
      source.id,
      () => keysAt(source),
      () => ({ ends: Infinity }),
    );

  /** By the keys of each source that policy names for the issuer; nearly always there is one. */
  async function verify(token: string, issuer: string, agents: readonly TrustedAgent[]) {
    const sources = new Map(agents.map(({ source }) => [source.id, source]));
    const found = await Promise.all([...sources.values()].map((source) => verifyBy(token, issuer, source)));
    const [first, ...others] = found.filter((each) => 'claims' in each);
    if (first === undefined) return found.find((each) => 'unavailable' in each) ?? found[0];
    return { ...first, sources: new Set([first, ...others].flatMap((each) => [...each.sources])) };
  }

  async function verifyBy(token: string, issuer: string, source: KeySource): Promise<Verified | WorkloadRejection> {
    const [{ JwtRejection, verifyJwt }, found] = await Promise.all([import('../../verify/jwt.ts'), keysOf(source)]);
    const at = now();
    try {
      const rules = { issuer, typ: types, clockTolerance, now };
      let key: unknown;
      const find = async (...asked: Parameters<Found['keys']['find']>) => {
        const named = await findIn(await found(), source).find(...asked);
        key = named;
        return named;
      };
      const { claims } = await verifyJwt(token, find, rules);
      const { exp, iat } = claims;
      if (iat === undefined && Number(exp) > at / 1000 + oldest + clockTolerance)
        return {
          code: 'invalid-token',
          detail: 'the token does not say when it was issued, and ends in more than a day',
        };
      if (iat !== undefined && !(Number(iat) >= at / 1000 - oldest - clockTolerance))
        return { code: 'expired', detail: 'the token is older than a day' };
      const until = Math.min((Number(exp) + clockTolerance) * 1000, at + verifiedFor);
      return { issuer, claims, key, sources: new Set([source.id]), until };
    } catch (error) {
      if (!(error instanceof JwtRejection)) return unavailable(issuer, error);
      const { problem, message } = error;
      return problem === 'expired'
        ? { code: 'expired', detail: 'the token has expired' }
        : { code: 'invalid-token', detail: `the token is not accepted: ${message}` };
    }
  }

  return async (token) => {
    if (token.length > longestToken) return { code: 'malformed', detail: 'the token is longer than 16 KiB' };
    const key = hash('sha256', token, 'hex');
    let found: Verified | WorkloadRejection | undefined = verified.peek(key)?.value;
    if (found === undefined) {
      const issuer = issuerOf(token);
      if (issuer === undefined) return { code: 'malformed', detail: 'the token is no JWT with an issuer' };
      const trusting = index().get(issuer);
      if (trusting === undefined) return untrusted(issuer);
      found = await verify(token, issuer, trusting);
      if (found === undefined) return untrusted(issuer);
      if (!('claims' in found)) return found;
      verified.put(key, found, { ends: monotonic() + found.until - now() });
    }
    // asked anew each time, and after any wait: policy may have changed
    const { issuer, claims, key: issuerKey, sources } = found;
    const agents = index()
      .get(issuer)
      ?.filter(({ source }) => sources.has(source.id));
    if (agents === undefined || agents.length === 0) return untrusted(issuer);
    const match = matchAgent(agents, claims);
    return 'agent' in match ? { ...match, key: issuerKey } : match;
  };
}

function untrusted(issuer: string): WorkloadRejection {
  return { code: 'untrusted-issuer', detail: `no agent trusts the issuer of the token: ${quoted(issuer)}` };
}

/** A file of keys in the place of their address. */
async function readKeys(path: string): Promise<Response> {
  try {
    return new Response(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new FlowError('unavailable', `the file of keys ${path} cannot be read`, {
      hint: 'see keys: under trust: in policy.yaml',
      cause,
    });
  }
}

type Found = Awaited<ReturnType<Keys>>;

/** Discovery lets an issuer differ in its last slash; a token's `iss` is compared letter by letter, and so is this. */
function findIn({ identifier, keys }: Found, { issuer, anyIssuer }: KeySource): Found['keys'] {
  if (identifier === issuer || anyIssuer) return keys;
  throw new FlowError('protocol', 'the discovery document writes the issuer differently');
}

function unavailable(issuer: string, error: unknown): WorkloadRejection {
  const failure =
    error instanceof FlowError
      ? error
      : new FlowError('protocol', 'they are not usable', { hint: "look at the issuer's key set" });
  const detail = `the issuer's keys cannot be had: ${failure.message}`;
  return { code: 'issuer-unavailable', detail, unavailable: { what: `trust ${issuer}`, error: failure } };
}

/** Only to find whose keys would prove it. */
function issuerOf(token: string): string | undefined {
  const { iss: issuer } = claimsSaid(token);
  return typeof issuer === 'string' ? issuer : undefined;
}
