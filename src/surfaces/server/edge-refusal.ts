import { BrokerRefusal } from '../../broker/refusal.ts';
import type { ProblemCode } from '../../foundation/wire.ts';

/** A request that the HTTP surface itself refuses, before or instead of the broker. */
export class EdgeRefusal extends Error {
  override readonly name = 'EdgeRefusal';
  readonly code: ProblemCode;
  /** for 405: what the route takes */
  readonly allow: string | undefined;

  constructor(code: ProblemCode, allow?: string) {
    super(code);
    this.code = code;
    this.allow = allow;
  }
}

/** What an agent is told of a failure. */
export interface Problem {
  readonly code: ProblemCode;
  readonly names?: readonly string[] | undefined;
  /** seconds */
  readonly retryAfter?: number | undefined;
  readonly approval?: { readonly id: string; readonly url?: string | undefined } | undefined;
  readonly allow?: string | undefined;
}

/** Anything thrown while a request is answered, as what its sender is told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof EdgeRefusal) return { code: error.code, allow: error.allow };
  if (error instanceof BrokerRefusal) {
    const { code, names, retryAfter, approval } = error;
    return { code, names, retryAfter, approval };
  }
  // Express says so of a path that is not percent-encoded as RFC 3986 has it
  if (error instanceof URIError) return { code: 'invalid-request' };
  return { code: 'internal' };
}
