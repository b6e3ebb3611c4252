import type { Socket } from 'node:net';
import type { z } from 'zod';
import type { Authenticator, Proven } from '../../broker/authentication/authenticate.ts';
import type { Broker, Caller, GrantedToken } from '../../broker/contract.ts';
import { nameForm, paths, pathOf } from '../../foundation/wire.ts';
import { type Answer, type Exchange, jsonAnswer, type Send } from './http-answers.ts';
import { bytesOf, hasBody, jsonOf } from './request-body.ts';
import { claimsOf } from './request-claims.ts';
import { addressOf, provenAtOnce } from './request-identity.ts';
import { resolveBody, tokenBody } from './routes/agents.ts';

const prefix = pathOf('token', '');

export interface MemoryOptions {
  readonly broker: Broker;
  readonly authenticator: Authenticator;
  readonly send: Send;
  readonly fail: (exchange: Exchange, route: string, error: unknown) => void;
  /** a whole request proved to be an agent's */
  readonly proven: (socket: Socket, agent: string) => void;
  /** the router, for all that is amiss or not in memory */
  readonly otherwise: (exchange: Exchange) => void;
}

/** The keys of both bodies. */
type RequestBody = Partial<z.infer<typeof tokenBody> & z.infer<typeof resolveBody>>;

/** What agents ask for most often: a route whose answer may be in memory. */
interface MemoryRoute {
  readonly route: string;
  readonly body: typeof tokenBody | typeof resolveBody;
  /** undefined: it is not in memory, or not to be had */
  ask(
    caller: Caller,
    body: RequestBody,
  ): { readonly answer: () => Answer; readonly recorded: Promise<void> } | undefined;
}

/**
 * Answers what is in memory, around Express's router: tokens and secrets. It does nothing that the router would not do,
 * and leaves all that is amiss to it.
 * @returns whether it takes the request
 */
export function createMemoryRoutes(options: MemoryOptions): (exchange: Exchange) => boolean {
  const { broker, authenticator, send, fail, otherwise, proven } = options;
  const tokens = new WeakMap<GrantedToken, Answer>();
  const answerOf = (token: GrantedToken): Answer => {
    const known = tokens.get(token);
    if (known !== undefined) return known;
    const made = jsonAnswer(token);
    const answer = { ...made, length: Buffer.byteLength(made.body) };
    tokens.set(token, answer);
    return answer;
  };
  const secrets: MemoryRoute = {
    route: paths.secrets,
    body: resolveBody,
    ask(caller, { secrets: names = [] }) {
      const found = broker.cachedSecrets(caller, names);
      if (found === undefined) return undefined;
      return {
        answer: () => jsonAnswer({ ...found.secrets, requestId: caller.request }),
        recorded: found.recorded,
      };
    },
  };
  const tokenOf = (flow: string): MemoryRoute => ({
    route: paths.token,
    body: tokenBody,
    ask(caller, { inputs = {} }) {
      const found = broker.cachedToken(caller, flow, inputs);
      return found === undefined ? undefined : { answer: () => answerOf(found.token), recorded: found.recorded };
    },
  });

  function routeOf(url: string): MemoryRoute | undefined {
    if (url === paths.secrets) return secrets;
    if (!url.startsWith(prefix)) return undefined;
    const flow = url.slice(prefix.length);
    return nameForm.test(flow) ? tokenOf(flow) : undefined;
  }

  /** @returns whether it answers */
  function answered(exchange: Exchange, by: Proven, { route, ask }: MemoryRoute, body: RequestBody): boolean {
    const claims = claimsOf(exchange.request.headers);
    if (body.reason !== undefined && claims.reason !== undefined) return false;
    const caller: Caller = {
      ...by,
      request: exchange.id,
      run: claims.run,
      reason: body.reason ?? claims.reason ?? by.agentRun?.reason,
      address: addressOf(exchange),
    };
    proven(exchange.request.socket, by.agent);
    const found = ask(caller, body);
    found?.recorded.then(
      () => send(exchange, route, found.answer()),
      (error: unknown) => fail(exchange, route, error),
    );
    return found !== undefined;
  }

  /** Where anything is amiss with the body, the router says what. */
  function takeBytes(exchange: Exchange, route: MemoryRoute, by: Proven, bytes: Buffer): void {
    const body = bodyIn(bytes, route.body);
    if (body === undefined || !attempt(exchange, by, route, body)) otherwise(exchange);
  }

  function takeBody(exchange: Exchange, route: MemoryRoute, by: Proven): void {
    try {
      const body = bytesOf(exchange);
      if (Buffer.isBuffer(body)) takeBytes(exchange, route, by, body);
      else
        body.then(
          (bytes) => takeBytes(exchange, route, by, bytes),
          () => otherwise(exchange),
        );
    } catch {
      otherwise(exchange);
    }
  }

  function attempt(exchange: Exchange, by: Proven, route: MemoryRoute, body: RequestBody): boolean {
    try {
      return answered(exchange, by, route, body);
    } catch (error) {
      fail(exchange, route.route, error);
      return true;
    }
  }

  return (exchange) => {
    const { request } = exchange;
    const found = request.method === 'POST' ? routeOf(request.url ?? '') : undefined;
    if (found === undefined) return false;
    const by = provenAtOnce(exchange, authenticator);
    if (by === undefined) return false;
    if (!hasBody(request)) return found !== secrets && attempt(exchange, by, found, {});
    // what was sent with the headers is there by then
    setImmediate(takeBody, exchange, found, by);
    return true;
  };
}

/** @returns undefined for what the route does not take */
function bodyIn(bytes: Buffer, schema: MemoryRoute['body']): RequestBody | undefined {
  // what every HTTP library sends where nothing is to be said
  if (schema === tokenBody && bytes.length === 2 && bytes[0] === 0x7b && bytes[1] === 0x7d) return {};
  try {
    return schema.safeParse(jsonOf(bytes)).data;
  } catch {
    return undefined;
  }
}
