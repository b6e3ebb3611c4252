import { FlowError } from '../../../foundation/errors.ts';
import { createHttp } from '../../../foundation/http.ts';
import { madeOnce } from '../../../foundation/made-once.ts';
import type { Way } from '../../../foundation/proxy.ts';
import type { createPace } from '../../../foundation/request-pace.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { subjectError } from '../onepassword-items/subject-error.ts';
import { parseAnswer, healthSchema } from './connect-answers.ts';
import { connectFailure } from './connect-errors.ts';

export interface ConnectOptions {
  /** `https://connect.example.com`, with whatever path stands before `/v1` */
  readonly url: string;
  /** asked before the first call, and again where the token was refused: it may have been replaced */
  readonly token: () => Promise<Secret>;
  /** plain http is let in, at a loopback address */
  readonly development: boolean;
  /** epoch milliseconds */
  readonly now: () => number;
  /** by which way it is reached; default: the process's own */
  readonly way?: Way | undefined;
  /** milliseconds for one request; default 20,000 */
  readonly deadline?: number;
  /** how many requests at once */
  readonly pace: ReturnType<typeof createPace>;
}

export interface ConnectRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** below the address: `v1/vaults` */
  readonly path: string;
  /** of JSON */
  readonly body?: object;
}

export interface ConnectClient {
  /**
   * One request; an answer 404 is undefined, as what is not there.
   * @throws FlowError as the table in connect-errors.ts has it, and what foundation/http.ts throws
   */
  ask(request: ConnectRequest): Promise<Response | undefined>;
  /** What Connect says of itself, for people. @throws FlowError unavailable where a part of it does not work */
  health(): Promise<string>;
  requests(): number;
}

/** statuses; none of them has done anything */
const refusals: ReadonlySet<number> = new Set([400, 401, 403]);
/** bytes: the list of a vault of 10,000 items has about five million */
const largest = 64 * 1024 * 1024;

export function createConnectClient(options: ConnectOptions): ConnectClient {
  const base = options.url.endsWith('/') ? options.url : `${options.url}/`;
  const send = createHttp({
    peer: '1Password Connect',
    development: options.development,
    fetch: options.way?.fetch,
    deadline: options.deadline ?? 20_000,
    largest,
  });
  const token = madeOnce(async () => checked(await options.token()));
  let requests = 0;

  const once = (bearer: Secret | undefined, { method = 'GET', path, body }: ConnectRequest): Promise<Response> =>
    options.pace('connect', Infinity, () => {
      requests += 1;
      return send(new URL(path, base).href, {
        method,
        headers: {
          accept: 'application/json',
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer.reveal()}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    });

  /** A token that was refused, or may not do this, is read again: another may stand in its place where it is kept. */
  async function authorised(request: ConnectRequest): Promise<Response> {
    const bearer = await token.get();
    const response = await once(bearer, request);
    if (!refusals.has(response.status)) return response;
    if ((await token.known()) === bearer) token.forget();
    const other = await token.get();
    return other.equals(bearer) ? response : once(other, request);
  }

  return {
    async ask(request) {
      const response = await authorised(request);
      if (response.ok) return response;
      const failure = await connectFailure(request, response, options.now());
      if (failure.code === 'not-found') return undefined;
      throw failure;
    },
    async health() {
      const response = await once(undefined, { path: 'health' });
      // what stands before it may keep this path to itself
      if (response.status === 404) return 'answers, and tells nothing of its health';
      if (!response.ok) throw await connectFailure({ path: 'health' }, response, options.now());
      const { name, version, dependencies } = await parseAnswer(response, healthSchema);
      const down = dependencies.find(({ status }) => status !== 'ACTIVE');
      if (down === undefined) return `${name} ${version}`;
      throw subjectError(
        'unavailable',
        `${name} ${version}: its ${down.service} is ${down.status}`,
        'what it gives is as old as its last sync; see the log of its container connect-sync',
      );
    },
    requests: () => requests,
  };
}

/** @throws FlowError invalid-value for what cannot stand in a header */
function checked(token: Secret): Secret {
  if (/^[\u0021-\u007e]+$/.test(token.reveal())) return token;
  throw new FlowError('invalid-value', "Connect's token is malformed", {
    hint: 'copy it whole, without spaces or line breaks',
  });
}
