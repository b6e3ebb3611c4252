import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { Database } from '../../durable/database/contract.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { durationText } from '../../foundation/duration.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { AgentRunOutcome } from '../../foundation/wire.ts';
import type { FlowError } from '../../foundation/errors.ts';
import type { Audited } from '../audited-answers.ts';
import type { Caller, ProvenRun } from '../contract.ts';
import type { Permission } from '../permission.ts';
import { BrokerRefusal } from '../refusal.ts';
import { type AgentRun, createLedger, type Ledger, type RunFilter } from './ledger.ts';
import type { RunClaims, RunTokens } from './run-token.ts';

export interface AgentRunsOptions {
  readonly database: () => Promise<Database>;
  /** asked for when the first run begins, or is proven */
  readonly tokens: () => Promise<RunTokens>;
  readonly audited: Pick<Audited, 'answer' | 'record'>;
  readonly permission: Pick<Permission, 'count'>;
  readonly clock: BrokerClock;
  /** these are over: what they alone had is taken back; fails never */
  readonly onEnded: (runs: readonly string[]) => Promise<void>;
}

/** What a run is begun with. */
export interface RunRequest {
  /** patterns of names and flows; undefined: whatever policy and the runs above allow */
  readonly allow?: readonly string[] | undefined;
  /** seconds */
  readonly expires?: number | undefined;
  /** seconds without a word of it after which it is lost */
  readonly silence?: number | undefined;
  /** RFC 7638 thumbprint of the key that its requests will prove */
  readonly jkt?: string | undefined;
  /** the token of another agent's run that this one is below, where the caller has none of its own */
  readonly parent?: string | undefined;
}

export interface RunGrant {
  readonly run: string;
  readonly root: string;
  readonly parent: string | undefined;
  readonly token: Secret;
  /** epoch seconds, of the token: a word of the run gives the next one */
  readonly tokenExpires: number;
  /** epoch seconds, of the run */
  readonly expires: number;
}

/** Why a token proves no run. */
type RunFailure = 'invalid' | 'ended';

export type RunProof =
  | { readonly agent: string; readonly agentRun: ProvenRun; readonly jkt: string | undefined }
  | { readonly failure: RunFailure; readonly detail: string }
  | { readonly failure: 'unknown'; readonly detail: string; readonly error: FlowError };

/** Tasks of agents: begun by a proven agent or by another task, which it can only narrow; kept in the ledger. */
export interface AgentRuns {
  /** @throws BrokerRefusal run-too-deep, run-ended where the run above has, rate-limited where there are too many */
  begin(caller: Caller, request: RunRequest): Promise<RunGrant>;
  /** A word of it: it goes on, with another token. @throws BrokerRefusal not-allowed for a run that is not the caller's */
  heartbeat(caller: Caller, run: string): Promise<RunGrant>;
  /** Ends it and all below it. @returns how many that were @throws BrokerRefusal not-allowed */
  finish(caller: Caller, run: string, outcome: Exclude<AgentRunOutcome, 'expired' | 'lost'>): Promise<number>;
  /** Whose request a token makes. */
  prove(token: string): Promise<RunProof>;
  /** The same, where it was just proven. */
  provenAtOnce(token: string, sha256?: string): RunProof | undefined;
  /** For the operator: ends it and all below it. @returns how many that were */
  end(caller: Caller, run: string): Promise<number>;
  /** for the operator */
  list(caller: Caller, filter: RunFilter): Promise<readonly AgentRun[]>;
  /** For the operator: a run and all below it, those above first. */
  tree(caller: Caller, run: string): Promise<readonly AgentRun[]>;
  /** For the page, which looks again and again while it is open: not on the trail. */
  readonly ledger: Pick<Ledger, 'list' | 'tree' | 'chain'>;
  close(): void;
}

/** @throws BrokerRefusal internal where the broker keeps none */
export function requireAgentRuns(agentRuns: AgentRuns | undefined): AgentRuns {
  if (agentRuns === undefined) throw new BrokerRefusal('internal', { detail: 'this broker keeps no agent runs' });
  return agentRuns;
}

