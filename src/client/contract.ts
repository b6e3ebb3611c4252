import type { FlowAnswer, Inspection, LeasedSecret, Token } from './answers.ts';
import type { FetchOptions } from './api-fetch.ts';

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
   * Does work as an agent run: begins one, keeps it alive, and finishes it as `succeeded`, as `failed` where the work
   * throws, or as `cancelled` where `signal` ends. Nothing is given to it from then on. Where the broker cannot be told,
   * or this process dies, it ends by itself when it was not heard of for as long as `heartbeat` says.
   * @returns what the work gives
   * @throws what the work throws, the signal's reason, and BrokerError where no run can be begun
   */
  run<T>(work: (run: AgentRun) => T | Promise<T>, options?: RunOptions): Promise<T>;
  /**
   * A `fetch` that sends a flow's token as bearer, to the origins of the flow's audience and resources or to those that
   * are given. Where the API answers 401 it tells the broker that the token was refused, and tries once more with
   * another, unless `init` has a stream as its body. The signal of `init` or of a Request ends every wait. Redirects are
   * not followed; plain http is for loopback addresses, which are reached by no proxy.
   */
  fetch(flow: string, options?: FetchOptions): typeof globalThis.fetch;
  /** Tells that an API refused a token, so that nobody is given it again. @param tokenHash SHA-256, hex @throws BrokerError */
  rejected(flow: string, tokenHash: string, options?: CallOptions): Promise<boolean>;
  /**
   * Where texts that this agent has hold values that it was given, and what policy.yaml says of its tools: for what
   * watches them, as `flows hook` does. @param texts together at most 1 MiB as JSON @throws BrokerError
   */
  inspect(texts: readonly string[], options?: CallOptions): Promise<Inspection>;
  /** Forgets everything and ends what is under way. */
  close(): void;
}

/**
 * A client as one agent run: what it asks for is proven to be of this run, and narrowed to what the run may have. Its
 * own `run` begins one below it, for a sub-agent, which never has more and never lives longer.
 * @example
 * async function summarise(run: AgentRun) {
 *   const { 'openai.api_key': key } = await run.secrets(['openai.api_key']);
 *   return fetch('https://api.openai.example/', { headers: { authorization: key.value }, signal: run.signal });
 * }
 * const answer = await client.run(summarise, { allow: ['openai.*'], expires: '30m', reason: 'nightly report' });
 */
export interface AgentRun extends Omit<Client, 'close'> {
  /** as the audit trail and `flows agent-runs` name it */
  readonly id: string;
  /** the run that all began with */
  readonly root: string;
  /** the run above it */
  readonly parent: string | undefined;
  /** when it ends by itself */
  readonly expiresAt: Date;
  /** Ends with the run: by its work, its time, the operator, or the signal that `run` was given. */
  readonly signal: AbortSignal;
  /**
   * Its token as it is now, for a process that asks as this run: as FLOWS_AGENT_TOKEN for the command, as `token` of
   * `createClient`. It lasts for an hour at most, and never longer than the run. In plain text: keep it out of logs.
   * @throws TypeError for a run that is bound to a key, without which its token is of no use
   */
  credential(): string;
}

/**
 * What an agent run may have, and for how long.
 * @example
 * const options: RunOptions = { allow: ['github.*', 'orders-token'], expires: '30m', reason: 'triage of issue 7' };
 * await client.run(async (run) => run.run(async (child) => child.token('orders-token'), { allow: ['orders-token'] }), options);
 */
export interface RunOptions {
  /** names and flows, in the patterns of policy.yaml; default all that is allowed to the agent and the runs above */
  readonly allow?: readonly string[] | undefined;
  /** `90s`, `30m`, `2h`: default an hour, at most a day, and never longer than the run above */
  readonly expires?: string | undefined;
  /** how long it is waited for a word of it before it is lost: default `15m`; this client says one three times as often */
  readonly heartbeat?: string | undefined;
  /** why: one line of at most 200 characters, kept on the audit trail with all that it asks for; default the client's */
  readonly reason?: string | undefined;
  /** the token of another agent's run, where this one is to be below it: both policies hold */
  readonly parent?: string | undefined;
  /** binds it to a key that never leaves this process (DPoP, RFC 9449): who gets hold of its token has nothing of it */
  readonly dpop?: boolean | undefined;
  /** ends it, as cancelled, and the wait for its work with its own reason */
  readonly signal?: AbortSignal | undefined;
}
