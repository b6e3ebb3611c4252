import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';

/**
 * `express` or `http`, then the answer's headers and body as JSON: a route that gives these same bytes, and does nothing
 * else. What Express adds of its own (`ETag`, `X-Powered-By`) is turned off, as it is not in the broker's answer.
 */
const [, , kind = '', given = '{}'] = process.argv;
const { headers, body } = JSON.parse(given) as { headers: Record<string, string>; body: string };
const token: unknown = JSON.parse(body);

function bareExpress(): RequestListener {
  const application = express().disable('etag').disable('x-powered-by');
  const { 'Content-Type': _, 'Content-Length': __, ...others } = headers;
  application.post('/v1/tokens/:flow', (_request, response) => {
    response.set(others).json(token);
  });
  return application;
}

const bareHttp: RequestListener = (_request, response) => {
  response.writeHead(200, headers).end(JSON.stringify(token));
};

const server = createServer({ keepAliveTimeout: 60_000 }, kind === 'express' ? bareExpress() : bareHttp);
server.listen(0, '127.0.0.1', () => {
  process.stderr.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
