import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Exchange, problemBody } from './http-answers.ts';
import type { Metrics } from './metrics.ts';
import { headerNames, problems, problemType, type ProblemCode } from '../../foundation/wire.ts';
import { EdgeRefusal } from './edge-refusal.ts';
import { type LastAnswers, takeList } from './list-verb.ts';

export interface ParserRefusalOptions {
  readonly fail: (exchange: Exchange, route: string, error: unknown) => void;
  readonly metrics: Metrics;
  /** the method `LIST` of Vault's clients is taken */
  readonly takesList: boolean;
}

/** Label of requests that no route is for. */
export const noRoute = 'none';

/** Answers what Node would answer by itself, without a request id: bytes that are no request, tunnels, expectations. */
export function answerForParser(server: Server, { fail, metrics, takesList: list }: ParserRefusalOptions): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const exchange = { request, response, id: randomUUID(), started: performance.now() };
    fail(exchange, noRoute, new EdgeRefusal('expectation-failed'));
  });
  server.on('connect', (_request, socket) => endRaw(socket, 'method-not-allowed', ['Allow: GET, HEAD, POST']));
  const answers: LastAnswers = new WeakMap();
  if (list) server.on('request', ({ socket }, response) => void answers.set(socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (list && takeList(server, error, socket, answers)) return;
    const code = refuseRaw(socket, error);
    if (code !== undefined) metrics.answered(noRoute, code, 0);
  });
}

/** What Node's parser says of bytes that are no request, or none that is finished. */
const problemOfParser: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/** Answers what never became a request, and ends the connection. @returns the problem's code; undefined: nobody to answer */
function refuseRaw(socket: Duplex, error: NodeJS.ErrnoException): ProblemCode | undefined {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  const code = problemOfParser[error.code ?? ''] ?? 'invalid-request';
  endRaw(socket, code);
  return code;
}

/** A whole answer on a connection that no response object is for. */
function endRaw(socket: Duplex, code: ProblemCode, headers: readonly string[] = []): void {
  const id = randomUUID();
  const { status } = problems[code];
  const body = JSON.stringify(problemBody({ code }, id));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `${headerNames.request}: ${id}`,
    ...headers,
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
