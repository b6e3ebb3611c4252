import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemBody } from './answer.ts';
import { type ProblemCode, problems } from './problem.ts';

/** What Node's parser says of bytes that are no request, or none that is finished. */
const problemOfParser: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/** Answers what never became a request, and ends the connection. @returns the problem's code; undefined: nobody to answer */
export function refuseRaw(socket: Duplex, error: NodeJS.ErrnoException): ProblemCode | undefined {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  const code = problemOfParser[error.code ?? ''] ?? 'invalid-request';
  endRaw(socket, code);
  return code;
}

/** A whole answer on a connection that no response object is for. */
export function endRaw(socket: Duplex, code: ProblemCode, headers: readonly string[] = []): void {
  const id = randomUUID();
  const { status } = problems[code];
  const body = JSON.stringify(problemBody({ code }, id));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${id}`,
    ...headers,
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
