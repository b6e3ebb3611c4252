import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import type { CheckClaim } from '../../broker/authentication/operator-token.ts';
import type { Authenticator, Proven } from '../../broker/authentication/authenticate.ts';
import type { UpstreamFailures } from '../../broker/upstream-failures.ts';
import { bearerToken } from '../../broker/authentication/authenticate.ts';
import type { Person } from '../../broker/people/sessions.ts';
import { BrokerRefusal, refusalOf } from '../../broker/refusal.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Caller } from '../../broker/contract.ts';
import { type Exchange, goneOf, type Send } from './http-answers.ts';
import { type CheckProof, ProofRefusal } from './dpop-proof.ts';
import { hasBody, readJson } from './request-body.ts';
import { type Claims, claimsOf } from './request-claims.ts';
import { EdgeRefusal } from './edge-refusal.ts';
import { addressOf, prove, proveOperator } from './request-identity.ts';
import { noRoute } from './parser-refusals.ts';
import { patienceOf } from './preferences.ts';
import type { RecordRefusal } from './record-refusal.ts';
import { nameForm } from '../../foundation/wire.ts';
import { routes } from './routes/index.ts';
import {
  bringsApprovals,
  isPageRoute,
  type PageRoute,
  type ProvenRoute,
  type Route,
  type Serving,
} from './routes/route.ts';

export interface ApplicationOptions {
  readonly serving: Serving;
  readonly authenticator: Authenticator;
  readonly operators: CheckClaim;
  readonly checkProof: CheckProof;
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
            : isPageRoute(route)
              ? await forPage(route, exchange, request.params, options)
              : await forProven(route, exchange, request.params, options);
        send(exchange, route.path, answer);
      } catch (error) {
        fail(exchange, route.path, toldOf(error, route, exchange, options));
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

/**
 * A failure as the refusal that the table has for it. What an agent asks of the broker the operator was told of where it
 * went onto the trail; what a database failed with that a route asks by itself, and what people ask, is told here.
 */
function toldOf(error: unknown, route: Route, { id }: Exchange, { failures }: ApplicationOptions): unknown {
  const isUntold = error instanceof FlowError || (isPageRoute(route) && error instanceof BrokerRefusal);
  if (!isUntold) return error;
  const refusal = refusalOf(error);
  for (const cause of refusal.causes()) failures?.told({ request: id, what: [route.id] }, cause);
  return refusal;
}

type Params = Readonly<Record<string, string | string[]>>;

/** What a person is refused is told to them, and recorded where it was looked at. */
async function forPage(route: PageRoute, exchange: Exchange, params: Params, { serving }: ApplicationOptions) {
  const { page } = serving;
  if (page === undefined) throw new EdgeRefusal('not-found');
  const { request } = exchange;
  const person = await page.people.person(bearerToken(request.headers.authorization) ?? '');
  if (person === undefined && route.access === 'person') throw new BrokerRefusal('not-authenticated');
  const call = {
    page,
    asked: { request: exchange.id, address: addressOf(exchange) },
    params: namesIn(params),
    query: queryOf(route, request),
    body: await bodyOf(route, exchange),
    headers: request.headers,
    gone: () => goneOf(exchange),
  };
  return route.handle(call, person ?? nobody);
}

const nobody: Person = { approver: undefined, name: 'unknown', by: 'link' };

async function forProven(route: ProvenRoute, exchange: Exchange, params: Params, options: ApplicationOptions) {
  const proven = await proverOf(route, exchange, options);
  try {
    const { request } = exchange;
    const claims = claimsOf(request.headers);
    const call = {
      serving: options.serving,
      params: namesIn(params),
      query: queryOf(route, request),
      body: await bodyOf(route, exchange),
      headers: request.headers,
      gone: () => goneOf(exchange),
      // the key of the run above goes on to the one below it
      provenKey: async () => proven.jkt ?? provenKey(request, options),
    };
    options.proven(request.socket, proven.agent);
    return await route.handle(call, callerOf(route, exchange, proven, claims, reasonIn(call.body)));
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

function proverOf({ access }: ProvenRoute, exchange: Exchange, options: ApplicationOptions): Promise<ProvenCaller> {
  return access === 'operator'
    ? proveOperator(exchange, options.operators, options.record)
    : prove(exchange, options.authenticator, options.record, options.failures, options.checkProof);
}

/** @throws EdgeRefusal invalid-request for a name that no file could have */
function namesIn(params: Params): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (typeof value !== 'string' || !nameForm.test(value)) throw new EdgeRefusal('invalid-request');
      return [name, value];
    }),
  );
}

/** @throws EdgeRefusal invalid-request for a query that the route does not have */
function queryOf({ query }: Pick<ProvenRoute, 'query'>, { url = '' }: IncomingMessage): unknown {
  const at = url.indexOf('?');
  if (at === -1) return query?.safeParse({}).data;
  const given = [...new URLSearchParams(url.slice(at))];
  const parsed = query?.safeParse(Object.fromEntries(given));
  // a name that stands twice could be read in two ways
  if (parsed?.success !== true || new Set(given.map(([name]) => name)).size < given.length)
    throw new EdgeRefusal('invalid-request');
  return parsed.data;
}

async function bodyOf(
  { body }: { readonly body?: ProvenRoute['body'] | undefined },
  exchange: Exchange,
): Promise<unknown> {
  if (!hasBody(exchange.request)) {
    if (body?.required === true) throw new EdgeRefusal('invalid-request');
    return {};
  }
  if (body === undefined && exchange.request.method === 'GET') throw new EdgeRefusal('invalid-request');
  // with a POST most libraries of HTTP send an object, be it empty
  const schema = body?.schema ?? z.strictObject({});
  const parsed = schema.safeParse(await readJson(exchange, body?.largest));
  // what is wrong is not told: it would repeat what was sent
  if (!parsed.success) throw new EdgeRefusal('invalid-request');
  return parsed.data;
}

/** @throws EdgeRefusal invalid-request for a proof that is none */
async function provenKey(request: IncomingMessage, { checkProof }: ApplicationOptions): Promise<string | undefined> {
  if (request.headers['dpop'] === undefined) return undefined;
  try {
    return await checkProof(request, undefined);
  } catch (error) {
    throw error instanceof ProofRefusal ? new EdgeRefusal('invalid-request') : error;
  }
}

function reasonIn(body: unknown): string | undefined {
  const reason = typeof body === 'object' && body !== null && 'reason' in body ? body.reason : undefined;
  return typeof reason === 'string' ? reason : undefined;
}

type ProvenCaller = Pick<Caller, 'agent' | 'by' | 'agentRun'> & Pick<Proven, 'jkt'>;

function callerOf(
  route: ProvenRoute,
  exchange: Exchange,
  proven: ProvenCaller,
  claims: Claims,
  reason: string | undefined,
): Caller {
  if (reason !== undefined && claims.reason !== undefined) throw new EdgeRefusal('invalid-request');
  const { agent, by, agentRun } = proven;
  return {
    agent,
    by,
    agentRun,
    request: exchange.id,
    run: claims.run,
    // a run that was begun for a reason has it for all that it asks
    reason: reason ?? claims.reason ?? agentRun?.reason,
    address: addressOf(exchange),
    ...patienceOf(exchange.request.headers, () => goneOf(exchange), bringsApprovals(route)),
  };
}
