import { awake, systemClock } from '../foundation/clocks.ts';
import { createMemory, endingEarly, type Life } from '../foundation/expiring-memory.ts';
import { unlessAborted } from '../foundation/unless-aborted.ts';
import { nameForm, pathOf, paths } from '../foundation/wire.ts';
import { parseAddress } from './broker-address.ts';
import {
  type FlowAnswer,
  flowAnswerIn,
  type GrantedToken,
  type LeasedSecret,
  recordOf,
  secretsIn,
  type Token,
  tokenIn,
} from './answers.ts';
import { createApiFetch, createFetch, type FetchOptions, sha256 } from './api-fetch.ts';
import { BrokerError } from './broker-error.ts';
import { type ClientOptions, headersOf, requireOptions } from './client-options.ts';
import { createRequests } from './request.ts';
import { waitingForApproval } from './wait-for-approval.ts';

/**
 * Inputs of a flow, by their names.
 * @example
 * const inputs: FlowInputs = { tenant: 'north', 'dry-run': true };
 * const { accessToken } = await client.token('tenant-token', inputs);
 */
export type FlowInputs = Readonly<Record<string, string | number | boolean>>;

/**
 * What one call may say.
 * @example
 * const options: CallOptions = { signal: AbortSignal.timeout(2_000) };
 * const { accessToken } = await client.token('orders-token', {}, options);
 */
export interface CallOptions {
  /** ends this call's wait with its own reason; what other callers wait for too goes on */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One broker, asked as one agent.
 * @example
 * const orders = client.fetch('orders-token', { origins: ['https://orders.example'] });
 * const response = await orders('https://orders.example/orders'); // with a token, renewed once where it is refused
 * const { 'openai.api_key': key } = await client.secrets(['openai.api_key']); // key.value, key.expiresAt
 */
export interface Client {
  /** The token that a flow gives, kept until shortly before its expiry. @throws BrokerError */
  token(flow: string, inputs?: FlowInputs, options?: CallOptions): Promise<Token>;
  /** Secrets by their names in registry.yaml, all or none, kept until shortly before their leases end. @throws BrokerError */
  secrets<const N extends string>(
    names: readonly N[],
    options?: CallOptions,
  ): Promise<Readonly<Record<N, LeasedSecret>>>;
  /** The output of a flow that only reads; never kept. @throws BrokerError */
  run(flow: string, inputs?: FlowInputs, options?: CallOptions): Promise<FlowAnswer>;
  /**
   * A `fetch` that sends a flow's token as bearer, to the origins of the flow's audience and resources or to those that
   * are given. Where the API answers 401 it tells the broker that the token was refused, and tries once more with
   * another, unless `init` has a stream as its body. The signal of `init` or of a Request ends every wait. Redirects are
   * not followed; plain http is for loopback addresses, which are reached by no proxy.
   */
  fetch(flow: string, options?: FetchOptions): typeof globalThis.fetch;
  /** Tells that an API refused a token, so that nobody is given it again. @param tokenHash SHA-256, hex @throws BrokerError */
  rejected(flow: string, tokenHash: string, options?: CallOptions): Promise<boolean>;
  /** Forgets everything and ends what is under way. */
  close(): void;
}

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
  const { token: credential, deadline = 30_000, ca } = options;
  const clock = awake(options.clock ?? systemClock);
  const asked = createRequests({
    address: parseAddress(options.broker),
    token: credential,
    deadline,
    ca,
    headers: headersOf(options),
  });
  const requests = options.approval === 'wait' ? { ...asked, post: waitingForApproval(asked.post, deadline) } : asked;
  const apis = createApiFetch();
  const kept = { clock, capacity: 1_000 };
  const [tokens, leased] = [createMemory<AskedToken>(kept), createMemory<LeasedSecret>(kept)];
  const [batches, reports] = [createMemory<Secrets>(kept), createMemory<boolean>(kept)];

  async function token(flow: string, inputs: FlowInputs = {}, { signal }: CallOptions = {}): Promise<Token> {
    const key = JSON.stringify([flow, Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const known =
      tokens.peek(key)?.value ?? (await waiting(() => tokens.get(key, () => askToken(flow, inputs), lifeOf), signal));
    return known.token;
  }

  async function askToken(flow: string, inputs: FlowInputs): Promise<AskedToken> {
    const asked = clock.monotonic();
    const given = Object.keys(inputs).length === 0 ? undefined : { inputs };
    return { asked, ...tokenIn(await requests.post(pathOf('token', nameOf(flow)), given)) };
  }

  async function askSecrets(names: readonly string[]): Promise<Secrets> {
    const asked = clock.monotonic();
    const now = clock.now();
    const found = secretsIn(await requests.post(paths.secrets, { secrets: names }), names);
    for (const [name, secret] of found) leased.put(name, secret, usable(asked, secret.expiresAt.getTime() - now));
    return found;
  }

  async function rejected(flow: string, tokenHash: string, { signal }: CallOptions = {}): Promise<boolean> {
    tokens.forget((_, known) => known !== undefined && sha256(known.token.accessToken) === tokenHash);
    const report = async (): Promise<boolean> => {
      const answer = await requests.post(pathOf('rejected', nameOf(flow)), { token_hash: tokenHash });
      return recordOf(answer)['evicted'] === true;
    };
    return waiting(() => reports.get(`${flow} ${tokenHash}`, report, notKept), signal);
  }

  return {
    token,
    rejected,
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
    async run(flow, inputs = {}, { signal } = {}) {
      const given = Object.keys(inputs).length === 0 ? undefined : { inputs };
      return flowAnswerIn(await waiting(() => requests.post(pathOf('flow', nameOf(flow)), given, signal), signal));
    },
    fetch: (flow, own = {}) =>
      createFetch({
        flow,
        token: (signal) => token(flow, own.inputs, { signal }),
        rejected: (hash, signal) => rejected(flow, hash, { signal }),
        fetch: options.fetch ?? apis.fetch,
        origins: own.origins,
      }),
    close() {
      requests.close();
      apis.close();
      tokens.close();
      leased.close();
    },
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
