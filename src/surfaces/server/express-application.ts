import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import express, { type Request, type RequestHandler, type Response } from 'express';
import type { Authenticator, Proven } from '../../broker/authentication/authenticate.ts';
import type { UpstreamFailures } from '../../broker/upstream-failures.ts';
import type { Caller } from '../../broker/contract.ts';
import type { Exchange, Send } from './http-answers.ts';
import { hasBody, readJson } from './request-body.ts';
import { type Claims, claimsOf } from './request-claims.ts';
import { EdgeRefusal } from './edge-refusal.ts';
import { addressOf, prove } from './request-identity.ts';
import { noRoute } from './parser-refusals.ts';
import type { RecordRefusal } from './record-refusal.ts';
import { nameForm } from '../../foundation/wire.ts';
import { type AgentRoute, type RequestBody, type Route, routes, type Serving } from './routes.ts';

export interface ApplicationOptions {
  readonly serving: Serving;
  readonly authenticator: Authenticator;
  readonly record: RecordRefusal;
  readonly failures: Pick<UpstreamFailures, 'told'> | undefined;
  readonly exchangeOf: (request: IncomingMessage) => Exchange;
  readonly send: Send;
  readonly fail: (exchange: Exchange, route: string, error: unknown) => void;
  /** a whole request proved to be an agent's */
  readonly proven: (socket: Socket, agent: string) => void;
}

/** The routes of the table in Express. */
export function createApplication(options: ApplicationOptions): RequestListener {
  const { serving, exchangeOf, send, fail } = options;
  const application = express();
  application.disable('x-powered-by').disable('etag').disable('query parser');
  application.enable('case sensitive routing').enable('strict routing');

  const handler =
    (route: Route): RequestHandler =>
    async (request) => {
      const exchange = exchangeOf(request);
      try {
        const answer =
          route.access === 'open'
            ? await route.handle(serving)
            : await forAgent(route, exchange, request.params, options);
        send(exchange, route.path, answer);
      } catch (error) {
        fail(exchange, route.path, error);
      }
    };

  for (const [path, served] of Map.groupBy(routes, ({ path }) => path)) {
    const where = application.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const route of served) where[route.method === 'GET' ? 'get' : 'post'](handler(route));
    const allow = served.map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ');
    where.all((request) => fail(exchangeOf(request), path, new EdgeRefusal('method-not-allowed', allow)));
  }
  // what no route is for, a path that the router cannot decode, and a target that has none: Express would answer by itself
  return (request, response) =>
    application(request as Request, response as Response, (error?: unknown) => {
      const refusal = error instanceof URIError ? new EdgeRefusal('invalid-request') : error;
      fail(exchangeOf(request), noRoute, refusal ?? new EdgeRefusal('not-found'));
    });
}

type Params = Readonly<Record<string, string | string[]>>;

async function forAgent(route: AgentRoute, exchange: Exchange, params: Params, options: ApplicationOptions) {
  const proven = await prove(exchange, options.authenticator, options.record, options.failures);
  try {
    const claims = claimsOf(exchange.request.headers);
    const flow = flowOf(route, exchange, params);
    const body = await bodyOf(route, exchange.request);
    options.proven(exchange.request.socket, proven.agent);
    const caller = callerOf(exchange, proven, claims, body.reason);
    return await route.handle({ serving: options.serving, flow, body }, caller);
  } catch (error) {
    if (!(error instanceof EdgeRefusal)) throw error;
    // what a proven agent is refused before the broker is asked is on the trail too
    const [request, address] = [exchange.id, addressOf(exchange)];
    throw await options.record({
      agent: proven.agent,
      action: route.action,
      what: [],
      outcome: 'denied',
      code: error.code,
      request,
      address,
    });
  }
}

/** @throws EdgeRefusal invalid-request for a name that no file could have, and for a query, which no route has */
function flowOf({ path }: Route, { request: { url = '' } }: Exchange, { flow }: Params): string {
  if (url.includes('?')) throw new EdgeRefusal('invalid-request');
  if (!path.includes('{flow}')) return '';
  if (typeof flow !== 'string' || !nameForm.test(flow)) throw new EdgeRefusal('invalid-request');
  return flow;
}

async function bodyOf({ body }: AgentRoute, request: IncomingMessage): Promise<RequestBody> {
  if (!hasBody(request)) {
    if (body?.required === true) throw new EdgeRefusal('invalid-request');
    return {};
  }
  if (body === undefined) throw new EdgeRefusal('invalid-request');
  const parsed = body.schema.safeParse(await readJson(request));
  // what is wrong is not told: it would repeat what was sent
  if (!parsed.success) throw new EdgeRefusal('invalid-request');
  return parsed.data;
}

function callerOf(exchange: Exchange, proven: Proven, claims: Claims, reason: string | undefined): Caller {
  if (reason !== undefined && claims.reason !== undefined) throw new EdgeRefusal('invalid-request');
  return {
    ...proven,
    request: exchange.id,
    run: claims.run,
    reason: reason ?? claims.reason,
    address: addressOf(exchange),
  };
}
