import { FlowError } from '../foundation/errors.ts';
import { presentedAs, type Flow } from '../folder/flows/flow.ts';
import type { Secret } from '../foundation/secret.ts';
import type { Granted } from './audited-answers.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import type { Caller, GrantedToken } from './contract.ts';
import type { Engine } from './flow-runner.ts';
import { createFront } from './token-front-cache.ts';
import { checkedInputs } from './checked-inputs.ts';
import { grantedToken, leftOf, requireShort } from './token-lifetime.ts';
import type { Pass } from './approvals/admission-pass.ts';
import type { Permission } from './permission.ts';
import { BrokerRefusal } from './refusal.ts';

export interface TokensOptions {
  readonly engine: Engine;
  readonly permission: Permission;
  readonly clock: BrokerClock;
  /** a token was evicted: whatever else keeps it forgets it (SHA-256, hex) */
  readonly onEvicted: (hash: string) => void;
}

export interface Tokens {
  /** @throws BrokerRefusal */
  grant(
    caller: Caller,
    flow: string,
    given: Readonly<Record<string, unknown>>,
    pass?: Pass,
  ): Promise<Granted<GrantedToken>>;
  /** The same, where all of it is in memory; counts the request only where it is granted. */
  cached(caller: Caller, flow: string, inputs: Readonly<Record<string, unknown>>): Remembered | undefined;
  /** @throws BrokerRefusal */
  rejected(caller: Caller, flow: string, tokenHash: string): Granted<{ readonly evicted: boolean }>;
  /** A token of this hash is worth nothing any more. */
  forget(hash: string): void;
  readonly counts: () => { readonly hits: number; readonly misses: number };
}

/** What {@link Tokens.cached} finds. */
interface Remembered {
  readonly token: GrantedToken;
  readonly value: Secret;
  readonly rule: string;
  readonly jti: Granted<unknown>['jti'];
}

/** The tokens of flows, through the engine and its cache. */
export function createTokens({ engine, permission, clock, onEvicted }: TokensOptions): Tokens {
  const front = createFront(clock);
  let hits = 0;
  let misses = 0;

  const forget = (hash: string): void => {
    front.drop(hash);
    onEvicted(hash);
  };

  return {
    forget,
    counts: () => ({ hits, misses }),
    async grant(caller, name, given, pass) {
      const approved = { inputs: given, pass };
      const { flow } = permission.flow(caller, name, approved);
      if (!givesToken(flow)) throw new BrokerRefusal('not-a-token', { names: [name] });
      const inputs = checkedInputs(flow, given);
      const generation = front.generation();
      const {
        tokens: [known],
        source,
        jti,
      } = await engine.run(flow, inputs, caller);
      if (known === undefined)
        throw new FlowError('internal', 'a flow that gives a token gave none', { place: { flow: name } });
      // what was taken away while we waited is not given any more
      const { rule, maxTtl } = permission.flow(caller, name, approved);
      const left = leftOf(known, clock);
      if (left <= 0)
        throw new BrokerRefusal('upstream-unavailable', { names: [name], detail: 'the token has expired' });
      requireShort(left, maxTtl, name);
      front.put(keyOf(caller, name, given), { known, jti }, generation);
      if (source === 'cache') hits += 1;
      else misses += 1;
      const values = [{ name, kind: 'flow', value: known.token.accessToken }] as const;
      return { value: grantedToken(known, left), rule, source, jti, values, mayRepeat: true };
    },
    cached(caller, name, given) {
      const allowed = permission.granted(caller, name);
      const entry = allowed === undefined ? undefined : front.get(keyOf(caller, name, given));
      if (allowed === undefined || entry === undefined) return undefined;
      if (entry.left > allowed.maxTtl || !permission.takes(caller)) return undefined;
      hits += 1;
      return { token: entry.token, value: entry.known.token.accessToken, rule: allowed.rule, jti: entry.jti };
    },
    rejected(caller, name, tokenHash) {
      // to tell that a token is refused gives nothing away
      const { rule } = permission.flow(caller, name, 'unapproved');
      const hash = tokenHash.toLowerCase();
      if (!/^[0-9a-f]{64}$/.test(hash)) throw new BrokerRefusal('invalid-request', { detail: 'no SHA-256 in hex' });
      const evicted = engine.rejected(hash, name);
      if (evicted) forget(hash);
      return { value: { evicted }, rule };
    },
  };
}

/**
 * By the agent and its run, whose token may be its own. Inputs count in the order in which they were given: another order
 * is asked of the engine.
 */
function keyOf({ agent, agentRun }: Caller, flow: string, given: Readonly<Record<string, unknown>>): string {
  const whose = agentRun === undefined ? agent : `${agent} ${agentRun.run}`;
  for (const _ in given) return `${whose} ${flow} ${JSON.stringify(given)}`;
  return `${whose} ${flow}`;
}

/** Whether the flow's output is a token, as its file says; one that writes gives none here. */
function givesToken(flow: Flow): boolean {
  return flow.effect === 'none' && presentedAs(flow) === 'token';
}
