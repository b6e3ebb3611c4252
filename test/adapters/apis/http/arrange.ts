import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import type { ApiRequest, ApiRules } from '../../../../src/adapters/apis/contract.ts';
import { createHttpApi, type HttpApiOptions } from '../../../../src/adapters/apis/http/api.ts';
import { createWay } from '../../../../src/foundation/proxy.ts';
import { Secret } from '../../../../src/foundation/secret.ts';

export const rules: ApiRules = {
  methods: ['GET', 'POST', 'PUT'],
  paths: ['/orders', '/orders/{id}'],
  credential: { header: 'authorization', bearer: true },
  keyed: false,
};

/** A JWT by its looks. */
export const credential = new Secret(
  `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('{"sub":"canary","scope":"orders"}').toString('base64url')}.canary-signature-0123456789_-`,
);

export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export const request = (changes: Partial<ApiRequest> = {}): ApiRequest => ({
  method: 'GET',
  path: '/orders',
  credential,
  fields: ['id', 'note'],
  most: 64 * 1024,
  ...changes,
});

/** An API whose answers a test bends, and ours that asks it. */
export async function startApi() {
  const asked: Asked[] = [];
  const answers: { next: RequestListener } = { next: json({ id: 'A-1' }) };
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => void parts.push(part));
    incoming.on('end', () => {
      const { method, url, headers, rawHeaders } = incoming;
      asked.push({ method, url, headers, rawHeaders, body: Buffer.concat(parts).toString() });
      answers.next(incoming, response);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    server,
    answers,
    api: (changes: Partial<HttpApiOptions> = {}) => apiAt(url, changes),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export function apiAt(url: string, changes: Partial<HttpApiOptions> = {}) {
  return createHttpApi({
    name: 'orders',
    url,
    rules,
    networks: [],
    timeout: 20_000,
    inFlight: 5,
    development: true,
    now: () => Date.parse('2026-11-29T12:00:00Z'),
    way: createWay(undefined),
    ...changes,
  });
}

/** Answers JSON. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** A resolver that gives these addresses, for any name. */
export const leadsTo = (...addresses: readonly string[]): LookupFunction => {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_name, _options, done) => done(null, found);
};
