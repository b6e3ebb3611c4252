import type { App } from '../app/open-app.ts';
import type { AuditEvent } from '../audit/contract.ts';
import type { Flow } from '../folder/flows/flow.ts';
import type { Inputs } from '../folder/flows/inputs.ts';
import { type Output, shownIn } from '../engine/output.ts';
import type { Token } from '../adapters/issuers/contract.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import { createMemory } from '../foundation/expiring-memory.ts';
import { type GivenToken, tokenEnd } from './token-lifetime.ts';
import type { Caller } from './contract.ts';
import { createSources } from './answer-source.ts';

/** What a run gave, and what is known of the tokens in it. */
export interface Ran {
  readonly output: Output;
  readonly tokens: readonly GivenToken[];
  readonly source: AuditEvent['source'];
  /** of every token that its steps got */
  readonly jti: AuditEvent['jti'];
}

/** The app's engine, and the memory of which flow gave which token. */
export interface Engine {
  /** In the caller's name. A token whose life is over although the wall clock, set back, says otherwise is made anew. */
  run(flow: Flow, inputs: Inputs, caller: Pick<Caller, 'agent' | 'agentRun'>): Promise<Ran>;
  /** Forgets a token that an API refused, if this flow gave it, and at most once a minute for its key. */
  rejected(hash: string, flow: string): boolean;
}

/** Seconds between two evictions of one token key that agents ask for. */
const evictionSpacing = 60;
/** Tokens that may be reported as rejected; one before them leaves the cache by its expiry. */
const mostReportable = 10_000;

export function createEngine(app: Pick<App, 'run' | 'rejected'>, clock: BrokerClock): Engine {
  const seen = new WeakMap<Token, GivenToken>();
  /** flows that gave a token, by its hash */
  const givers = createMemory<Set<string>>({ clock: { monotonic: clock.monotonic }, capacity: mostReportable });

  function know(token: Token, flow: string): GivenToken {
    let known = seen.get(token);
    if (known === undefined) {
      known = { token, hash: token.accessToken.hash(), ends: tokenEnd(token, clock) };
      seen.set(token, known);
    }
    const flows = givers.peek(known.hash)?.value;
    if (flows === undefined) givers.put(known.hash, new Set([flow]), known);
    else flows.add(flow);
    return known;
  }

  async function runOnce(
    flow: Flow,
    inputs: Inputs,
    { agent, agentRun }: Pick<Caller, 'agent' | 'agentRun'>,
  ): Promise<Ran> {
    const sources = createSources();
    const output = await app.run(flow, inputs, { agent, agentRun: agentRun?.run, onEvent: sources.onEvent });
    const tokens = shownIn(output).flatMap((value) => (value.as === 'token' ? [know(value.token, flow.name)] : []));
    return { output, tokens, source: sources.source(), jti: sources.jti() };
  }

  return {
    async run(flow, inputs, caller) {
      const ran = await runOnce(flow, inputs, caller);
      const over = ran.tokens.filter(({ ends }) => ends <= clock.monotonic());
      if (over.length === 0) return ran;
      for (const { hash } of over) app.rejected(hash);
      return runOnce(flow, inputs, caller);
    },
    rejected: (hash, flow) => givers.peek(hash)?.value.has(flow) === true && app.rejected(hash, evictionSpacing),
  };
}
