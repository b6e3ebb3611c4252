import type { Socket } from 'node:net';
import type { z } from 'zod';
import type { Authenticator, Proven } from '../../broker/authentication/authenticate.ts';
import type { Broker, Caller, GrantedToken } from '../../broker/contract.ts';
import { nameForm, paths, pathOf } from '../../foundation/wire.ts';
import { type Answer, type Exchange, jsonAnswer, type Send } from './http-answers.ts';
import { hasBody, readJson } from './request-body.ts';
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
    const answer = tokens.get(token) ?? jsonAnswer(token);
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

  /** The router reads the same body once more where anything is amiss, and says what. */
  async function takeBody(exchange: Exchange, { body }: MemoryRoute, attempt: (body: RequestBody) => boolean) {
    try {
      const json = await readJson(exchange.request);
      const parsed = isEmpty(json) && body === tokenBody ? { success: true, data: {} } : body.safeParse(json);
      if (parsed.success && attempt(parsed.data)) return;
    } catch {
      // told by the router
    }
    otherwise(exchange);
  }

  return (exchange) => {
    const { request } = exchange;
    const found = request.method === 'POST' ? routeOf(request.url ?? '') : undefined;
    if (found === undefined) return false;
    const caller = provenAtOnce(exchange, authenticator);
    if (caller === undefined) return false;
    const attempt = (body: RequestBody): boolean => {
      try {
        return answered(exchange, caller, found, body);
      } catch (error) {
        fail(exchange, found.route, error);
        return true;
      }
    };
    if (!hasBody(request)) return found !== secrets && attempt({});
    void takeBody(exchange, found, attempt);
    return true;
  };
}

/** What every HTTP library sends where nothing is to be said. */
function isEmpty(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  for (const _ in json) return false;
  return true;
}
