import type { Socket } from 'node:net';
import type { z } from 'zod';
import type { Authenticator, Proven } from '../../broker/authentication/authenticate.ts';
import type { Broker, Caller, GrantedToken } from '../../broker/contract.ts';
import { nameForm, pathOf, paths } from '../../foundation/wire.ts';
import { type Answer, type Exchange, jsonAnswer, type Send } from './http-answers.ts';
import { bytesOf, hasBody, jsonOf } from './request-body.ts';
import { claimsOf } from './request-claims.ts';
import { addressOf, provenAtOnce } from './request-identity.ts';
import { resolveBody, tokenBody } from './routes/agents.ts';

const prefix = pathOf(paths.token, '');

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
  /** what a body says; undefined for one that it does not take */
  readonly bodyIn: (bytes: Buffer) => RequestBody | undefined;
  /** @param flow named by the path. @returns undefined: it is not in memory, or not to be had */
  ask(
    caller: Caller,
    body: RequestBody,
    flow: string,
  ): { readonly answer: () => Answer; readonly recorded: Promise<void> } | undefined;
}

/** A request of a proven agent. */
interface Asking {
  readonly exchange: Exchange;
  readonly by: Proven;
  readonly route: MemoryRoute;
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
    bodyIn: createBodies(resolveBody),
    ask(caller, { secrets: names = [] }) {
      const found = broker.cachedSecrets(caller, names);
      if (found === undefined) return undefined;
      return {
        answer: () => jsonAnswer({ ...found.secrets, requestId: caller.request }),
        recorded: found.recorded,
      };
    },
  };
  const tokenRoute: MemoryRoute = {
    route: paths.token,
    bodyIn: createBodies(tokenBody),
    ask(caller, { inputs = {} }, flow) {
      const found = broker.cachedToken(caller, flow, inputs);
      return found === undefined ? undefined : { answer: () => answerOf(found.token), recorded: found.recorded };
    },
  };
  /** requests with a body that came in this turn: what was sent with their headers is there at its end */
  let came: Asking[] = [];

  function routeOf(url: string): MemoryRoute | undefined {
    if (url === paths.secrets) return secrets;
    return url.startsWith(prefix) && nameForm.test(flowIn(url)) ? tokenRoute : undefined;
  }

  /** @returns whether it answers */
  function answered({ exchange, by, route: { route, ask } }: Asking, body: RequestBody): boolean {
    const { headers, url = '' } = exchange.request;
    const claims = claimsOf(headers);
    if (body.reason !== undefined && claims.reason !== undefined) return false;
    const caller: Caller = {
      ...by,
      request: exchange.id,
      run: claims.run,
      reason: body.reason ?? claims.reason ?? by.agentRun?.reason,
      address: addressOf(exchange),
    };
    proven(exchange.request.socket, by.agent);
    const found = ask(caller, body, flowIn(url));
    found?.recorded.then(
      () => send(exchange, route, found.answer()),
      (error: unknown) => fail(exchange, route, error),
    );
    return found !== undefined;
  }

  /** Where anything is amiss with the body, the router says what. */
  function takeBytes(asking: Asking, bytes: Buffer): void {
    const body = asking.route.bodyIn(bytes);
    if (body === undefined || !attempt(asking, body)) otherwise(asking.exchange);
  }

  function takeBody(asking: Asking): void {
    const { exchange } = asking;
    try {
      const body = bytesOf(exchange);
      if (Buffer.isBuffer(body)) takeBytes(asking, body);
      else
        body.then(
          (bytes) => takeBytes(asking, bytes),
          () => otherwise(exchange),
        );
    } catch {
      otherwise(exchange);
    }
  }

  function takeBodies(): void {
    const all = came;
    came = [];
    for (const each of all) takeBody(each);
  }

  function attempt(asking: Asking, body: RequestBody): boolean {
    try {
      return answered(asking, body);
    } catch (error) {
      fail(asking.exchange, asking.route.route, error);
      return true;
    }
  }

  return (exchange) => {
    const { request } = exchange;
    const route = request.method === 'POST' ? routeOf(request.url ?? '') : undefined;
    if (route === undefined) return false;
    const by = provenAtOnce(exchange, authenticator);
    if (by === undefined) return false;
    const asking = { exchange, by, route };
    if (!hasBody(request)) return route !== secrets && attempt(asking, {});
    if (came.push(asking) === 1) setImmediate(takeBodies);
    return true;
  };
}

function flowIn(url: string): string {
  return url.slice(prefix.length);
}

/** Bodies that are remembered, and bytes of each: agents send the same again and again, most of them `{}`. */
const mostBodies = 256;
const longestBody = 256;

/** What bodies say, each read once. @returns undefined for what the route does not take */
function createBodies(schema: typeof tokenBody | typeof resolveBody): (bytes: Buffer) => RequestBody | undefined {
  const known = new Map<string, RequestBody>();
  return (bytes) => {
    const text = bytes.length > longestBody ? undefined : bytes.toString('latin1');
    const found = text === undefined ? undefined : known.get(text);
    if (found !== undefined) return found;
    try {
      const { data } = schema.safeParse(jsonOf(bytes));
      if (data === undefined || text === undefined) return data;
      if (known.size >= mostBodies) known.clear();
      known.set(text, data);
      return data;
    } catch {
      return undefined;
    }
  };
}
