import express, { type NextFunction, type Request, type Response } from 'express';
import { createVerifier, requireToken, type WithAuth } from '../verify/index.ts';
import { serveOnLoopback } from './loopback-server.ts';

export interface OrdersApiOptions {
  /** whose tokens it takes */
  readonly issuer: string;
  /** what it is called in a token's `aud` */
  readonly audience: string;
  /** scope that a token must have, default none */
  readonly requiredScope?: string;
  /** the claim of a token that names the agent, besides `act.sub`; default none */
  readonly agentClaim?: string | undefined;
  /** default 0: any free one */
  readonly port?: number;
}

/** A small API that wants a token, as a team would write it with `auth-chain/verify`. */
export interface OrdersApi {
  readonly url: string;
  /** requests since it was started, refused ones too */
  requests(): number;
  /** what its log has of the last request that it let in */
  lastLogged(): LoggedToken | undefined;
  close(): Promise<void>;
}

export interface LoggedToken {
  readonly jti: unknown;
  /** who acts, and where the token says so */
  readonly actor: string | undefined;
  readonly actorFrom: string | undefined;
}

interface Order {
  readonly id: string;
  readonly placed: string;
  readonly status: string;
  readonly total?: { readonly amount: string; readonly currency: string };
  readonly article?: string;
  readonly quantity?: number;
}

const placedBefore: readonly Order[] = [
  { id: 'A-1001', placed: '2026-11-20', total: { amount: '48.00', currency: 'EUR' }, status: 'shipped' },
  { id: 'A-1002', placed: '2026-11-21', total: { amount: '129.50', currency: 'EUR' }, status: 'paid' },
  { id: 'A-1003', placed: '2026-11-22', total: { amount: '7.25', currency: 'EUR' }, status: 'open' },
];

/** orders that are kept of those that are made, and of their keys */
const most = 1_000;

/**
 * Starts the laptop's Orders API on loopback: `GET /orders`, `GET /orders/ID` and `POST /orders`, which makes one order for
 * one `Idempotency-Key`. As APIs do that nobody meant to, `/echo` repeats what it is sent, and `/moved` leads elsewhere.
 */
export async function startOrdersApi(options: OrdersApiOptions): Promise<OrdersApi> {
  const { issuer, audience, requiredScope, agentClaim = 'act.sub' } = options;
  const actor = [...new Set(['act.sub', agentClaim, 'client_id'])];
  const verifier = createVerifier({ issuer, audience, typ: 'at+jwt', algorithms: ['ES256'], actor });
  let logged: LoggedToken | undefined;
  let requests = 0;
  let made = 0;
  const orders = [...placedBefore];
  const byKey = new Map<string, Order>();
  const app = express();
  app.disable('x-powered-by');
  app.use((_request, _response, next) => {
    requests += 1;
    next();
  });
  app.use(
    '/orders',
    requireToken(verifier, { realm: 'orders', scopes: requiredScope === undefined ? [] : [requiredScope] }),
  );
  app.use('/orders', (request: Request & WithAuth, _response: Response, next: NextFunction) => {
    const { claims, actor: who, actorFrom } = request.auth ?? {};
    logged = { jti: claims?.['jti'], actor: who, actorFrom };
    next();
  });
  app.post('/orders', express.json(), (request: Request, response: Response) => {
    const { article, quantity } = (request.body ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof article !== 'string' || typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1)
      return problem(response, 422, 'an order has an article, and a whole quantity');
    const key = request.get('idempotency-key') ?? '';
    const before = byKey.get(key);
    made += before === undefined ? 1 : 0;
    const id = `A-${1003 + made}`;
    const order = before ?? { id, placed: new Date().toISOString().slice(0, 10), article, quantity, status: 'open' };
    if (before === undefined && orders.push(order) > most) orders.shift();
    if (key !== '') byKey.set(key, order);
    const [oldest] = byKey.keys();
    if (byKey.size > most && oldest !== undefined) byKey.delete(oldest);
    response.status(201).location(`/orders/${order.id}`).json(order);
  });
  app.get('/orders', (_request, response) => void response.json({ orders }));
  app.get('/orders/:id', (request, response) => {
    const order = orders.find(({ id }) => id === request.params.id);
    if (order === undefined) problem(response, 404, 'there is no such order');
    else response.json(order);
  });
  app.all('/echo', express.text({ type: () => true }), ({ method, headers, body }: Request, response: Response) =>
    response.json({ method, headers, body: body as unknown }),
  );
  app.all('/moved', (_request, response) => response.redirect(307, 'https://elsewhere.example/orders'));
  app.use((_request, response) => problem(response, 404, 'there is no such resource; try /orders'));
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error);
    else problem(response, 500, 'an unexpected fault');
  });
  const server = await serveOnLoopback(app, options.port);
  return {
    url: `http://${server.host}`,
    requests: () => requests,
    lastLogged: () => logged,
    close: () => server.close(),
  };
}

function problem(response: Response, status: number, title: string): void {
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status }));
}
