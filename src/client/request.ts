import { type Address, requireOwnSocket } from './broker-address.ts';
import { type Credential, credentialOf } from './credential.ts';
import { BrokerError } from './broker-error.ts';
import { connectionsTo, type Connections } from './connections.ts';
import type { Answer, Exchange, Sent } from './exchange.ts';
import { problemIn, requestIdOf } from './problem-details.ts';

export interface RequestFacts {
  readonly address: Address;
  /** milliseconds for a request and its answer */
  readonly deadline: number;
  /** PEM of the authority that signed the broker's certificate, instead of the well-known ones */
  readonly ca: string | undefined;
}

/** Who asks. */
export interface Sender {
  readonly token: Credential;
  /** headers that go with each request */
  readonly headers: Readonly<Record<string, string>>;
  /** the headers that prove it, for one request; default the token as a bearer */
  readonly authorize?: ((token: string, url: string) => Promise<Readonly<Record<string, string>>>) | undefined;
}

export interface Requests {
  /** The JSON of a success. @throws BrokerError, and the signal's reason */
  post(sender: Sender, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown>;
  /** The same, for what only looks. */
  get(sender: Sender, path: string, signal?: AbortSignal): Promise<unknown>;
  close(): void;
}

/** Requests to one broker, over connections that are kept. */
export function createRequests({ address, deadline, ca }: RequestFacts): Requests {
  const open = new Set<Exchange>();
  let kept: Connections | undefined;
  let closed = false;

  function send({ begin, by, byNote }: Connections, sent: Sent, signal: AbortSignal | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (closed) return reject(new BrokerError('closed'));
      signal?.throwIfAborted();
      const exchange = begin(sent);
      open.add(exchange);
      const timer = setTimeout(
        () => fail(new BrokerError('timeout', { detail: `no answer in ${deadline} ms` })),
        deadline,
      );
      const stop = () => fail(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        open.delete(exchange);
      };
      const fail = (error: unknown) => {
        settle();
        reject(error);
        exchange.destroy();
      };
      exchange.answer.then(
        (answer) => {
          settle();
          return resolve(answer);
        },
        (cause: NodeJS.ErrnoException) => {
          if (closed) return fail(new BrokerError('closed'));
          if (cause instanceof BrokerError) return fail(cause);
          // the broker let the connection go while it was idle: nothing of this request was answered
          const isStale = exchange.reused() && stale.has(cause.code ?? '');
          return fail(
            isStale || (byNote && gone.has(cause.code ?? '')) ? new StaleConnection() : unreachable(cause, by),
          );
        },
      );
    });
  }

  /** Others that are kept may have gone the same way. */
  async function sendAlone(sent: (by: Connections) => Promise<Sent>, signal: AbortSignal | undefined): Promise<Answer> {
    const alone = await connectionsTo(address, ca, true);
    try {
      return await send(alone, await sent(alone), signal);
    } finally {
      alone.close();
    }
  }

  async function ask(
    method: Sent['method'],
    sender: Sender,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    if (closed) throw new BrokerError('closed');
    const text = body === undefined ? undefined : JSON.stringify(body);
    try {
      const token = await credentialOf(sender.token);
      if (address.kind === 'socket') requireOwnSocket(address.path);
      const content = text === undefined ? {} : { 'content-type': 'application/json' };
      // a proof is for one request
      const sent = async ({ origin }: Connections): Promise<Sent> => {
        const proving = (await sender.authorize?.(token, `${origin}${path}`)) ?? { authorization: `Bearer ${token}` };
        return { method, path, text, headers: { ...sender.headers, ...content, ...proving } };
      };
      kept ??= await connectionsTo(address, ca);
      // what is asked here only reads, or may be done twice: an agent run that is begun for nobody is lost by itself
      const answer = await send(kept, await sent(kept), signal).catch(async (error: unknown) => {
        if (error instanceof StaleConnection) return sendAlone(sent, signal);
        throw error;
      });
      return contentOf(answer);
    } catch (error) {
      if (error instanceof BrokerError || signal?.aborted === true) throw error;
      throw unreachable(error as NodeJS.ErrnoException, '');
    }
  }

  return {
    post: (sender, path, body, signal) => ask('POST', sender, path, body, signal),
    get: (sender, path, signal) => ask('GET', sender, path, undefined, signal),
    close() {
      closed = true;
      for (const exchange of open) exchange.destroy();
      kept?.close();
    },
  };
}

class StaleConnection extends Error {}
const stale = new Set(['ECONNRESET', 'EPIPE']);
/** of a socket at which nobody listens, or too many ask */
const gone = new Set(['ECONNREFUSED', 'ENOENT', 'EAGAIN']);

/** Codes of Node and OpenSSL for who does not prove to be who was called, or does not even speak TLS. */
const unproven =
  /^(?:EPROTO$|ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|HOSTNAME_MISMATCH|PATH_LENGTH_)/;

function unreachable(cause: NodeJS.ErrnoException, by: string): BrokerError {
  const { code = 'the connection failed' } = cause;
  if (!unproven.test(code)) return new BrokerError('unreachable', { detail: `${code}${by}`, cause });
  const remedy = /SELF_SIGNED|^UNABLE_TO_/.test(code) ? '; its certificate goes into ca, or NODE_EXTRA_CA_CERTS' : '';
  return new BrokerError('unsafe', {
    detail: `nothing proves that the broker answers there (${code}${remedy})`,
    cause,
  });
}

function contentOf({ status, headers, body }: Answer): unknown {
  // 202: a run was begun
  if (status !== 200 && status !== 202) throw problemIn(status, headers, body);
  try {
    const content: unknown = JSON.parse(body);
    return content;
  } catch {
    // its message would hold a part of the answer
    throw new BrokerError('protocol', { status, requestId: requestIdOf(headers), detail: 'the answer is not JSON' });
  }
}