/** seconds: of a token, of a run at most and unless it says otherwise, of its silence */
const tokenLife = 3_600;
const longestLife = 86_400;
const usualLife = 3_600;
const usualSilence = 900;
/** of runs above each other */
const deepest = 5;
/** runs of one agent that may go on at once */
const mostAlive = 500;
/**
 * milliseconds for which a run is taken to go on without another look into the ledger: another broker may have ended it,
 * and with the answer that is under way it gets nothing a second later
 */
const lookAgain = 750;
/** milliseconds after which a request, which does not wait for it, has the ledger looked into again */
const lookAhead = 375;
const sweepEvery = 30_000;
const mostKnown = 10_000;

/** A run whose token was read, as the ledger had it a moment ago. */
interface Known {
  readonly claims: RunClaims;
  readonly proof: RunProof;
  /** milliseconds after which it is lost */
  readonly silence: number;
  readonly runs: ReadonlySet<string>;
  ended: boolean;
  /** monotonic milliseconds */
  looked: number;
  /** epoch milliseconds */
  heard: number;
}

export function createAgentRuns(options: AgentRunsOptions): AgentRuns {
  const { audited, permission, clock } = options;
  const ledger = createLedger(options.database);
  /** by the hash of the token */
  const known = createMemory<Known>({ clock, capacity: mostKnown });
  /** those that are under way, and when they began: monotonic milliseconds */
  const looks = new Map<string, { readonly at: number; readonly answer: Promise<Known | RunProof> }>();
  let stopSweeping: (() => void) | undefined;

  const runTokens = madeOnce(options.tokens);

  /** Puts on the trail what has ended, in the name of who ended it; without one, of the agent whose run it was. */
  async function told(ended: readonly AgentRun[], by?: Caller, except?: string): Promise<void> {
    const runs = new Set(ended.map(({ run }) => run));
    known.forget((_, found) => {
      const isOver = found !== undefined && !runs.isDisjointFrom(found.runs);
      if (isOver) found.ended = true;
      return isOver;
    });
    // nobody waits for an issuer: what it does not revoke now ends by itself
    void options.onEnded([...runs]);
    for (const run of ended) {
      if (run.run === except) continue;
      const { agent, request, address, reason } = by ?? { agent: run.agent, request: randomUUID() };
      const event = { agent, request, address, reason, action: 'agent-run.finished', what: [run.agent] } as const;
      await audited.record({ ...event, outcome: 'allowed', agentRun: run.run, detail: run.outcome });
    }
  }

  /** Ends what is over by the clock, and says so. */
  const sweep = async (): Promise<void> => told(await ledger.sweep(clock.now()));

  /** From the first run on: a broker that has none never asks its database. */
  function keepSweeping(): void {
    stopSweeping ??= clock.after(sweepEvery, () => {
      stopSweeping = undefined;
      // a database that is away now is asked again
      void sweep()
        .catch(() => undefined)
        .then(keepSweeping);
    });
  }

  async function grantOf({ run, root, parent, agent, begunBy, jkt, expires }: AgentRun): Promise<RunGrant> {
    const end = Math.floor(expires / 1_000);
    const tokenExpires = Math.min(end, Math.floor(clock.now() / 1_000) + tokenLife);
    const by = begunBy === agent ? undefined : begunBy;
    const claims = { run, root, parent, agent, begunBy: by, jkt, expires: tokenExpires, id: randomUUID() };
    return { run, root, parent, token: await (await runTokens.get()).mint(claims), tokenExpires, expires: end };
  }

  /** What a caller may say something about: its own run and those below it; without a run, those of its agent. */
  async function owned(caller: Caller, id: string): Promise<AgentRun> {
    const chain = await ledger.chain(id);
    const [run] = chain;
    const by = caller.agentRun;
    const isOwn = chain.some((each) => (by === undefined ? each.agent === caller.agent : each.run === by.run));
    if (run === undefined || !isOwn)
      throw new BrokerRefusal('not-allowed', { detail: 'no such agent run of this agent' });
    requireGoingOn(chain, clock.now());
    return run;
  }

  /** One look into the ledger for all who ask meanwhile, but for one that takes too long to tell how it is now. */
  function look(key: string, claims: RunClaims): Promise<Known | RunProof> {
    const at = clock.monotonic();
    const begun = looks.get(key);
    if (begun !== undefined && at - begun.at < lookAgain) return begun.answer;
    const answer = ask(key, claims).finally(() => looks.get(key)?.answer === answer && looks.delete(key));
    looks.set(key, { at, answer });
    return answer;
  }

  async function ask(key: string, claims: RunClaims): Promise<Known | RunProof> {
    const before = known.peek(key)?.value;
    const looked = clock.monotonic();
    const chain = await ledger.chain(claims.run);
    const at = clock.now();
    const [run] = chain;
    const over = chain.find((each) => isOver(each, at));
    // it may have been ended here while the ledger was asked
    if (run === undefined || over !== undefined || before?.ended === true) {
      if (before !== undefined) before.ended = true;
      known.forget(key);
      return { failure: 'ended', detail: `agent run ${claims.run}: ${over?.outcome ?? 'over'}` };
    }
    if (before !== undefined) {
      hear(before);
      return Object.assign(before, { looked });
    }
    const runs = new Set(chain.map((each) => each.run));
    const agentRun: ProvenRun = {
      run: run.run,
      root: run.root,
      chain: chain.map((each) => ({ run: each.run, agent: each.agent, allow: each.allow })),
      reason: chain.find(({ reason }) => reason !== undefined)?.reason,
      expires: run.expires,
      ended: () => found.ended,
      goesOn: async () => (found.ended || isFresh(found) ? !found.ended : 'proof' in (await look(key, claims))),
    };
    const proof = { agent: claims.agent, agentRun, jkt: claims.jkt };
    const { silence, heard } = run;
    const found: Known = { claims, proof, silence, runs, heard, ended: false, looked };
    known.put(key, found, { ends: clock.monotonic() + claims.expires * 1_000 - at });
    hear(found);
    return found;
  }

  /** A run that asks is alive, and the ledger learns it now and then. */
  function hear(found: Known): void {
    const [at, before] = [clock.now(), found.heard];
    if (at - before < found.silence / 4) return;
    found.heard = at;
    void ledger.heard(found.claims.run, at).catch(() => {
      found.heard = before;
    });
  }

  const ageOf = ({ looked }: Known): number => clock.monotonic() - looked;
  const isFresh = (found: Known): boolean => ageOf(found) < lookAgain;
  const atOnce = (key: string): RunProof | undefined => {
    const found = known.peek(key)?.value;
    if (found === undefined || !isFresh(found)) return undefined;
    // who asks often waits for no look; where the ledger cannot be asked now, the next who must wait is told
    if (ageOf(found) >= lookAhead) void look(key, found.claims).catch(() => undefined);
    return found.proof;
  };

  return {
    async begin(caller, request) {
      return audited.answer(caller, 'agent-run.started', [caller.agent], async () => {
        permission.count(caller);
        // what is over and was not swept yet makes room
        keepSweeping();
        // its time begins when it can be kept: the first one may wait for the database
        await options.database();
        const run = newRun(caller, request, await parentOf(caller, request), clock.now());
        if (run.depth > deepest) throw new BrokerRefusal('run-too-deep', { detail: `depth ${run.depth}` });
        const begun = await ledger.begin(run, mostAlive);
        if (begun === 'ended-above') throw new BrokerRefusal('run-ended', { detail: `the run above, ${run.parent}` });
        if (begun === 'too-many') {
          const detail = `${mostAlive} of its agent runs go on`;
          throw new BrokerRefusal('rate-limited', { retryAfter: 60, detail });
        }
        return { value: await grantOf(run), rule: undefined, agentRun: run.run, detail: beginText(run) };
      });
    },
    async heartbeat(caller, id) {
      return audited.answer(caller, 'agent-run.heartbeat', [caller.agent], async () => {
        permission.count(caller);
        const run = await owned(caller, id);
        await ledger.heard(id, clock.now());
        return { value: await grantOf(run), rule: undefined, agentRun: id };
      });
    },
    async finish(caller, id, outcome) {
      return audited.answer(caller, 'agent-run.finished', [caller.agent], async () => {
        permission.count(caller);
        await owned(caller, id);
        const ended = await ledger.end(id, outcome, clock.now());
        // somebody else was first
        if (!ended.some(({ run }) => run === id)) throw new BrokerRefusal('run-ended');
        // itself is told with the answer
        await told(ended, caller, id);
        return { value: ended.length, rule: undefined, agentRun: id, detail: outcome };
      });
    },
    prove,
    provenAtOnce: (token, sha256 = hash('sha256', token, 'hex')) => atOnce(sha256),
    async end(caller, id) {
      const ended = await ledger.end(id, 'cancelled', clock.now());
      await told(ended, caller);
      return ended.length;
    },
    list: (caller, filter) => looked(caller, () => ledger.list(filter)),
    tree: (caller, run) => looked(caller, () => ledger.tree(run)),
    ledger,
    close: () => stopSweeping?.(),
  };

  async function parentOf(caller: Caller, { parent: token }: RunRequest): Promise<AgentRun | undefined> {
    let above = caller.agentRun;
    if (token !== undefined) {
      if (above !== undefined) throw new BrokerRefusal('invalid-request', { detail: 'it has a run above it already' });
      const proof = await prove(token);
      if (!('agentRun' in proof)) throw new BrokerRefusal('not-allowed', { detail: `the run above: ${proof.detail}` });
      if (proof.jkt !== undefined)
        throw new BrokerRefusal('not-allowed', { detail: 'the run above is bound to a key, which only it can prove' });
      above = proof.agentRun;
    }
    // one that only an outside issuer proves is not in the ledger: it narrows nothing
    if (above === undefined || above.chain.length === 0) return undefined;
    const chain = await ledger.chain(above.run);
    requireGoingOn(chain, clock.now());
    return chain[0];
  }

  async function prove(token: string): Promise<RunProof> {
    const key = hash('sha256', token, 'hex');
    const quick = atOnce(key);
    if (quick !== undefined) return quick;
    const claims = known.peek(key)?.value.claims ?? (await (await runTokens.get()).read(token));
    if ('problem' in claims) return { failure: 'invalid', detail: claims.problem };
    const found = await look(key, claims);
    if (!('proof' in found)) return found;
    keepSweeping();
    return found.proof;
  }

  function looked<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    return audited.answer(caller, 'operator.look', [], async () => {
      // nobody may have asked since this broker began: what is over is not shown as if it went on
      await sweep();
      return { value: await work(), rule: undefined };
    });
  }
}

