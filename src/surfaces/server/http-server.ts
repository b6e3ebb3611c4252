import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { resolve } from 'node:path';
import { isLoopbackHost } from '../../foundation/safe-address.ts';
import type { Authenticator } from '../../broker/authentication/authenticate.ts';
import type { Approvals } from '../../broker/approvals/gate.ts';
import type { AuditTrail } from '../../audit/contract.ts';
import type { CheckClaim } from '../../broker/authentication/operator-token.ts';
import type { AgentRuns } from '../../broker/agent-runs/agent-runs.ts';
import type { Broker } from '../../broker/contract.ts';
import { systemClock } from '../../foundation/clocks.ts';
import { auditRefusal, BrokerRefusal } from '../../broker/refusal.ts';
import type { UpstreamFailures } from '../../broker/upstream-failures.ts';
import { acceptedAnswer, type Answer, createSend, type Exchange, jsonAnswer, problemAnswer } from './http-answers.ts';
import { createApplication } from './express-application.ts';
import { bindBounds, type Bounds, boundsWith } from './bounds.ts';
import { createHostCheck, refusePages } from './host-check.ts';
import { createMemoryRoutes } from './routes-from-memory.ts';
import { createProofCheck } from './dpop-proof.ts';
import { createLifecycle } from './lifecycle.ts';
import { type ListenAddress, listenOnLoopback, listenOnTcp, tcpAddress } from './listen-tcp.ts';
import type { Logger } from './log.ts';
import { createMetrics, type Reading } from './metrics.ts';
import { openapi } from './openapi.ts';
import { pageFile } from './page-files.ts';
import { isForPage, requirePage } from './page-origin.ts';
import { respondsAsync } from './preferences.ts';
import { createMcpMessages } from './mcp-messages.ts';
import { routes } from './routes/index.ts';
import type { Overview, PageServing, Serving } from './routes/route.ts';
import { EdgeRefusal, type Problem, problemOf } from './edge-refusal.ts';
import { answerForParser, noRoute } from './parser-refusals.ts';
import { createRecordRefusal, RecordedRefusal } from './record-refusal.ts';
import { listenOnSocket } from './listen-socket.ts';
import { alsoTls } from './also-tls.ts';
import type { OwnCertificate } from './own-certificate.ts';
import type { Rate } from '../../language/rate.ts';
import type { VaultApiOptions } from '../vault-api/contract.ts';
import { createVaultApi } from '../vault-api/vault-api.ts';
import { createVaultRequests, vaultProblem } from './vault-requests.ts';
import { keepCertificate, readTls, type TlsFiles } from './tls-certificate.ts';

export interface ServeOptions {
  readonly broker: Broker;
  readonly agentRuns?: AgentRuns | undefined;
  readonly authenticator: Authenticator;
  readonly operators: CheckClaim;
  readonly trail: Pick<AuditTrail, 'record'>;
  readonly listen: ListenAddress;
  readonly tls?: TlsFiles | undefined;
  /** where there are no such files: what proves this broker to who wants a proof, beside plain HTTP on the same port */
  readonly own?: OwnCertificate | undefined;
  /** path of a Unix socket besides, for this user's own programs; left out where it cannot be had */
  readonly ownSocket?: string | undefined;
  /** names of this server besides loopback's and those of its certificate; with the port where clients use another */
  readonly names?: readonly string[] | undefined;
  readonly log: Logger;
  /** who is told that an issuer's keys cannot be had */
  readonly failures?: Pick<UpstreamFailures, 'told'> | undefined;
  /** the checks of readiness, by name */
  readonly ready: () => Readonly<Record<string, boolean>>;
  readonly wrong?: (() => readonly string[]) | undefined;
  readonly approvals?: Approvals | undefined;
  /** MCP clients are answered, as by this version of the package; absent: they are not */
  readonly mcp?: { readonly version: string } | undefined;
  /** Vault's clients are answered; absent: they are not */
  readonly vaultApi?: (Pick<VaultApiOptions, 'registry' | 'version'> & { readonly rate: Rate | undefined }) | undefined;
  /** what the page asks for; absent: no page is served */
  readonly page?: (PageServing & PageListening) | undefined;
  /** how it is, for the operator */
  readonly overview: () => Promise<Overview>;
  /** for /metrics, besides the server's own */
  readonly readings?: readonly Reading[] | undefined;
  readonly bounds?: Partial<Bounds> | undefined;
  /** milliseconds that what is being answered gets at the end, default 10,000 */
  readonly grace?: number | undefined;
}

