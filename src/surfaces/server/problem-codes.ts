import type { Refusal, RefusalCode } from '../../broker/contract.ts';
import { BrokerRefusal, refusals } from '../../broker/refusal.ts';

interface ProblemFacts {
  /** HTTP status */
  readonly status: number;
  /** one sentence for the agent's author: fixed, without anything of the request */
  readonly detail: string;
}

const refused = (code: RefusalCode, detail: string): ProblemFacts => ({ status: refusals[code].status, detail });

/** Every refusal and failure that an agent can be told, by its stable code. */
const table = {
  'not-authenticated': refused('not-authenticated', 'The request holds no credential that is accepted here.'),
  'not-allowed': refused('not-allowed', 'Policy does not allow this agent to have it, or there is no such name.'),
  'reason-required': refused(
    'reason-required',
    'Policy wants a reason from this agent: state it as X-Reason or "reason".',
  ),
  'rate-limited': refused('rate-limited', 'Too many requests: wait for as long as Retry-After says.'),
  'write-not-served': refused('write-not-served', 'This flow writes: it runs with the command, not over HTTP.'),
  'not-a-token': refused('not-a-token', "This flow's output is not a token: ask /v1/flows/{flow}."),
  'ttl-exceeds-policy': refused('ttl-exceeds-policy', 'The token would live longer than policy allows this agent.'),
  'invalid-request': refused('invalid-request', 'The request is not what /openapi.json describes.'),
  'upstream-unavailable': refused(
    'upstream-unavailable',
    'The service that gives it does not answer: try again later.',
  ),
  'upstream-refused': refused(
    'upstream-refused',
    'The service that gives it refused, or gave something unusable: ask the operator.',
  ),
  'audit-unavailable': refused('audit-unavailable', 'The audit trail cannot be written, so nothing is given out.'),
  internal: refused('internal', 'A fault of this program: tell the operator the request id.'),
  'origin-refused': { status: 403, detail: 'Requests of web pages are refused.' },
  'not-found': { status: 404, detail: 'There is no such route: /openapi.json lists them.' },
  'method-not-allowed': { status: 405, detail: 'The route does not take this method: Allow lists those that it does.' },
  'request-timeout': { status: 408, detail: 'The request did not arrive within its deadline.' },
  'too-large': { status: 413, detail: 'A request body has at most 64 KiB.' },
  'unsupported-media-type': { status: 415, detail: 'A request body is application/json, not encoded.' },
  'expectation-failed': { status: 417, detail: 'No expectation but 100-continue is met.' },
  misdirected: { status: 421, detail: 'The Host header names another server than this.' },
  'headers-too-large': { status: 431, detail: 'Request headers have at most 16 KiB.' },
  overloaded: refused('overloaded', 'Too many requests are being answered: try again soon.'),
} as const satisfies Record<RefusalCode, ProblemFacts> & Record<string, ProblemFacts>;

export type ProblemCode = keyof typeof table;
export const problems: Readonly<Record<ProblemCode, ProblemFacts>> = table;

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
  readonly allow?: string | undefined;
}

/** Anything thrown while a request is answered, as what its sender is told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof EdgeRefusal) return { code: error.code, allow: error.allow };
  if (error instanceof BrokerRefusal) return told(error);
  // Express says so of a path that is not percent-encoded as RFC 3986 has it
  if (error instanceof URIError) return { code: 'invalid-request' };
  return { code: 'internal' };
}

function told({ code, names, retryAfter }: Refusal): Problem {
  return { code, names, retryAfter };
}
