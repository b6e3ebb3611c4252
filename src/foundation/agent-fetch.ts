import type { Agent, IncomingMessage } from 'node:http';

/** statuses whose answers have no body: `Response` takes none with them */
export const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

/** @throws Error where it is none that an answer of HTTP has (RFC 9110, section 15): parsers take any three digits */
export function requireStatus(status: number): void {
  if (status >= 200 && status <= 599) return;
  throw Object.assign(new Error('no status of HTTP'), { code: `STATUS_${status}` });
}

/**
 * `fetch` over an agent of `node:http` or `node:https`: the global one gives nobody a say in which way a connection
 * takes. No redirect is followed, and nothing is compressed. Like the global one it throws a `TypeError` whose cause
 * has the network's code.
 */
export async function fetchOver(agent: Agent, input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const url = new URL(request.url);
  // loaded where it is needed: with it comes a tenth of the command's start
  const http = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  // a stream of the caller's goes out as it comes; all else is whole, and has a length
  const stream = init?.body instanceof ReadableStream ? request.body : null;
  const whole = stream === null && request.body !== null ? new Uint8Array(await request.arrayBuffer()) : undefined;
  const { signal } = request;
  signal.throwIfAborted();
  // without a word any compression would do (RFC 9110, section 12.5.3), and nothing here undoes it
  const usual = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'node' };
  const headers = { ...usual, ...Object.fromEntries(request.headers) };
  return new Promise((resolve, reject) => {
    const sent = http.request(url, { agent, method: request.method, headers, signal });
    let begun: IncomingMessage | undefined;
    sent.on('error', (cause) => {
      const ended = signal.aborted ? (signal.reason as Error) : undefined;
      // what comes after the head is told here too, and its reader hears no more than that it was aborted
      begun?.destroy(ended instanceof Error ? ended : cause);
      reject(signal.aborted ? ended : new TypeError('fetch failed', { cause }));
    });
    // nobody asked for it, and with nobody to take it the connection would end without a word
    sent.once('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(new TypeError('fetch failed', { cause: new Error('unexpected upgrade') }));
    });
    sent.once('response', (answer) => {
      begun = answer;
      const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = answer;
      const isRedirect = status >= 300 && status < 400 && answer.headers.location !== undefined;
      if (isRedirect && init?.redirect === 'error') {
        answer.destroy();
        return reject(new TypeError('fetch failed', { cause: new Error('unexpected redirect') }));
      }
      try {
        requireStatus(status);
        const told = new Headers();
        for (let at = 0; at < rawHeaders.length; at += 2) told.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
        const { Readable } = process.getBuiltinModule('node:stream');
        if (withoutBody.has(status)) answer.resume();
        const body = withoutBody.has(status) ? null : (Readable.toWeb(answer) as ReadableStream);
        const response = new Response(body, { status, statusText, headers: told });
        return resolve(Object.defineProperty(response, 'url', { value: url.href }));
      } catch (cause) {
        answer.destroy();
        return reject(new TypeError('fetch failed', { cause }));
      }
    });
    if (stream === null) return void sent.end(whole);
    const { Readable, pipeline } = process.getBuiltinModule('node:stream');
    pipeline(Readable.fromWeb(stream), sent, () => undefined);
  });
}
