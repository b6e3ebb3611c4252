import { createHash } from 'node:crypto';
import type { App } from '../app.ts';
import type { AuditEvent } from '../audit/contract.ts';
import { FlowError } from '../errors.ts';
import { presentedStep, type Flow } from '../flow/flow.ts';
import type { Inputs } from '../flow/inputs.ts';
import type { TokenFields } from '../flow/output-json.ts';
import type { Secret } from '../secret.ts';
import type { Granted } from './audited.ts';
import type { BrokerClock } from './clock.ts';
import type { Caller, GrantedToken } from './contract.ts';
import { createFront } from './front.ts';
import { checkedInputs } from './inputs.ts';
import { type GivenToken, grantedToken, leftOf, requireShort, tokenEnd } from './life.ts';
import type { Permission } from './permission.ts';
import { BrokerRefusal } from './refusal.ts';
import { createSources } from './sources.ts';

export interface TokensOptions {
  readonly app: Pick<App, 'run' | 'rejected'>;
  readonly permission: Permission;
  readonly clock: BrokerClock;
}

export interface Tokens {
  /** @throws BrokerRefusal */
  grant(caller: Caller, flow: string, given: Readonly<Record<string, unknown>>): Promise<Granted<GrantedToken>>;
  /** The same, where all of it is in memory; counts the request only where it is granted. */
  cached(caller: Caller, flow: string): { readonly token: GrantedToken; readonly rule: string } | undefined;
  /** @throws BrokerRefusal */
  rejected(caller: Caller, flow: string, tokenHash: string): Granted<{ readonly evicted: boolean }>;
  readonly counts: () => { readonly hits: number; readonly misses: number };
}

/** Seconds between two evictions of one token key that agents ask for. */
const evictionSpacing = 60;
/** Tokens that may be reported as rejected; an older one is evicted by its expiry. */
const mostReportable = 10_000;

/** The tokens of flows, through the engine and its cache. */
export function createTokens({ app, permission, clock }: TokensOptions): Tokens {
  const seen = new WeakMap<Secret, GivenToken>();
  /** by hash: the flows that gave it */
  const givers = new Map<string, Set<string>>();
  const front = createFront(clock);
  let hits = 0;
  let misses = 0;

  function know(fields: TokenFields, flow: string): GivenToken {
    const secret = fields['access-token'];
    let known = seen.get(secret);
    if (known === undefined) {
      const hash = createHash('sha256').update(secret.reveal()).digest('hex');
      known = { fields, hash, ends: tokenEnd(fields, clock) };
      seen.set(secret, known);
    }
    const flows = givers.get(known.hash) ?? new Set();
    givers.delete(known.hash);
    givers.set(known.hash, flows.add(flow));
    for (const hash of givers.keys()) {
      if (givers.size <= mostReportable) break;
      givers.delete(hash);
    }
    return known;
  }

  async function mint(flow: Flow, inputs: Inputs): Promise<{ known: GivenToken; source: AuditEvent['source'] }> {
    const sources = createSources();
    const output = await app.run(flow, inputs, { onEvent: sources.onEvent });
    if (output.kind !== 'scalar' || output.value.as !== 'token')
      throw new FlowError('internal', 'a flow that gives a token gave none', { place: { flow: flow.name } });
    return { known: know(output.value.token, flow.name), source: sources.source() };
  }

  /** A token whose life is over although the wall clock, set back, says otherwise is made anew. */
  async function live(flow: Flow, inputs: Inputs): ReturnType<typeof mint> {
    const minted = await mint(flow, inputs);
    if (clock.monotonic() < minted.known.ends) return minted;
    app.rejected(minted.known.hash);
    return mint(flow, inputs);
  }

  return {
    counts: () => ({ hits, misses }),
    async grant(caller, name, given) {
      const { flow } = permission.flow(caller, name);
      if (!givesToken(flow)) throw new BrokerRefusal('not-a-token', { names: [name] });
      const inputs = checkedInputs(flow, given);
      const generation = front.generation();
      const { known, source } = await live(flow, inputs);
      // what was taken away while we waited is not given any more
      const { rule, maxTtl } = permission.flow(caller, name);
      const left = leftOf(known, clock);
      if (left <= 0)
        throw new BrokerRefusal('upstream-unavailable', { names: [name], detail: 'the token has expired' });
      requireShort(left, maxTtl, name);
      if (Object.keys(given).length === 0) front.put(name, known, generation);
      if (source === 'cache') hits += 1;
      else misses += 1;
      return { value: grantedToken(known, left), rule, source };
    },
    cached(caller, name) {
      const allowed = permission.granted(caller, name);
      const entry = allowed === undefined ? undefined : front.get(name);
      if (allowed === undefined || entry === undefined) return undefined;
      if (entry.left > allowed.maxTtl || !permission.takes(caller)) return undefined;
      hits += 1;
      return { token: entry.token, rule: allowed.rule };
    },
    rejected(caller, name, tokenHash) {
      const { rule } = permission.flow(caller, name);
      const hash = tokenHash.toLowerCase();
      if (!/^[0-9a-f]{64}$/.test(hash)) throw new BrokerRefusal('invalid-request', { detail: 'no SHA-256 in hex' });
      const evicted = givers.get(hash)?.has(name) === true && app.rejected(hash, evictionSpacing);
      if (evicted) front.drop(hash);
      return { value: { evicted }, rule };
    },
  };
}

/** Whether the flow's output is a token, as its file says; one that writes gives none here. */
function givesToken(flow: Flow): boolean {
  if (flow.effect !== 'none' || flow.output?.kind !== 'scalar') return false;
  return presentedStep(flow, flow.output.value)?.kind?.presents === 'token';
}
