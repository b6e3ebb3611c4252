import { awake, type LeaseClock, systemClock } from '../foundation/clocks.ts';
import { createMemory, endingEarly, type Life } from '../foundation/expiring-memory.ts';
import { headerNames, longestReason, nameForm, pathOf, paths } from '../foundation/wire.ts';
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
import { createFetch, type FetchOptions, sha256 } from './fetch-with-token.ts';
import type { Credential } from './credential.ts';
import { BrokerError } from './broker-error.ts';
import { createRequests } from './request.ts';

/**
 * Which broker is asked, and who asks.
 * @example
 * const options: ClientOptions = {
 *   broker: 'unix:/run/auth-chain/broker.sock',
 *   token: { file: '/run/agent/token' },
 *   deadline: 10_000, // milliseconds
 *   reason: 'nightly report',
 * };
 */
export interface ClientOptions {
  /** `http://127.0.0.1:7700`, `https://HOST` or `unix:/PATH` */
  readonly broker: string;
  /** the agent's token, what gives it, or the file that holds it, which is read with every request */
  readonly token: Credential;
  /** milliseconds for a request and its answer, default 30,000 */
  readonly deadline?: number | undefined;
  /** `X-Agent-Run-Id`: kept on the audit trail as claimed */
  readonly agentRunId?: string | undefined;
  /** why: one line of at most 200 characters, kept on the audit trail; policy may want one */
  readonly reason?: string | undefined;
  /** PEM of the authority of the broker's certificate, default: those that Node knows */
  readonly ca?: string | undefined;
  /** what reaches the APIs, default the global `fetch` */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** default the process's clocks */
  readonly clock?: LeaseClock | undefined;
}

/**
 * Inputs of a flow, by their names.
 * @example
 * const inputs: FlowInputs = { tenant: 'north', 'dry-run': true };
 * const { accessToken } = await client.token('tenant-token', inputs);
 */
export type FlowInputs = Readonly<Record<string, string | number | boolean>>;

/**
 * One broker, asked as one agent.
 * @example
 * const orders = client.fetch('orders-token', { origins: ['https://orders.example'] });
 * const response = await orders('https://orders.example/orders'); // with a token, renewed once where it is refused
 * const { 'openai.api_key': key } = await client.secrets(['openai.api_key']); // key.value, key.expiresAt
 */
export interface Client {
  /** The token that a flow gives, kept until shortly before its expiry. @throws BrokerError */
  token(flow: string, inputs?: FlowInputs): Promise<Token>;
  /** Secrets by their names in registry.yaml, all or none, kept until shortly before their leases end. @throws BrokerError */
  secrets<const N extends string>(names: readonly N[]): Promise<Readonly<Record<N, LeasedSecret>>>;
  /** The output of a flow that only reads; never kept. @throws BrokerError */
  run(flow: string, inputs?: FlowInputs): Promise<FlowAnswer>;
  /**
   * A `fetch` that sends a flow's token as bearer. Where the API answers 401 it tells the broker that the token was
   * refused, and tries once more with another, if the body can be sent again. Redirects are not followed; plain http is
   * for loopback addresses.
   */
  fetch(flow: string, options?: FetchOptions): typeof globalThis.fetch;
  /** Tells that an API refused a token, so that nobody is given it again. @param tokenHash SHA-256, hex @throws BrokerError */
  rejected(flow: string, tokenHash: string): Promise<boolean>;
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
  const { deadline = 30_000, agentRunId, reason, ca } = options;
  const clock = awake(options.clock ?? systemClock);
  if (!(deadline > 0)) throw new TypeError('deadline: milliseconds, more than 0');
  const requests = createRequests({
    address: parseAddress(options.broker),
    token: options.token,
    deadline,
    ca,
    headers: {
      ...(agentRunId === undefined ? {} : { [headerNames.run]: header('agentRunId', agentRunId) }),
      ...(reason === undefined ? {} : { [headerNames.reason]: header('reason', reason) }),
    },
  });
  const kept = { clock, capacity: 1_000 };
  const [tokens, leased] = [createMemory<AskedToken>(kept), createMemory<LeasedSecret>(kept)];
  const [batches, reports] = [createMemory<Secrets>(kept), createMemory<boolean>(kept)];

  async function token(flow: string, inputs: FlowInputs = {}): Promise<Token> {
    const key = JSON.stringify([flow, Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const known = tokens.peek(key)?.value ?? (await tokens.get(key, () => askToken(flow, inputs), lifeOf));
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

  async function rejected(flow: string, tokenHash: string): Promise<boolean> {
    tokens.forget((_, known) => known !== undefined && sha256(known.token.accessToken) === tokenHash);
    const report = async (): Promise<boolean> => {
      const answer = await requests.post(pathOf('rejected', nameOf(flow)), { token_hash: tokenHash });
      return recordOf(answer)['evicted'] === true;
    };
    return reports.get(`${flow} ${tokenHash}`, report, notKept);
  }

  return {
    token,
    rejected,
    async secrets(names) {
      const wanted = [...new Set<string>(names)];
      const known = wanted.map((name) => [name, leased.peek(name)?.value] as const);
      const missing = known.flatMap(([name, secret]) => (secret === undefined ? [name] : []));
      const asked =
        missing.length === 0 ? none : await batches.get(missing.join(' '), () => askSecrets(missing), notKept);
      const all = known.map(([name, secret]) => [name, secret ?? asked.get(name)] as const);
      return Object.fromEntries(all) as Readonly<Record<(typeof names)[number], LeasedSecret>>;
    },
    async run(flow, inputs = {}) {
      const given = Object.keys(inputs).length === 0 ? undefined : { inputs };
      return flowAnswerIn(await requests.post(pathOf('flow', nameOf(flow)), given));
    },
    fetch: (flow, own = {}) =>
      createFetch({
        token: () => token(flow, own.inputs),
        rejected: (hash) => rejected(flow, hash),
        fetch: options.fetch ?? globalThis.fetch,
        origins: own.origins,
      }),
    close() {
      requests.close();
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

/** A name as a part of a path; what no file could be called is not sent. @throws BrokerError not-allowed, as the broker would */
function nameOf(flow: string): string {
  if (!nameForm.test(flow)) throw new BrokerError('not-allowed');
  return flow;
}

function header(option: string, text: string): string {
  if (text.length <= longestReason && /^[\x20-\x7e]+$/.test(text)) return text;
  throw new TypeError(`${option}: one line of at most ${longestReason} ASCII characters`);
}
