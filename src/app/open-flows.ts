import type { Token } from '../adapters/issuers/contract.ts';
import { type App, openApp } from './open-app.ts';
import { takeEnvironment } from '../foundation/environment-variables.ts';
import { FlowError } from '../foundation/errors.ts';
import { parseInputs } from '../folder/flows/inputs.ts';
import type { Output } from '../engine/output.ts';

/**
 * What {@link openFlows} opens.
 * @example
 * const options: FlowsOptions = { dir: 'flows', environment: 'production', warn: console.error };
 */
export interface FlowsOptions {
  /** folder of flows, default `flows` */
  readonly dir?: string;
  /** environment of service.yaml, default FLOWS_ENVIRONMENT, then the file's default-environment */
  readonly environment?: string;
  /** warnings, one line each, never a value; default: none */
  readonly warn?: (message: string) => void;
}

/**
 * An access token, and what an HTTP request says of it.
 * @example
 * const { accessToken, tokenType }: BearerToken = await flows.token('orders-token');
 * const headers = { authorization: `${tokenType} ${accessToken.reveal()}` };
 */
export type BearerToken = Token;

/**
 * A folder of flows in one environment.
 * @example
 * const { accessToken } = await flows.token('orders-token');
 * const response = await fetch('https://orders.example/orders', {
 *   headers: { authorization: `Bearer ${accessToken.reveal()}` },
 * });
 * if (response.status === 401) flows.rejected(createHash('sha256').update(accessToken.reveal()).digest('hex'));
 */
export interface Flows {
  /** The token that a flow gives: from the cache until it nears its expiry. @throws FlowError */
  token(flow: string, inputs?: Readonly<Record<string, unknown>>): Promise<BearerToken>;
  /** Runs a flow that only reads. @throws FlowError refused for one that writes: those are the command's */
  run(flow: string, inputs?: Readonly<Record<string, unknown>>): Promise<Output>;
  /** An API answered 401: forgets the token if it is the cached one. @param tokenHash SHA-256 of the access token, hex */
  rejected(tokenHash: string): boolean;
  close(): Promise<void>;
}

/**
 * Opens a folder of flows. @throws FlowError invalid where a file has problems
 * @example
 * import { openFlows } from 'auth-chain';
 *
 * const flows = await openFlows({ dir: 'flows', environment: 'production' });
 * try {
 *   const { accessToken, expiresAt } = await flows.token('orders-token');
 *   console.log(`${accessToken} until ${expiresAt}`); // [secret] until 1764432000
 * } finally {
 *   await flows.close();
 * }
 */
export async function openFlows(options: FlowsOptions = {}): Promise<Flows> {
  const app = await openApp({
    dir: options.dir ?? 'flows',
    environment: options.environment,
    taken: takeEnvironment(process.env),
    warn: options.warn,
  });
  const [problem] = app.folder.problems;
  if (problem !== undefined) {
    throw new FlowError('invalid', problem.message, {
      hint: problem.hint ?? 'run `flows check` for all of them',
      place: { location: `${problem.file}:${problem.line}:${problem.column}` },
    });
  }
  const run = (name: string, inputs: Readonly<Record<string, unknown>> = {}) => runPure(app, name, inputs);
  return {
    run,
    async token(name, inputs) {
      const output = await run(name, inputs);
      if (output.kind !== 'scalar' || output.value.as !== 'token') {
        throw new FlowError('usage', 'its output is not a token', { place: { flow: name }, hint: 'call run()' });
      }
      return output.value.token;
    },
    rejected: app.rejected,
    close: app.close,
  };
}

async function runPure(app: App, name: string, given: Readonly<Record<string, unknown>>): Promise<Output> {
  const flow = app.flow(name);
  if (flow.effect === 'write') {
    throw new FlowError('refused', 'a flow that writes is planned and agreed to first', {
      hint: `run \`flows ${name}\``,
      place: { flow: name },
    });
  }
  return app.run(flow, parseInputs(flow, given));
}
