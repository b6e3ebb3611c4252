import { constants, openSync, write } from 'node:fs';
import { Agent, createServer, request, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';

/**
 * `express`, `http` or `durable`, then the answer's headers and body as JSON: a route that gives these same bytes, and
 * does nothing else, but for `durable`, which has a line of each request on the disk before it answers. What Express adds
 * of its own (`ETag`, `X-Powered-By`) is turned off, as it is not in the broker's answer. Or `proxy`, which sends all of it
 * on to `to`, and gives what comes back: a hop, and nothing else.
 */
const [, , kind = '', given = '{}'] = process.argv;
const { headers = {}, body = '{}', to = '' } = JSON.parse(given) as Given;
const token: unknown = JSON.parse(body);

interface Given {
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly to?: string;
}

function bareExpress(): RequestListener {
  const application = express().disable('etag').disable('x-powered-by');
  const { 'Content-Type': _, 'Content-Length': __, ...others } = headers;
  const give: RequestHandler = (_request, response) => void response.set(others).json(token);
  application.post(['/v1/tokens/:flow', '/v1/secrets/resolve'], give);
  application.get('/v1/secret/data/:name', give);
  return application;
}

const bareHttp: RequestListener = (_request, response) => {
  response.writeHead(200, headers).end(JSON.stringify(token));
};

/** What a durable trail costs by itself: groups of lines without a chain, in a file in the current folder. */
function bareDurable(): RequestListener {
  const { O_WRONLY, O_CREAT, O_APPEND, O_DSYNC } = constants;
  const file = openSync('bare-trail', O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, 0o600);
  const line = Buffer.alloc(330, 0x20);
  let waiting: ServerResponse[] = [];
  let writing = false;
  const flush = (): void => {
    const group = waiting;
    waiting = [];
    writing = group.length > 0;
    if (!writing) return;
    write(file, Buffer.alloc(line.length * group.length, line), (error) => {
      if (error !== null) throw error;
      flush();
      for (const response of group) response.writeHead(200, headers).end(JSON.stringify(token));
    });
  };
  return (_request, response) => {
    waiting.push(response);
    if (writing) return;
    writing = true;
    setImmediate(flush);
  };
}

function bareProxy(): RequestListener {
  const agent = new Agent({ keepAlive: true });
  return (incoming, response) => {
    const { method, url: path = '', headers: sent } = incoming;
    const url = new URL(path, to);
    const onward = request(url, { agent, method, headers: { ...sent, host: url.host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  };
}

const listeners: Readonly<Record<string, () => RequestListener>> = {
  express: bareExpress,
  http: () => bareHttp,
  durable: bareDurable,
  proxy: bareProxy,
};
const server = createServer({ keepAliveTimeout: 60_000 }, listeners[kind]?.());
server.listen(0, '127.0.0.1', () => {
  process.stderr.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
