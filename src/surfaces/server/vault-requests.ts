import type { IncomingMessage } from 'node:http';
import { parseDuration } from '../../foundation/duration.ts';
import { safeLine } from '../../foundation/safe-line.ts';
import { Secret } from '../../foundation/secret.ts';
import { type Authenticator, bearerToken, type Proven } from '../../broker/authentication/authenticate.ts';
import type { Caller } from '../../broker/contract.ts';
import { createRates } from '../../broker/rate-limits.ts';
import type { UpstreamFailures } from '../../broker/upstream-failures.ts';
import type { Rate } from '../../language/rate.ts';
import type { Json, Operation, VaultApi, VaultReply, VaultRequest } from '../vault-api/contract.ts';
import { errorReply, malformed, unsupported, VaultRefusal } from '../vault-api/replies.ts';
import type { CheckProof } from './dpop-proof.ts';
import { EdgeRefusal, type Problem } from './edge-refusal.ts';
import { type Answer, type Exchange, goneOf, type Send } from './http-answers.ts';
import { patienceOf } from './preferences.ts';
import type { RecordRefusal } from './record-refusal.ts';
import { hasBody, readJson } from './request-body.ts';
import { claimsOf } from './request-claims.ts';
import { addressOf, type Presented, prove } from './request-identity.ts';

export interface VaultRequestsOptions {
  readonly api: VaultApi;
  /** of one agent, besides policy's */
  readonly rate: Rate | undefined;
  readonly authenticator: Authenticator;
  readonly checkProof: CheckProof;
  readonly record: RecordRefusal;
  readonly failures: Pick<UpstreamFailures, 'told'> | undefined;
  readonly send: Send;
  readonly fail: (exchange: Exchange, route: string, error: unknown) => void;
  readonly proven: (socket: IncomingMessage['socket'], agent: string) => void;
  /** monotonic milliseconds */
  readonly monotonic: () => number;
}

/** The beginning of a path that is Vault's: none of ours begins so. */
export const vaultPrefix = /^\/v1\/(?:sys|auth|secret|kv|totp|op)(?=[/?]|$)/;

/** @returns what answers a request of a Vault client, and says whether it takes it */
export function createVaultRequests(options: VaultRequestsOptions): (exchange: Exchange) => boolean {
  const { api, send, fail } = options;
  const rates = createRates(options.monotonic);

  async function told(exchange: Exchange): Promise<Told> {
    const request = vaultRequestOf(exchange);
    const open = api.open(request);
    if (open !== undefined) return { answer: answerOf(open) };
    const login = await api.login(request);
    const presented = login === undefined ? presentedBy(exchange) : byLogin(login);
    const anyone = { agent: 'unknown', request: exchange.id, address: addressOf(exchange) };
    const unwrapped = api.unwrap(request, bearerToken(presented.authorization), anyone);
    if (unwrapped !== undefined) return takenBy(exchange, unwrapped);
    const { authenticator, record, failures, checkProof } = options;
    const proven = await prove(exchange, authenticator, record, failures, checkProof, presented);
    try {
      const caller = callerOf(exchange, proven, request);
      const retryAfter = rates.take(proven.agent, options.rate);
      if (retryAfter > 0) throw await recorded(exchange, proven, request, 'rate-limited', retryAfter);
      options.proven(exchange.request.socket, proven.agent);
      if (login !== undefined) return { answer: answerOf(await api.begin(caller)) };
      const token = new Secret(bearerToken(presented.authorization) ?? '');
      return { answer: answerOf(await api.answer({ ...request, caller, token })) };
    } catch (error) {
      // what a proven agent is refused before the broker is asked is on the trail too
      if (error instanceof EdgeRefusal) throw await recorded(exchange, proven, request, error.code);
      if (!(error instanceof VaultRefusal)) throw error;
      const { id } = await recorded(exchange, proven, request, error.code);
      return { answer: refusalAnswer(error), id };
    }
  }

  /** Nobody is proven by it, so that one which is none is told, and recorded, as a bad credential is. */
  async function takenBy(exchange: Exchange, unwrapped: Promise<VaultReply>): Promise<Told> {
    try {
      return { answer: answerOf(await unwrapped) };
    } catch (error) {
      if (!(error instanceof VaultRefusal)) throw error;
      const event = { agent: 'unknown', action: 'vault.unwrapped', what: [], outcome: 'denied' } as const;
      const { code } = error;
      const { id } = await options.record({ ...event, code, request: exchange.id, address: addressOf(exchange) });
      return { answer: refusalAnswer(error), id };
    }
  }

  function recorded(
    exchange: Exchange,
    { agent, agentRun }: Proven,
    request: VaultRequest,
    code: VaultRefusal['code'],
    retryAfter?: number,
  ) {
    return options.record(
      {
        agent,
        action: 'vault.request',
        what: [],
        path: pathOf(request),
        outcome: 'denied',
        code,
        request: exchange.id,
        agentRun: agentRun?.run,
        address: addressOf(exchange),
      },
      retryAfter,
    );
  }

  function callerOf(exchange: Exchange, { agent, by, agentRun }: Proven, request: VaultRequest): Caller {
    const { headers } = exchange.request;
    const { run, reason } = claimsOf(headers);
    return {
      agent,
      by,
      agentRun,
      request: exchange.id,
      run,
      reason: reason ?? agentRun?.reason,
      path: pathOf(request),
      address: addressOf(exchange),
      ...patienceOf(headers, () => goneOf(exchange), true),
    };
  }

  return (exchange) => {
    const route = vaultPrefix.exec(exchange.request.url ?? '')?.[0];
    if (route === undefined) return false;
    told(exchange).then(
      ({ answer, id }) => send(exchange, route, answer, id),
      (error: unknown) =>
        error instanceof VaultRefusal ? send(exchange, route, refusalAnswer(error)) : fail(exchange, route, error),
    );
    return true;
  };
}

