import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { App } from '../../app/open-app.ts';
import { localUser } from '../../foundation/local-user.ts';
import { signClaim } from '../../broker/authentication/operator-token.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { type BrokerAddress, findBroker } from '../server/announcement.ts';

/** seconds that a request may take to arrive */
const claimLife = 60;
/** milliseconds, more than the longest that an answer is held back */
const deadline = 90_000;

export interface OperatorRequest {
  readonly method: 'GET' | 'POST';
  /** with its query */
  readonly path: string;
  /** what it is asked about, as a person named it: `run "1f3b…"` */
  readonly about?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the broker that runs for the app's folder, as the operator: whoever can read the environment's `key:` from the
 * vault. The claim that proves it is for this one request, so that whoever else listens there could do nothing else with it.
 * @returns the JSON of a success
 * @throws FlowError unavailable where no broker runs for the folder, refused where it serves another environment;
 * what the broker says
 */
export async function askBroker(app: App, request: OperatorRequest): Promise<Readonly<Record<string, unknown>>> {
  const { name } = app.environment();
  const found = findBroker(app.folder.dir);
  if (found === undefined) {
    throw new FlowError('unavailable', `no broker runs for ${app.folder.dir}`, { hint: 'start it with `flows serve`' });
  }
  if (found.environment !== name) {
    throw new FlowError('refused', `the broker of ${app.folder.dir} serves environment ${found.environment}`, {
      hint: `add --environment ${found.environment}`,
    });
  }
  const [key] = await (await app.connections()).derivedKeys('operator');
  const { method, path } = request;
  const claim = signClaim(key, { user: localUser(), for: `${method} ${path}`, lifetime: claimLife, now: Date.now() });
  const certificate = app.environment().server.tls?.certificate;
  const { status, body } = await send(request, claim, found, certificate).catch((cause: unknown) => {
    if (cause instanceof FlowError) throw cause;
    throw new FlowError('unavailable', `the broker of ${app.folder.dir} does not answer`, { cause });
  });
  if (status < 400 && body !== undefined) return body;
  const failed = failure(status, body?.['code']);
  throw request.about === undefined ? failed : failed.at({ subject: request.about });
}

function failure(status: number, code: unknown): FlowError {
  if (status === 404)
    return new FlowError('not-found', 'the broker knows of no such thing', { hint: 'list them first' });
  if (status === 409) return new FlowError('conflict', 'it is over already', { hint: 'look at it first' });
  if (code === 'not-authenticated') {
    const hint = 'was its key: changed, or the clock? start the broker anew';
    return new FlowError('denied', 'the broker does not take this command for its operator', { hint });
  }
  const said = typeof code === 'string' && /^[a-z-]{1,50}$/.test(code) ? code : `status ${status}`;
  return new FlowError('unavailable', `the broker answered: ${said}`, { hint: 'its log tells why' });
}

interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

async function send(request: OperatorRequest, claim: Secret, at: BrokerAddress, certificate?: string): Promise<Said> {
  const { request: ask } = await import('node:http');
  const url = new URL(at.url ?? 'http://localhost');
  const connection = url.protocol === 'https:' ? await pinned(url, certificate) : undefined;
  const text = request.body === undefined ? undefined : JSON.stringify(request.body);
  const late = AbortSignal.timeout(deadline);
  return new Promise((resolve, reject) => {
    const sent = ask({
      // with an agent of any kind Node makes the connection itself
      ...(connection === undefined ? { agent: false } : { createConnection: () => connection }),
      ...(at.socket === undefined
        ? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port }
        : { socketPath: at.socket }),
      method: request.method,
      path: request.path,
      signal: request.signal === undefined ? late : AbortSignal.any([late, request.signal]),
      headers: {
        host: url.host,
        authorization: `Bearer ${claim.reveal()}`,
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    });
    sent.once('error', reject);
    sent.once('response', (response) => void read(response).then(resolve, reject));
    sent.end(text);
  });
}

async function read(response: IncomingMessage): Promise<Said> {
  const chunks: Buffer[] = await response.toArray();
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
  const body = typeof value === 'object' && value !== null ? { ...value } : undefined;
  return { status: response.statusCode ?? 0, body };
}

/** A connection to whoever has the very certificate that service.yaml names: it need not be for a name of loopback. */
async function pinned({ hostname, port }: URL, certificate: string | undefined): Promise<Duplex> {
  const [{ X509Certificate }, { readFileSync }, { connect }] = await Promise.all([
    import('node:crypto'),
    import('node:fs'),
    import('node:tls'),
  ]);
  const ours = certificate === undefined ? undefined : new X509Certificate(readFileSync(certificate));
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const theirs = socket.getPeerX509Certificate();
  if (ours !== undefined && theirs !== undefined && ours.raw.equals(theirs.raw)) return socket;
  socket.destroy();
  throw new FlowError('refused', 'the broker has another certificate than service.yaml names', {
    hint: 'nothing was sent',
  });
}
