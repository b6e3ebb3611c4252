import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { BrokerError } from './broker-error.ts';

/** What is sent. */
export interface Sent {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly text: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What came back, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request that is under way. */
export interface Exchange {
  /** rejects with a BrokerError, or what Node says of the connection */
  readonly answer: Promise<Answer>;
  /** whether it went over a connection that had been idle */
  readonly reused: () => boolean;
  /** ends it, also without an answer */
  readonly destroy: () => void;
}

/** bytes of an answer: a hundred secrets of the longest kind */
const largest = 16_777_216;

type Http = Pick<typeof import('node:http'), 'request'>;

/** By Node's own client. @param place where it goes, and on which agent's connections */
export function exchangeBy(http: Http, place: RequestOptions, { method, path, text, headers }: Sent): Exchange {
  const request = http.request({ ...place, method, path, headers: { ...headers, 'content-length': lengthOf(text) } });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.once('response', (response: IncomingMessage) => {
      const status = response.statusCode ?? 0;
      wholeOf(response).then((body) => resolve({ status, headers: response.headers, body: body.toString() }), reject);
    });
  });
  request.end(text);
  return { answer, reused: () => request.reusedSocket, destroy: () => request.destroy() };
}

/**
 * On a connection of its own to a Unix socket, by HTTP/1.0: the answer is a head, then the body, and the end. For who asks once, as a command does: to load and to warm up Node's own client would be a fourth of its time.
 * @param host what `Host` says
 */
export function exchangeAlone(socketPath: string, host: string, { method, path, text, headers }: Sent): Exchange {
  const socket = process.getBuiltinModule('node:net').connect(socketPath);
  const fields = { host, connection: 'close', ...headers, 'content-length': lengthOf(text) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/1.0\r\n${lines.join('')}\r\n${text ?? ''}`);
  // before the first byte it is said what became of the connection
  const whole = wholeOf(socket, (cause, size) => (size === 0 ? cause : cutShort()));
  return { answer: whole.then(answerIn), reused: () => false, destroy: () => void socket.destroy() };
}

const lengthOf = (text = '') => String(Buffer.byteLength(text));

function answerIn(bytes: Buffer): Answer {
  if (bytes.length === 0) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.toString('latin1', 0, Math.max(end, 0)).split('\r\n');
  const [, status] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first) ?? [];
  if (status === undefined) throw new BrokerError('protocol', { detail: 'the answer is not HTTP' });
  const headers: IncomingHttpHeaders = Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.split(':');
      return [name.toLowerCase(), value.join(':').trim()];
    }),
  );
  const body = bytes.subarray(end + 4);
  // where it does not say, its end is the connection's
  if ((headers['content-length'] ?? String(body.length)) !== String(body.length)) throw cutShort();
  return { status: Number(status), headers, body: body.toString() };
}

function wholeOf(
  stream: NodeJS.ReadableStream,
  failure: (cause: Error, size: number) => Error = cutShort,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > largest) reject(new BrokerError('protocol', { detail: 'the answer is too large' }));
    });
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('close', () => reject(cutShort()));
    stream.once('error', (cause) => reject(failure(cause, size)));
  });
}

function cutShort(): BrokerError {
  return new BrokerError('protocol', { detail: 'the answer was cut short' });
}