interface Told {
  readonly answer: Answer;
  /** under which it is on the trail, where that is another than the request's */
  readonly id?: string;
}

function refusalAnswer({ status, errors, code }: VaultRefusal): Answer {
  return answerOf({ status, body: { errors } }, code);
}

/** A problem in Vault's form. */
export function vaultProblem({ code, approval, retryAfter }: Problem): Answer {
  const headers = retryAfter === undefined ? [] : ['Retry-After', String(retryAfter)];
  return { ...answerOf(errorReply(code, approval), code), headers };
}

function answerOf({ status, body }: VaultReply, outcome = 'ok'): Answer {
  return { status, type: 'application/json', body: body === undefined ? '' : JSON.stringify(body), outcome };
}

const operations: Readonly<Record<string, Operation>> = {
  GET: 'read',
  HEAD: 'read',
  POST: 'write',
  PUT: 'write',
  PATCH: 'write',
  DELETE: 'delete',
};

/** `true` of the CLI, `True` of hvac, `1` of node-vault: what Go takes for true. */
const isTrue: ReadonlySet<string | null> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** Vault's own namespace: the one that there always is. */
const root = /^\/?(?:root)?\/?$/;

/** @throws VaultRefusal for what is no request of Vault's */
function vaultRequestOf(exchange: Exchange): VaultRequest {
  const { method = '', url = '', headers } = exchange.request;
  if (!root.test(String(headers['x-vault-namespace'] ?? '')))
    throw malformed('there are no namespaces here: leave X-Vault-Namespace away');
  const [target = '', ...queries] = url.split('?');
  const query = new URLSearchParams(queries.join('?'));
  const operation = operations[method];
  if (operation === undefined) throw unsupported();
  const isList = operation === 'read' && isTrue.has(query.get('list'));
  return {
    operation: isList ? 'list' : operation,
    path: decoded(target.slice('/v1/'.length)).replace(/\/+$/, ''),
    query,
    wrap: wrapOf(headers['x-vault-wrap-ttl']),
    body: () => bodyOf(exchange),
  };
}

/** What the CLI makes of any length of time: of `60s`, `1m0s`. */
const ofGo = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})(?:\.\d{1,9})?s)?$/;

/** Seconds: as a number or, with units, as Go writes them. @throws VaultRefusal */
function wrapOf(header: string | string[] | undefined): number | undefined {
  const text = String(header ?? '0');
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (parseDuration(text) ?? secondsOfGo(text));
  if (seconds === undefined) throw malformed('X-Vault-Wrap-TTL is no length of time, as 60 or 5m');
  return seconds === 0 ? undefined : seconds;
}

function secondsOfGo(text: string): number | undefined {
  const [whole, hours = '0', minutes = '0', seconds = '0'] = ofGo.exec(text) ?? [];
  return whole === undefined ? undefined : Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw malformed('the path is not percent-encoded as it should be');
  }
}

/** Clients send JSON without saying so, or say that it is something else. */
async function bodyOf(exchange: Exchange): Promise<Json> {
  const body = hasBody(exchange.request) ? await readJson(exchange, undefined, 'any') : {};
  // `-force` of the CLI
  if (body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw malformed('the body is no JSON object');
  return { ...body };
}

/** Vault's own header, as it is sent to any Vault; else a bearer. */
function presentedBy({ request: { headers } }: Exchange): Presented {
  const token = headers['x-vault-token'];
  const authorization = token === undefined ? headers.authorization : `Bearer ${String(token)}`;
  return { authorization, agent: undefined };
}

function byLogin({ jwt, agent }: { readonly jwt: string; readonly agent: string | undefined }): Presented {
  return { authorization: `Bearer ${jwt}`, agent, by: 'workload' };
}

/** For the trail. */
function pathOf({ path }: VaultRequest): string {
  return safeLine(path.slice(0, 200));
}
