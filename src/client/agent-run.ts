import type { LeaseClock } from '../foundation/clocks.ts';
import { parseDuration } from '../foundation/duration.ts';
import { unlessAborted } from '../foundation/unless-aborted.ts';
import { headerNames, longestReason, pathOf, paths } from '../foundation/wire.ts';
import { type GrantedRun, runIn } from './answers.ts';
import { BrokerError } from './broker-error.ts';
import type { AgentRun, Client, RunOptions } from './contract.ts';
import { brokerErrorCodes } from './error-codes.ts';
import { createProofKey, type ProofKey } from './proof-key.ts';
import type { Requests, Sender } from './request.ts';

/** One who may begin agent runs. */
export interface Beginner {
  readonly requests: Requests;
  readonly clock: LeaseClock;
  readonly sender: Sender;
  /** the key that its own run is bound to, which goes on to those below it */
  readonly key?: ProofKey | undefined;
  /** ends its runs with it */
  readonly closed: AbortSignal;
  /** A client as somebody else, on the same connections, until the signal ends. */
  clientAs(sender: Sender, key: ProofKey | undefined, signal: AbortSignal): Omit<Client, 'close'>;
}

export type Work<T> = (run: AgentRun) => T | Promise<T>;

/** seconds, as the broker has it */
const usualSilence = 900;

/** As `run` of {@link Client} says. */
export async function workAsRun<T>(by: Beginner, work: Work<T>, options: RunOptions): Promise<T> {
  const { requests, clock } = by;
  const asked = bodyOf(options);
  const ends = options.signal === undefined ? by.closed : AbortSignal.any([options.signal, by.closed]);
  ends.throwIfAborted();
  const key = by.key ?? (options.dpop === true ? await createProofKey(clock.now) : undefined);
  let granted = await begin(by, asked, key, ends);
  const { id, root, parent, expiresAt } = granted;

  const over = new AbortController();
  // where nobody listens to it, Node looks for its reason when it is asked, in this order
  const signal = AbortSignal.any([ends, over.signal]);
  const sender: Sender = {
    token: () => granted.token,
    // the broker has its reason
    headers: withoutReason(by.sender.headers),
    authorize: key === undefined ? undefined : (token, url) => bound(key, token, url),
  };
  const word = async () => {
    granted = runIn(await requests.post(sender, pathOf(paths.agentRunHeartbeat, id)));
  };
  const stop = keepAlive(clock, (asked.heartbeat_within ?? usualSilence) * 1_000, word, (why) => over.abort(why));
  const run: AgentRun = {
    ...by.clientAs(sender, key, signal),
    ...{ id, root, parent, expiresAt, signal },
    credential() {
      if (key === undefined) return granted.token;
      throw new TypeError('dpop: the run is bound to a key of this process, and its token is of no use to another');
    },
  };

  let outcome: 'succeeded' | 'failed' | 'cancelled' = 'failed';
  try {
    const result = await unlessAborted((async () => work(run))(), ends, () => ends.reason as Error);
    outcome = 'succeeded';
    return result;
  } catch (error) {
    if (ends.aborted) outcome = 'cancelled';
    throw error;
  } finally {
    stop();
    // what came of the work stands, whatever becomes of this: a run that nobody speaks of ends by itself
    if (!over.signal.aborted)
      await requests.post(sender, pathOf(paths.agentRunFinish, id), { outcome }).catch(() => undefined);
    over.abort(new BrokerError('run-ended', { detail: `agent run ${id} is over` }));
  }
}

interface RunBody {
  readonly allow: readonly string[] | undefined;
  readonly expires_in: number | undefined;
  readonly heartbeat_within: number | undefined;
  readonly reason: string | undefined;
  readonly parent: string | undefined;
}

async function begin(
  { requests, sender, key: own }: Beginner,
  body: RunBody,
  key: ProofKey | undefined,
  signal: AbortSignal,
): Promise<GrantedRun> {
  const beginner: Sender = {
    ...sender,
    // one reason, where it has one of its own
    headers: body.reason === undefined ? sender.headers : withoutReason(sender.headers),
    ...(key === undefined || own !== undefined
      ? {}
      : { authorize: async (token, url) => ({ authorization: `Bearer ${token}`, dpop: await key.proof(url) }) }),
  };
  return runIn(await requests.post(beginner, paths.agentRuns, body, signal));
}

async function bound(key: ProofKey, token: string, url: string): Promise<Readonly<Record<string, string>>> {
  return { authorization: `DPoP ${token}`, dpop: await key.proof(url, token) };
}

function withoutReason(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { [headerNames.reason]: _, ...others } = headers;
  return others;
}

/**
 * Says a word now and then.
 * @param silence milliseconds
 * @param over is told where trying again cannot help: it has ended
 * @returns stops it
 */
function keepAlive(
  clock: LeaseClock,
  silence: number,
  word: () => Promise<void>,
  over: (why: BrokerError) => void,
): () => void {
  let stopped = false;
  let cancel: unknown;
  const next = (milliseconds: number): void => {
    if (!stopped) cancel = clock.after(milliseconds, () => void (stopped || speak()));
  };
  async function speak(): Promise<void> {
    try {
      await word();
      next(interval);
    } catch (error) {
      if (error instanceof BrokerError && !isPassing(error)) over(error);
      else next(interval / 4);
    }
  }
  // its token lasts for an hour, and the next one comes with a word
  const interval = Math.min(silence / 3, 1_200_000);
  next(interval);
  return () => {
    stopped = true;
    if (typeof cancel === 'function') cancel();
  };
}

/** One of a newer broker is taken to be. */
function isPassing({ code }: BrokerError): boolean {
  return Object.entries(brokerErrorCodes).find(([known]) => known === code)?.[1].retryable ?? true;
}

/** @throws TypeError that names the option: JavaScript gives anything */
function bodyOf({ allow, expires, heartbeat, reason, parent, dpop, signal }: RunOptions): RunBody {
  if (allow !== undefined && !(Array.isArray(allow) && allow.every((each) => typeof each === 'string')))
    throw new TypeError('allow: a list of names and flows, in the patterns of policy.yaml');
  if (reason !== undefined && !(typeof reason === 'string' && reason !== '' && reason.length <= longestReason))
    throw new TypeError(`reason: one line of at most ${longestReason} characters`);
  if (parent !== undefined && typeof parent !== 'string') throw new TypeError('parent: the token of an agent run');
  if (dpop !== undefined && typeof dpop !== 'boolean') throw new TypeError('dpop: true or false');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: an AbortSignal');
  return {
    ...{ allow, reason, parent },
    expires_in: secondsOf('expires', expires),
    heartbeat_within: secondsOf('heartbeat', heartbeat),
  };
}

function secondsOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = typeof text === 'string' ? parseDuration(text) : undefined;
  if (seconds !== undefined && seconds <= 86_400) return seconds;
  throw new TypeError(`${name}: a length of time of at most a day, as 30m`);
}
