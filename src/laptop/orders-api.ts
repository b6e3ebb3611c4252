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

const orders = [
  { id: 'A-1001', placed: '2026-11-20', total: { amount: '48.00', currency: 'EUR' }, status: 'shipped' },
  { id: 'A-1002', placed: '2026-11-21', total: { amount: '129.50', currency: 'EUR' }, status: 'paid' },
  { id: 'A-1003', placed: '2026-11-22', total: { amount: '7.25', currency: 'EUR' }, status: 'open' },
];

/** Starts the laptop's Orders API on loopback: `GET /orders` and `GET /orders/ID`. */
export async function startOrdersApi(options: OrdersApiOptions): Promise<OrdersApi> {
  const { issuer, audience, requiredScope, agentClaim = 'act.sub' } = options;
  const actor = [...new Set(['act.sub', agentClaim, 'client_id'])];
  const verifier = createVerifier({ issuer, audience, typ: 'at+jwt', algorithms: ['ES256'], actor });
  let logged: LoggedToken | undefined;
  let requests = 0;
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
  app.get('/orders', (_request, response) => void response.json({ orders }));
  app.get('/orders/:id', (request, response) => {
    const order = orders.find(({ id }) => id === request.params.id);
    if (order === undefined) problem(response, 404, 'there is no such order');
    else response.json(order);
  });
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
