import { FlowError } from '../../foundation/errors.ts';
import { createHttp } from '../../foundation/http.ts';
import type { Way } from '../../foundation/proxy.ts';
import type { createPace } from '../../foundation/request-pace.ts';
import type { Secret } from '../../foundation/secret.ts';
import { unlessAborted } from '../../foundation/unless-aborted.ts';
import { readVaultAnswer, type VaultAnswer } from './vault-answers.ts';
import { isTokenRefused, vaultFailure } from './vault-errors.ts';

/** Gives a token; told which one was refused, it lets go of that. */
export type TokenProvider = (refused?: Secret) => Promise<Secret>;

export interface VaultHttpOptions {
  /** `https://vault.example.com`, with whatever path stands before `/v1` */
  readonly url: string;
  /** `team/orders`; undefined: the root, or the one that the token is of */
  readonly namespace?: string | undefined;
  /** plain http is let in, at a loopback address */
  readonly development: boolean;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** by which way it is reached; default: the process's own */
  readonly way?: Way | undefined;
  /** milliseconds for one request; default 20,000 */
  readonly deadline?: number | undefined;
  /** bytes of an answer; default 1 MiB, which no metadata come near */
  readonly largest?: number | undefined;
  /** milliseconds between the tries of what may be tried again; default 100, 400 and 1,600 */
  readonly waits?: readonly number[] | undefined;
  /** how many are asked at once, those that are asked again later included */
  readonly pace: ReturnType<typeof createPace>;
}

export interface VaultRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** below `/v1/`, as {@link encodedPath} has it: `secret/metadata/team/app?list=true` */
  readonly path: string;
  /** instead of the client's own */
  readonly namespace?: string | undefined;
  /** JSON text */
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Requests to a server of HashiCorp Vault or OpenBao, whatever its secrets engines. */
export interface VaultHttp {
  /**
   * One request. What is not there is undefined; of a version that was deleted or destroyed its `metadata` are left.
   * Where a node has not caught up with what was written, or asks for fewer requests, it is asked again a few times.
   * @param token undefined: a login, which has none yet
   * @throws FlowError as the table in vault-errors.ts has it, and what foundation/http.ts throws
   */
  ask(request: VaultRequest, token: TokenProvider | undefined): Promise<VaultAnswer | undefined>;
  /** requests made so far, repeated ones too */
  requests(): number;
}

const never = new AbortController().signal;

/**
 * @example
 * const http = createVaultHttp({ url: 'https://vault.example.com', development: false, now, sleep, pace });
 * const answer = await http.ask({ path: 'sys/internal/ui/mounts' }, token);
 */
export function createVaultHttp(options: VaultHttpOptions): VaultHttp {
  const base = `${options.url.replace(/\/+$/, '')}/v1/`;
  const send = createHttp({
    peer: 'the Vault server',
    development: options.development,
    fetch: options.way?.fetch,
    deadline: options.deadline ?? 20_000,
    largest: options.largest,
    // a standby names the active node so: told in its own words
    redirects: 'answers',
  });
  const { waits = [100, 400, 1_600] } = options;
  const longest = Math.max(5_000, ...waits);
  let requests = 0;
  // what was written last: a node that has not seen it says so, instead of giving what was before (Vault Enterprise)
  let index: string | undefined;

  async function sent(request: VaultRequest, bearer?: Secret): Promise<Response> {
    const { method = 'GET', path, namespace = options.namespace ?? '', body, signal } = request;
    requests += 1;
    const response = await send(base + path, {
      method,
      headers: {
        'x-vault-request': 'true',
        ...(bearer === undefined ? {} : { 'x-vault-token': bearer.reveal() }),
        // as Vault's own client sends it: the bytes of UTF-8
        ...(namespace === '' ? {} : { 'x-vault-namespace': Buffer.from(namespace).toString('latin1') }),
        ...(index === undefined ? {} : { 'x-vault-index': index }),
        ...(body === undefined ? {} : { 'content-type': contentType(method) }),
      },
      // the same merge twice is the same; what was written by `cas` is not there twice, but would be refused
      repeatable: method !== 'POST',
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (method !== 'GET') index = response.headers.get('x-vault-index') ?? index;
    return response;
  }

  /** A token that was refused is asked for again: it may have been replaced, or have ended. */
  async function authorised(request: VaultRequest, token: TokenProvider | undefined): Promise<Response> {
    if (token === undefined) return sent(request);
    const bearer = checked(await token());
    const response = await sent(request, bearer);
    if (response.status !== 403 || !isTokenRefused(await response.clone().text())) return response;
    const other = checked(await token(bearer));
    return other.equals(bearer) ? response : sent(request, other);
  }

  async function tried(request: VaultRequest, token: TokenProvider | undefined): Promise<VaultAnswer | undefined> {
    for (const wait of [...waits, undefined]) {
      const response = await authorised(request, token);
      const answer = await readVaultAnswer(response);
      if (answer !== 'failure') return answer;
      const failure = await vaultFailure({ ...request, login: token === undefined }, response, options.now());
      const again = response.status === 412 || response.status === 429;
      const asked = (failure.retryAfter ?? 0) * 1_000;
      if (!again || wait === undefined || asked > longest) throw failure;
      const milliseconds = Math.max(wait, asked);
      await unlessAborted(options.sleep(milliseconds), request.signal ?? never, () => failure);
    }
    throw new TypeError('the last try throws');
  }

  return {
    async ask(request, token) {
      const work = () => tried(request, token);
      try {
        // those that have a turn wait for a login, which needs none; and they keep it while they wait to try again, so that a
        // server that asks for fewer requests gets fewer
        return await (token === undefined ? work() : options.pace('vault', Infinity, work, request.signal));
      } catch (error) {
        if (request.signal?.aborted !== true || error instanceof FlowError) throw error;
        throw new FlowError('aborted', 'stopped before the Vault server answered', { cause: error });
      }
    },
    requests: () => requests,
  };
}

/**
 * Each segment of a path as an address has it: `%`, `?` and letters of any script are part of names.
 * @throws FlowError refused for `.` and `..`, which an address cannot have: it would be another path
 */
export function encodedPath(path: string): string {
  const segments = path.split('/');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw new FlowError('refused', 'a path of Vault has "." or ".." in it', { place: { subject: path } });
  return segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join('/');
}

function contentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

/** @throws FlowError invalid-value for what cannot stand in a header */
function checked(token: Secret): Secret {
  if (/^[\u0021-\u007e]+$/.test(token.reveal())) return token;
  throw new FlowError('invalid-value', 'the token for the Vault server is malformed', {
    hint: 'copy it whole, without spaces or line breaks',
  });
}
