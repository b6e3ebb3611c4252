import type { BrokerErrorCode } from './error-codes.ts';

export interface BrokerErrorFacts {
  /** HTTP status, where there was an answer */
  readonly status?: number | undefined;
  /** `X-Request-Id`: by it the operator finds the truth in the audit trail */
  readonly requestId?: string | undefined;
  /** seconds after which trying again makes sense */
  readonly retryAfter?: number | undefined;
  /** the names that were refused */
  readonly names?: readonly string[] | undefined;
  /** of `approval-required`: what it waits for, and where a person answers */
  readonly approval?: { readonly id: string; readonly url?: string | undefined } | undefined;
  /** in our own words, never a value */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error of the client. Branch on `code`, which may also be one that a newer broker has.
 * @example
 * try {
 *   await client.token('orders-token');
 * } catch (error) {
 *   if (!(error instanceof BrokerError)) throw error;
 *   if (error.code === 'rate-limited') console.error(`again in ${error.retryAfter} s`);
 *   else console.error(`${error.code}: the operator finds why under ${error.requestId}`);
 * }
 */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode | (string & Record<never, never>);
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;
  readonly names: readonly string[];
  /** of `approval-required`: the approval that it waits for, and the page on which a person answers: tell them */
  readonly approval: { readonly id: string; readonly url?: string | undefined } | undefined;
  /** what the client itself found, in its own words, never a value: which file, address or certificate is wrong */
  readonly detail: string | undefined;

  constructor(code: BrokerError['code'], facts: BrokerErrorFacts = {}) {
    super(messageOf(code, facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.retryAfter = facts.retryAfter;
    this.names = facts.names ?? [];
    this.approval = facts.approval;
    this.detail = facts.detail;
  }
}

function messageOf(code: string, { names = [], detail, requestId, approval }: BrokerErrorFacts): string {
  const where = approval === undefined ? undefined : `a person answers at ${approval.url ?? approval.id}`;
  const what = [where, detail, names.length === 0 ? undefined : names.join(', ')].filter((part) => part !== undefined);
  const id = requestId === undefined ? '' : ` (request ${requestId})`;
  return `${[code, ...what].join(': ')}${id}`;
}