/** Whether it has ended, swept or not. @param at epoch milliseconds */
function isOver({ ended, expires, heard, silence }: AgentRun, at: number): boolean {
  return ended !== undefined || expires <= at || heard + silence <= at;
}

/** @throws BrokerRefusal run-ended, for a run or one above it */
function requireGoingOn(chain: readonly AgentRun[], at: number): void {
  const over = chain.find((each) => isOver(each, at));
  if (over !== undefined) throw new BrokerRefusal('run-ended', { detail: `${over.run}: ${over.outcome ?? 'over'}` });
}

function newRun(caller: Caller, request: RunRequest, parent: AgentRun | undefined, at: number): AgentRun {
  const { allow, expires = usualLife, silence = usualSilence, jkt } = request;
  const run = `ar-${randomBytes(16).toString('base64url').replaceAll(/[-_]/g, '0')}`;
  const end = at + Math.min(expires, longestLife) * 1_000;
  return {
    run,
    root: parent?.root ?? run,
    parent: parent?.run,
    depth: (parent?.depth ?? 0) + 1,
    agent: caller.agent,
    begunBy: parent?.agent ?? caller.agent,
    provenBy: caller.by,
    allow,
    reason: caller.reason,
    claimed: caller.agentRun?.chain.length === 0 ? caller.agentRun.run : caller.run,
    jkt,
    begun: at,
    // it lives no longer than the one above
    expires: Math.min(end, parent?.expires ?? end),
    silence: silence * 1_000,
    heard: at,
    ended: undefined,
    outcome: undefined,
  };
}

/** What an operator should know of it from the trail alone. */
function beginText({ root, parent, allow, begun, expires, claimed }: AgentRun): string {
  return [
    ...(parent === undefined ? [] : [`below ${parent}`, `root ${root}`]),
    ...(allow === undefined ? [] : [`narrowed to ${allow.join(', ')}`]),
    ...(claimed === undefined ? [] : [`claimed ${claimed}`]),
    `for ${durationText(Math.floor((expires - begun) / 1_000))}`,
  ].join('; ');
}
