import { type ServerResponse, STATUS_CODES } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import type { Metrics } from './metrics.ts';
import { hasBody, type Received } from './request-body.ts';
import { headerNames, pathOf, paths, problems, problemType } from '../../foundation/wire.ts';
import type { Problem } from './edge-refusal.ts';

/** One request and its answer. */
export interface Exchange extends Received {
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
  /** bytes of the body, where they were counted before */
  readonly length?: number;
  /** in pairs, beside those that every answer has */
  readonly headers?: readonly string[];
  /** what comes after the body, for as long as somebody listens: {@link eventStream} */
  readonly stream?: (write: (text: string) => void, end: () => void) => () => void;
  /** what comes after the body, to its end */
  readonly rest?: AsyncIterable<Uint8Array> | undefined;
  /** for the metrics: `ok`, or the problem's code */
  readonly outcome: string;
}

export interface AnswerOptions {
  readonly metrics: Metrics;
  /** the server ends: a connection is not kept after its answer */
  readonly stopping: () => boolean;
  /** aborts when the server ends: nothing is streamed any more */
  readonly ending?: AbortSignal | undefined;
}

/** Aborts where the sender goes away. */
export function goneOf({ response }: Exchange): AbortSignal {
  const gone = new AbortController();
  if (response.closed) gone.abort();
  else response.once('close', () => gone.abort());
  return gone.signal;
}

export type Send = (exchange: Exchange, route: string, answer: Answer, id?: string) => void;

/** The one place from which an answer leaves, whichever way it was made. */
export function createSend({ metrics, stopping, ending }: AnswerOptions): Send {
  return ({ request, response, started, id: own }, route, answer, id = own) => {
    const { status, type, body, length = Buffer.byteLength(body), headers = [], outcome, stream, rest } = answer;
    metrics.answered(route, outcome, performance.now() - started);
    if (response.headersSent || response.destroyed) return;
    // what was not read whole would be taken for the next request, or be waited for
    if (stopping() || (hasBody(request) && !request.complete)) response.shouldKeepAlive = false;
    response.writeHead(status, [
      'Content-Type',
      type,
      // RFC 9110, section 8.6: nothing says how long a 204 is
      ...(stream === undefined && rest === undefined && status !== 204 ? ['Content-Length', String(length)] : []),
      'Cache-Control',
      'no-store',
      'X-Content-Type-Options',
      'nosniff',
      headerNames.request,
      id,
      ...headers,
    ]);
    if (rest !== undefined) {
      response.write(body);
      // ends with either of them
      pipeline(Readable.from(rest), response, () => undefined);
    } else if (stream !== undefined) streamed(response, body, stream, ending);
    // what is ASCII is the same bytes, at less cost
    else response.end(body, length === body.length ? 'latin1' : 'utf8');
  };
}

function streamed(
  response: ServerResponse,
  body: string,
  stream: NonNullable<Answer['stream']>,
  ending: AbortSignal | undefined,
): void {
  response.write(body);
  const end = () => void response.end();
  const stop = stream((text) => void (response.writableEnded || response.write(text)), end);
  if (ending?.aborted === true) end();
  ending?.addEventListener('abort', end, { once: true });
  response.once('close', () => {
    stop();
    ending?.removeEventListener('abort', end);
  });
}

/** milliseconds after which a listener is told that nothing happened: what stands between drops connections that are quiet */
const quiet = 20_000;

/**
 * Server-sent events: JSON, each by a name.
 * @param subscribe is given what sends one, and what ends the stream, and returns what is done when it has ended
 */
export function eventStream(
  subscribe: (emit: (event: string, data: unknown) => void, end: () => void) => () => void,
): Answer {
  return {
    status: 200,
    type: 'text/event-stream',
    body: ': begun\n\n',
    outcome: 'ok',
    stream(write, end) {
      const stop = subscribe((event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`), end);
      const timer = setInterval(() => write(': quiet\n\n'), quiet).unref();
      return () => {
        clearInterval(timer);
        stop();
      };
    },
  };
}

export function jsonAnswer(value: unknown, status = 200): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value), outcome: 'ok' };
}

/** Where an approval is waited for, for who asked to be answered at once (RFC 7240). */
export function acceptedAnswer({ names, approval }: Problem, id: string): Answer {
  const location = pathOf(paths.approval, approval?.id ?? '');
  return {
    status: 202,
    type: 'application/json',
    body: JSON.stringify({ approval, names, requestId: id }),
    headers: ['Location', location, 'Preference-Applied', 'respond-async', 'Retry-After', '5'],
    outcome: 'approval-required',
  };
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

export function problemBody({ code, names, approval }: Problem, id: string): Readonly<Record<string, unknown>> {
  const { status, detail } = problems[code];
  return {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    code,
    names,
    approval,
    requestId: id,
  };
}
