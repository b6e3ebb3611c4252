import { awake, type LeaseClock, systemClock } from '../foundation/clocks.ts';
import { createMemory, endingEarly, type Life } from '../foundation/expiring-memory.ts';
import { unlessAborted } from '../foundation/unless-aborted.ts';
import { nameForm, pathOf, paths } from '../foundation/wire.ts';
import { type Beginner, type Work, workAsRun } from './agent-run.ts';
import { parseAddress } from './broker-address.ts';
import {
  type FlowAnswer,
  flowAnswerIn,
  inspectionIn,
  type GrantedToken,
  type LeasedSecret,
  recordOf,
  secretsIn,
  type Token,
  tokenIn,
} from './answers.ts';
import { createApiFetch, createFetch, sha256 } from './api-fetch.ts';
import { BrokerError } from './broker-error.ts';
import { type ClientOptions, headersOf, requireOptions } from './client-options.ts';
import type { CallOptions, Client, FlowInputs, RunOptions } from './contract.ts';
import type { ProofKey } from './proof-key.ts';
import { createRequests, type Requests, type Sender } from './request.ts';
import { waitingForApproval } from './wait-for-approval.ts';

/**
 * A client of one broker, as one agent. @throws TypeError for an unsafe address and other misuse
 * @example
 * import { createClient } from 'auth-chain/client';
 *
 * const client = createClient({ broker: 'http://127.0.0.1:7700', token: { file: '/run/agent/token' } });
 * const { accessToken } = await client.token('orders-token');
 * client.close();
 */
export function createClient(options: ClientOptions): Client {
  requireOptions(options);
  const { deadline = 30_000, ca } = options;
  const asked = createRequests({ address: parseAddress(options.broker), deadline, ca });
  const requests = options.approval === 'wait' ? { ...asked, post: waitingForApproval(asked.post, deadline) } : asked;
  const apis = createApiFetch();
  const closing = new AbortController();
  const common = { requests, clock: awake(options.clock ?? systemClock), fetch: options.fetch ?? apis.fetch };
  const sender = { token: options.token, headers: headersOf(options) };
  return {
    ...clientAs({ ...common, sender, closed: closing.signal }),
    close() {
      requests.close();
      apis.close();
      closing.abort(new BrokerError('closed'));
    },
  };
}

interface Asking {
  readonly requests: Requests;
  readonly clock: LeaseClock;
  readonly fetch: typeof globalThis.fetch;
  readonly sender: Sender;
  readonly key?: ProofKey | undefined;
  /** ends what is under way, and forgets everything */
  readonly closed: AbortSignal;
}

