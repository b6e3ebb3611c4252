import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer } from 'node:tls';
import { selfSigned } from '../surfaces/server/certificate.ts';

export interface ForwardProxy {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  /** PEM of all names, for NODE_EXTRA_CA_CERTS */
  readonly certificates: string;
  /** `host:port` of each CONNECT, and whatever else came as `METHOD url` */
  readonly asked: string[];
  /** `Proxy-Authorization` that is wanted; undefined: none */
  credentials: string | undefined;
  /** takes the connection and never answers */
  silent: boolean;
  close(): void;
}

export const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

/** A CONNECT proxy that counts, and behind it what answers at port 443 of each name, over TLS. */
export async function startForwardProxy(targets: Readonly<Record<string, number>>): Promise<ForwardProxy> {
  const signed = new Map(Object.keys(targets).map((name) => [name, selfSigned(name)]));
  const open = new Set<Socket>();
  const tls = createTlsServer({
    SNICallback(name, done) {
      const own = signed.get(name);
      done(null, own && createSecureContext({ cert: own.certificate, key: own.key }));
    },
  });
  tls.on('secureConnection', (secure) => {
    const plain = connect(targets[String(secure.servername)] ?? 0, '127.0.0.1');
    secure.pipe(plain).pipe(secure);
    for (const each of [secure, plain]) each.on('error', () => void [secure.destroy(), plain.destroy()]);
  });
  await new Promise<void>((listening) => tls.listen(0, '127.0.0.1', listening));

  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(502).end();
  });
  const proxy: ForwardProxy = {
    address: '',
    certificates: [...signed.values()].map(({ certificate }) => certificate).join(''),
    asked,
    credentials: undefined,
    silent: false,
    close() {
      for (const each of open) each.destroy();
      server.close();
      tls.close();
    },
  };
  for (const each of [server, tls])
    each.on('connection', (socket: Socket) => open.add(socket.on('error', () => open.delete(socket))));
  server.on('connect', (request, socket: Socket) => {
    asked.push(String(request.url));
    if (proxy.silent) return;
    const { credentials } = proxy;
    const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const [name = ''] = String(request.url).split(':');
    if (!signed.has(name)) return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const behind = connect(portOf(tls), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(behind).pipe(socket);
    });
    behind.on('error', () => socket.destroy());
    socket.on('error', () => behind.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return Object.assign(proxy, { address: `http://127.0.0.1:${portOf(server)}` });
}

/** Any HTTP server on loopback. */
export async function startPlain(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}
