import type { LeaseClock } from '../foundation/clocks.ts';
import { headerNames, longestReason } from '../foundation/wire.ts';
import type { Credential } from './credential.ts';

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
  /** where a person must approve something first: `wait` for them, or default `fail` with `approval-required` at once */
  readonly approval?: 'wait' | 'fail' | undefined;
  /** why: one line of at most 200 characters, kept on the audit trail; policy may want one */
  readonly reason?: string | undefined;
  /**
   * PEM of the authority of the broker's certificate; default those that Node knows, and for `http:` the certificates
   * of the brokers that this user runs, and of the one in `/run/auth-chain`
   */
  readonly ca?: string | undefined;
  /** what reaches the APIs; default the global `fetch`, and for loopback one that no proxy gets to see */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** default the process's clocks */
  readonly clock?: LeaseClock | undefined;
}

const line = `one line of at most ${longestReason} ASCII characters`;

/** What each option must be: JavaScript gives anything. */
const forms: Readonly<Record<keyof ClientOptions, readonly [(value: unknown) => boolean, string]>> = {
  broker: [isText, 'write http://127.0.0.1:7700, https://HOST or unix:/PATH'],
  token: [isCredential, "the agent's token, a function that gives it, or { file: PATH }"],
  deadline: [orNone((value) => typeof value === 'number' && value > 0), 'milliseconds, more than 0'],
  agentRunId: [orNone(isLine), line],
  approval: [orNone((value) => value === 'wait' || value === 'fail'), 'wait or fail'],
  reason: [orNone(isLine), line],
  ca: [orNone(isText), 'the text of a PEM file'],
  fetch: [orNone((value) => typeof value === 'function'), 'a function as the global fetch'],
  clock: [orNone((value) => typeof value === 'object' && value !== null), '{ now, monotonic, after }'],
};

/** @throws TypeError that names the option */
export function requireOptions(options: unknown): void {
  const given = new Map(typeof options === 'object' && options !== null ? Object.entries(options) : []);
  for (const [name, [isFit, expected]] of Object.entries(forms)) {
    if (!isFit(given.get(name))) throw new TypeError(`${name}: ${expected}`);
  }
}

/** The headers that go with each request. */
export function headersOf({ agentRunId, reason }: ClientOptions): Readonly<Record<string, string>> {
  return {
    ...(agentRunId === undefined ? {} : { [headerNames.run]: agentRunId }),
    ...(reason === undefined ? {} : { [headerNames.reason]: reason }),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isLine(value: unknown): boolean {
  return isText(value) && value.length <= longestReason && /^[\x20-\x7e]+$/.test(value);
}

function isCredential(value: unknown): boolean {
  if (isText(value) || typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && 'file' in value && isText(value.file);
}

function orNone(isFit: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || isFit(value);
}
