import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Metrics } from './metrics.ts';
import { hasBody } from './request-body.ts';
import { headerNames, problems, problemType } from '../../foundation/wire.ts';
import type { Problem } from './edge-refusal.ts';

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `X-Request-Id` of the answer, and of the trail */
  readonly id: string;
  /** milliseconds of `performance.now()` */
  readonly started: number;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** in pairs, beside those that every answer has */
  readonly headers?: readonly string[];
  /** for the metrics: `ok`, or the problem's code */
  readonly outcome: string;
}

export interface AnswerOptions {
  readonly metrics: Metrics;
  /** the server ends: a connection is not kept after its answer */
  readonly stopping: () => boolean;
}

export type Send = (exchange: Exchange, route: string, answer: Answer, id?: string) => void;

/** The one place from which an answer leaves, whichever way it was made. */
export function createSend({ metrics, stopping }: AnswerOptions): Send {
  return ({ request, response, started, id: own }, route, { status, type, body, headers = [], outcome }, id = own) => {
    metrics.answered(route, outcome, performance.now() - started);
    if (response.headersSent || response.destroyed) return;
    // what was not read whole would be taken for the next request, or be waited for
    if (stopping() || (hasBody(request) && !request.complete)) response.shouldKeepAlive = false;
    response.writeHead(status, [
      'Content-Type',
      type,
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      'X-Content-Type-Options',
      'nosniff',
      headerNames.request,
      id,
      ...headers,
    ]);
    response.end(body);
  };
}

export function jsonAnswer(value: unknown, status = 200): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value), outcome: 'ok' };
}

/** A problem as RFC 9457 writes it. */
export function problemAnswer(problem: Problem, id: string): Answer {
  const { code, retryAfter, allow } = problem;
  const { status } = problems[code];
  return {
    status,
    type: problemType,
    body: JSON.stringify(problemBody(problem, id)),
    headers: [
      // RFC 6750 section 3: without an error code, so that all that fails looks the same
      ...(code === 'not-authenticated' ? ['WWW-Authenticate', 'Bearer'] : []),
      ...(code === 'method-not-allowed' && allow !== undefined ? ['Allow', allow] : []),
      ...(retryAfter === undefined && code !== 'overloaded' ? [] : ['Retry-After', String(retryAfter ?? 1)]),
    ],
    outcome: code,
  };
}

export function problemBody({ code, names }: Problem, id: string): Readonly<Record<string, unknown>> {
  const { status, detail } = problems[code];
  return {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    code,
    names,
    requestId: id,
  };
}
