import { type ErrorCode, FlowError } from '../foundation/errors.ts';
import { problems, type RefusalCode } from '../foundation/wire.ts';
import type { Refusal } from './contract.ts';

/** What an agent is told of our own codes: enough to know whether to try again, nothing of other services. */
const refusalOfError: Readonly<Record<ErrorCode, RefusalCode>> = {
  internal: 'internal',
  // what an agent gave is looked at before anything runs: these three are the operator's to put right
  usage: 'internal',
  invalid: 'internal',
  refused: 'upstream-refused',
  aborted: 'upstream-unavailable',
  ambiguous: 'upstream-refused',
  'not-found': 'upstream-refused',
  'invalid-value': 'upstream-refused',
  unavailable: 'upstream-unavailable',
  'outcome-unknown': 'upstream-refused',
  conflict: 'upstream-refused',
  timeout: 'upstream-unavailable',
  'rate-limited': 'upstream-unavailable',
  protocol: 'upstream-refused',
  denied: 'upstream-refused',
};

/** What stands beside a refusal's code. */
export interface RefusalOptions {
  readonly names?: readonly string[] | undefined;
  /** seconds */
  readonly retryAfter?: number | undefined;
  /** for the trail: the policy rule that decided */
  readonly rule?: string | undefined;
  /** the request id under which it is on the trail, where that is another request's: many were counted together */
  readonly recordedAs?: string | undefined;
  /** the approval that it waits for */
  readonly approval?: Refusal['approval'];
  /** for the trail: what the agent is not told */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
  /** every failure behind it, where there is more than that one */
  readonly causes?: readonly FlowError[] | undefined;
}

/**
 * A request that was not granted. `code`, `status`, `names` and `retryAfter` are for the agent, and all that JSON shows;
 * `cause` is for the operator's log.
 */
export class BrokerRefusal extends Error implements Refusal {
  override readonly name = 'BrokerRefusal';
  readonly code: RefusalCode;
  readonly status: number;
  readonly names?: readonly string[];
  readonly retryAfter?: number;
  override readonly cause?: FlowError;
  readonly recordedAs: string | undefined;
  readonly approval?: NonNullable<Refusal['approval']>;
  readonly #causes: readonly FlowError[];
  readonly #truth: { readonly rule: string | undefined; readonly detail: string | undefined };

  constructor(code: RefusalCode, options: RefusalOptions = {}) {
    super(code);
    const { names, retryAfter, rule, detail, cause, causes, recordedAs, approval } = options;
    this.code = code;
    this.status = problems[code].status;
    if (names !== undefined && names.length > 0) this.names = names;
    if (retryAfter !== undefined) this.retryAfter = Math.max(1, Math.ceil(retryAfter));
    if (cause instanceof FlowError) this.cause = cause;
    this.#causes = causes ?? (cause instanceof FlowError ? [cause] : []);
    this.recordedAs = recordedAs;
    if (approval !== undefined) this.approval = approval;
    this.#truth = { rule, detail };
  }

  /** It was not allowed, or it did not work. */
  get outcome(): 'denied' | 'failed' {
    return this.status < 500 ? 'denied' : 'failed';
  }

  /** What only the trail is told. */
  truth(): { readonly rule: string | undefined; readonly detail: string | undefined } {
    return this.#truth;
  }

  /** What services or the vault failed with, for the operator: each kind of failure once. */
  causes(): readonly FlowError[] {
    return [...new Map(this.#causes.map((each) => [`${each.code} ${each.line()}`, each])).values()];
  }

  toJSON(): Omit<Refusal, 'cause'> {
    const { code, status, names, retryAfter, approval } = this;
    return { code, status, names, retryAfter, ...(approval === undefined ? {} : { approval }) };
  }
}

/** Any failure as a refusal. Text of it goes no further than `cause`. */
export function refusalOf(error: unknown, options: Omit<RefusalOptions, 'cause' | 'detail'> = {}): BrokerRefusal {
  if (error instanceof BrokerRefusal) return error;
  if (!(error instanceof FlowError)) {
    const cause = new FlowError('internal', 'an unexpected fault', { cause: error });
    return new BrokerRefusal('internal', { ...options, detail: 'internal', cause });
  }
  const { code, retryAfter } = error;
  return new BrokerRefusal(refusalOfError[code], { retryAfter, ...options, detail: code, cause: error });
}

/** The trail cannot be written, so nothing is given out. */
export function auditRefusal(error: unknown): BrokerRefusal {
  return new BrokerRefusal('audit-unavailable', { cause: error });
}