/** One who asks, on connections that others may use too. */
function clientAs(asking: Asking): Omit<Client, 'close'> {
  const { requests, clock, sender, closed } = asking;
  const kept = { clock, capacity: 1_000 };
  const [tokens, leased] = [createMemory<AskedToken>(kept), createMemory<LeasedSecret>(kept)];
  const [batches, reports] = [createMemory<Secrets>(kept), createMemory<boolean>(kept)];
  const forget = () => [tokens, leased].forEach((each) => each.close());
  closed.addEventListener('abort', forget, { once: true });

  async function post(path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    closed.throwIfAborted();
    return requests.post(sender, path, body, signal === undefined ? closed : AbortSignal.any([closed, signal]));
  }

  async function token(flow: string, inputs: FlowInputs = {}, { signal }: CallOptions = {}): Promise<Token> {
    const key = JSON.stringify([flow, Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const known =
      tokens.peek(key)?.value ?? (await waiting(() => tokens.get(key, () => askToken(flow, inputs), lifeOf), signal));
    return known.token;
  }

  async function askToken(flow: string, inputs: FlowInputs): Promise<AskedToken> {
    const asked = clock.monotonic();
    const given = Object.keys(inputs).length === 0 ? undefined : { inputs };
    return { asked, ...tokenIn(await post(pathOf(paths.token, nameOf(flow)), given)) };
  }

  async function askSecrets(names: readonly string[]): Promise<Secrets> {
    const asked = clock.monotonic();
    const now = clock.now();
    const found = secretsIn(await post(paths.secrets, { secrets: names }), names);
    for (const [name, secret] of found) leased.put(name, secret, usable(asked, secret.expiresAt.getTime() - now));
    return found;
  }

  async function rejected(flow: string, tokenHash: string, { signal }: CallOptions = {}): Promise<boolean> {
    tokens.forget((_, known) => known !== undefined && sha256(known.token.accessToken) === tokenHash);
    const report = async (): Promise<boolean> => {
      const answer = await post(pathOf(paths.rejected, nameOf(flow)), { token_hash: tokenHash });
      return recordOf(answer)['evicted'] === true;
    };
    return waiting(() => reports.get(`${flow} ${tokenHash}`, report, notKept), signal);
  }

  async function runFlow(flow: string, inputs: FlowInputs, { signal }: CallOptions): Promise<FlowAnswer> {
    const given = Object.keys(inputs).length === 0 ? undefined : { inputs };
    return flowAnswerIn(await waiting(() => post(pathOf(paths.flow, nameOf(flow)), given, signal), signal));
  }

  function run(flow: string, inputs?: FlowInputs, options?: CallOptions): Promise<FlowAnswer>;
  function run<T>(work: Work<T>, options?: RunOptions): Promise<T>;
  async function run<T>(what: string | Work<T>, more: object = {}, options: CallOptions = {}): Promise<FlowAnswer | T> {
    if (typeof what !== 'function') return runFlow(what, more as FlowInputs, options);
    const as: Beginner['clientAs'] = (other, key, ends) => clientAs({ ...asking, sender: other, key, closed: ends });
    return workAsRun({ ...asking, clientAs: as }, what, more);
  }

  return {
    token,
    rejected,
    run,
    async secrets(names, { signal } = {}) {
      if (!Array.isArray(names)) throw new TypeError('names: a list of names of registry.yaml');
      const wanted = [...new Set<string>(names)];
      const known = wanted.map((name) => [name, leased.peek(name)?.value] as const);
      const missing = known.flatMap(([name, secret]) => (secret === undefined ? [name] : []));
      const batch = () => batches.get(missing.join(' '), () => askSecrets(missing), notKept);
      const asked = missing.length === 0 ? none : await waiting(batch, signal);
      const all = known.map(([name, secret]) => [name, secret ?? asked.get(name)] as const);
      return Object.fromEntries(all) as Readonly<Record<(typeof names)[number], LeasedSecret>>;
    },
    inspect: async (texts, { signal } = {}) =>
      inspectionIn(await waiting(() => post(paths.hook, { texts }, signal), signal)),
    fetch: (flow, own = {}) =>
      createFetch({
        flow,
        token: (signal) => token(flow, own.inputs, { signal }),
        rejected: (hash, signal) => rejected(flow, hash, { signal }),
        fetch: asking.fetch,
        origins: own.origins,
      }),
  };
}

interface AskedToken extends GrantedToken {
  /** monotonic milliseconds */
  readonly asked: number;
}

/** Milliseconds before its end that nothing is given out any more, at most a tenth of its life. */
const skew = 30_000;
const usable = (asked: number, milliseconds: number): Life => endingEarly(asked, asked + milliseconds, skew);
const lifeOf = ({ asked, expiresIn }: AskedToken): Life | undefined =>
  expiresIn === undefined ? undefined : usable(asked, expiresIn * 1_000);
const notKept = (): undefined => undefined;

type Secrets = ReadonlyMap<string, LeasedSecret>;
const none: Secrets = new Map();

/** The work may serve others too: only this caller stops waiting for it. @throws the signal's reason */
async function waiting<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work();
  signal.throwIfAborted();
  return unlessAborted(work(), signal, () => signal.reason as Error);
}

/**
 * A name as a part of a path; what no file could be called is not sent.
 * @throws BrokerError not-allowed, as the broker would; TypeError for no name at all
 */
function nameOf(flow: unknown): string {
  if (typeof flow !== 'string') throw new TypeError("flow: a flow's name");
  if (!nameForm.test(flow)) throw new BrokerError('not-allowed');
  return flow;
}
