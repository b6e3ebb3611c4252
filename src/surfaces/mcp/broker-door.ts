/** The JSON of an answer of the broker. */
export type Json = Readonly<Record<string, unknown>>;

/** A request of the broker's HTTP API, whichever way it gets there. */
export interface DoorRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Json | undefined;
  /** Idempotency-Key */
  readonly key?: string | undefined;
  /** approvals that it brings */
  readonly approvals?: readonly string[] | undefined;
  /** seconds that it waits for an approval */
  readonly waits?: number | undefined;
  /** it is told what the agent may have, and gets nothing: it needs no agent run */
  readonly looks?: true;
  readonly signal: AbortSignal;
}

/**
 * The way to a broker, as one agent.
 * @example
 * const { flows } = await door.ask({ method: 'GET', path: paths.flows, looks: true, signal });
 */
export interface Door {
  /** @returns the JSON of a success @throws BrokerError; FlowError where there is no way to a broker */
  ask(request: DoorRequest): Promise<Json>;
}