/** Where the page is, which is known once the server listens. */
export interface PageListening {
  /** at `http://localhost`: both loopback addresses must be this server's */
  readonly local: boolean;
  listening(port: number): void;
}

export interface RunningServer {
  /** `http://127.0.0.1:7700`; undefined where only a socket is listened on */
  readonly url: string | undefined;
  /** absolute path of the Unix socket */
  readonly socket: string | undefined;
  /** the one that was asked for besides; undefined where it could not be had */
  readonly ownSocket: string | undefined;
  /** Takes nothing new, finishes what is being answered. */
  close(): Promise<void>;
}

type TellProblem = (problem: Problem, id: string, exchange: Exchange) => Answer;

/** HTTP/1.0 has no Host, and load balancers ask with it whether the process lives. */
function isOldProbe({ httpVersion, headers, url }: IncomingMessage): boolean {
  return httpVersion === '1.0' && headers.host === undefined && (url === '/healthz' || url === '/readyz');
}

/** Serves a broker over HTTP until it is closed. @throws FlowError where it cannot listen, or must not */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { broker, authenticator, trail, listen, log, ready, grace = 10_000 } = options;
  const material = options.tls === undefined ? undefined : readTls(options.tls);
  const tcp = tcpAddress(listen, material !== undefined);
  const bounds = boundsWith(options.bounds);
  const lifecycle = createLifecycle(bounds.inFlight);
  const metrics = createMetrics([
    {
      name: 'flows_http_requests_in_flight',
      help: 'Requests being answered',
      type: 'gauge',
      value: lifecycle.inFlight,
    },
    ...(options.readings ?? []),
  ]);
  const addresses = (options.names ?? []).map((name) => name.toLowerCase());
  const ownNames = addresses.map((address) => address.replace(/:\d+$/, ''));
  const isOurs = createHostCheck({
    names: () => [...(material?.names() ?? []), ...ownNames],
    anyAddress: tcp !== undefined && !isLoopbackHost(tcp.host),
  });
  const send = createSend({ metrics, stopping: lifecycle.stopping, ending: lifecycle.ending });
  const failAs = (told: TellProblem) => (exchange: Exchange, route: string, error: unknown) => {
    if (error instanceof RecordedRefusal) {
      send(exchange, route, told({ code: error.code, retryAfter: error.retryAfter }, error.id, exchange), error.id);
      return;
    }
    const id = error instanceof BrokerRefusal ? (error.recordedAs ?? exchange.id) : exchange.id;
    const problem = problemOf(error);
    const cause = error instanceof BrokerRefusal ? (error.cause ?? error) : error;
    if (problem.code === 'internal') log.error({ request: exchange.id, route, error: cause }, 'an unexpected fault');
    send(exchange, route, told(problem, id, exchange), id);
  };
  const fail = failAs((problem, id, { request }) => {
    const accepted = problem.approval !== undefined && respondsAsync(request.headers);
    return accepted ? acceptedAnswer(problem, id) : problemAnswer(problem, id);
  });

  const exchanges = new WeakMap<IncomingMessage, Exchange>();
  const exchangeOf = (request: IncomingMessage): Exchange => {
    const exchange = exchanges.get(request);
    if (exchange === undefined) throw new TypeError('a request that did not come through the front');
    return exchange;
  };
  let description: Answer | undefined;
  const described = () => (description ??= jsonAnswer(openapi()));
  const serving: Serving = {
    broker,
    agentRuns: options.agentRuns,
    ready,
    wrong: options.wrong,
    overview: options.overview,
    page: options.page,
    approvals: options.approvals,
    mcp: options.mcp && createMcpMessages({ ...options.mcp, routes, serving: () => serving, log }),
    metrics: async () => ({ type: metrics.type, text: await metrics.text() }),
    openapi: described,
  };
  const monotonic = () => performance.now();
  const proving = {
    authenticator,
    checkProof: createProofCheck({ isOurs, elsewhere: new Set(addresses), now: Date.now, monotonic }),
    failures: options.failures,
    record: createRecordRefusal({ trail, monotonic, gather: bounds.gather }),
    send,
    proven: lifecycle.proven,
  };
  const { operators, vaultApi } = options;
  const application = createApplication({ ...proving, serving, operators, exchangeOf, fail });
  const answersVault =
    vaultApi &&
    createVaultRequests({
      ...proving,
      api: createVaultApi({
        ...vaultApi,
        broker,
        agentRuns: options.agentRuns,
        ready,
        clock: systemClock,
        record: (event) => trail.record(event).catch((cause: unknown) => Promise.reject(auditRefusal(cause))),
      }),
      rate: vaultApi.rate,
      fail: failAs(vaultProblem),
      monotonic,
    });
  const otherwise = (exchange: Exchange) => {
    exchanges.set(exchange.request, exchange);
    application(exchange.request, exchange.response);
  };
  const answersFromMemory = createMemoryRoutes({
    broker,
    authenticator,
    send,
    fail,
    otherwise,
    proven: lifecycle.proven,
  });

  const front = (request: IncomingMessage, response: ServerResponse) => {
    const exchange: Exchange = { request, response, id: randomUUID(), started: performance.now() };
    try {
      if (!lifecycle.enter(request, response)) throw new EdgeRefusal('overloaded');
      if (!isOurs(request.headers.host) && !isOldProbe(request)) throw new EdgeRefusal('misdirected');
      const file = pageFile(request, options.page?.at());
      if (file !== undefined) return send(exchange, '/', file);
      if (isForPage(request.url)) requirePage(request, options.page?.at());
      else refusePages(request.headers);
      // the absolute form names a host a second time; `*` is for OPTIONS
      if (request.url?.startsWith('/') !== true) throw new EdgeRefusal('invalid-request');
      if (!answersFromMemory(exchange) && answersVault?.(exchange) !== true) otherwise(exchange);
    } catch (error) {
      fail(exchange, noRoute, error);
    }
  };

  const plainServer = (): Server => {
    const server = createServer(bounds.http, front);
    return options.own === undefined ? server : alsoTls(server, options.own, bounds.headers);
  };
  const servers: Server[] = [];
  const opened = (server: Server): Server => {
    servers.push(server);
    bindBounds(server, bounds);
    lifecycle.watch(server);
    answerForParser(server, { fail, metrics, takesList: vaultApi !== undefined });
    return server;
  };
  const socket = listen.socket === undefined ? undefined : resolve(listen.socket);
  let url: string | undefined;
  let { ownSocket } = options;
  const listenOn = (path: string) => listenOnSocket(opened(createServer(bounds.http, front)), path);
  try {
    if (tcp !== undefined) {
      const make = (): Server =>
        opened(
          material === undefined
            ? plainServer()
            : keepCertificate(
                createTlsServer(
                  { ...bounds.http, cert: material.cert, key: material.key, handshakeTimeout: bounds.headers },
                  front,
                ),
                material,
                log,
              ),
        );
      const port =
        options.page?.local === true ? await listenOnLoopback(make, tcp.port) : await listenOnTcp(make(), tcp);
      options.page?.listening(port);
      const host = tcp.host.includes(':') ? `[${tcp.host}]` : tcp.host;
      url = `${material === undefined ? 'http' : 'https'}://${host}:${port}`;
    }
    if (socket !== undefined) await listenOn(socket);
    // another broker of the same folder may have it
    if (ownSocket !== undefined) await listenOn(ownSocket).catch(() => (ownSocket = undefined));
  } catch (error) {
    await lifecycle.stop(servers, 0);
    throw error;
  }
  return {
    url,
    socket,
    ownSocket,
    async close() {
      await lifecycle.stop(servers, grace);
      if (socket !== undefined) rmSync(socket, { force: true });
    },
  };
}
