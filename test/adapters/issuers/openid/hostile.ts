import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactSign, exportJWK, exportSPKI, generateKeyPair, type JWTHeaderParameters } from 'jose';

export type Handler = (
  request: IncomingMessage & { readonly form: URLSearchParams },
  response: ServerResponse,
) => void | Promise<void>;

export type HostileIssuer = Awaited<ReturnType<typeof startHostileIssuer>>;

/** An issuer whose every answer a test can bend: handlers by path come first. It signs real ES256 tokens. */
export async function startHostileIssuer() {
  let keys = await newKeys('one');
  const handlers = new Map<string, Handler>();
  const seen: { path: string; form: URLSearchParams; authorization: string | undefined }[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += String(part);
    const path = request.url ?? '';
    const form = new URLSearchParams(body);
    seen.push({ path, form, authorization: request.headers.authorization });
    const handler = handlers.get(path) ?? defaults[path];
    if (handler === undefined) json(response, { error: 'not_found' }, 404);
    else await handler(Object.assign(request, { form }), response);
  }

  const metadata = {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['token'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
  };
  const defaults: Readonly<Record<string, Handler>> = {
    '/.well-known/openid-configuration': (_, response) => {
      json(response, metadata);
    },
    '/jwks': async (_, response) => {
      json(response, { keys: [await keys.jwk()] });
    },
    '/token': async ({ form }, response) => {
      const audience = form.get('audience') ?? undefined;
      json(response, {
        access_token: await sign({ ...(audience === undefined ? {} : { aud: audience }) }),
        token_type: 'Bearer',
        expires_in: 300,
      });
    },
  };

  /** A token with these claims over good ones; undefined leaves one out. */
  async function sign(
    claims: Record<string, unknown> = {},
    header: Partial<JWTHeaderParameters> = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: issuer, sub: 'c', iat: now, exp: now + 300, ...claims };
    const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new CompactSign(Buffer.from(JSON.stringify(kept)))
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: keys.kid, ...header })
      .sign(keys.privateKey, { crit: { x: true } });
  }

  return {
    issuer,
    metadata,
    handlers,
    seen,
    sign,
    /** requests to a path */
    count: (path: string) => seen.filter((each) => each.path === path).length,
    keys: async () => [await keys.jwk()],
    /** its public key, as an attacker takes it for an HMAC secret */
    publicPem: () => exportSPKI(keys.publicKey),
    rotate: async (kid: string) => {
      keys = await newKeys(kid);
    },
    reset: () => {
      handlers.clear();
      seen.length = 0;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function newKeys(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { kid, privateKey, publicKey, jwk: async () => ({ ...(await exportJWK(publicKey)), kid, use: 'sig' }) };
}

export function json(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
