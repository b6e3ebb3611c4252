import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly cookie: string;
}

export interface IssuerOptions {
  /** pages by path; `{authorize}` is answered by the first that is asked for */
  readonly routes: Readonly<Record<string, (seen: Seen, response: ServerResponse, issuer: HostileIssuer) => void>>;
  readonly metadata?: (issuer: string) => object;
  readonly claims?: (claims: JWTPayload) => JWTPayload;
  /** the ID token is signed by a key that is not in the key set, or by none */
  readonly foreignKey?: boolean;
  readonly unsigned?: boolean;
  readonly token?: (body: object) => object;
}

export interface HostileIssuer {
  readonly url: string;
  readonly seen: Seen[];
  /** the authorization request */
  request(): URLSearchParams;
  close(): void;
}

export function html(response: ServerResponse, body: string, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/html', ...headers });
  response.end(`<!doctype html><title>A page</title>${body}`);
}

export function redirect(response: ServerResponse, location: string, status = 302): void {
  response.writeHead(status, { location });
  response.end();
}

/** Back to the client with the answer that it waits for, or with a changed one. */
export function answer(response: ServerResponse, issuer: HostileIssuer, changes: Record<string, string> = {}): void {
  const url = new URL(issuer.request().get('redirect_uri') ?? '');
  const fields = { code: 'a-code', state: issuer.request().get('state') ?? '', iss: issuer.url, ...changes };
  for (const [name, value] of Object.entries(fields)) if (value !== '') url.searchParams.set(name, value);
  redirect(response, url.href);
}

export const loginForm = (action: string, method = 'post') =>
  `<form id="kc-form-login" method="${method}" action="${action}">
    <input name="username"><input name="password" type="password"><input type="hidden" name="credentialId" value="">
  </form>`;

/** An OpenID provider that does what a test says. */
export async function startHostileIssuer(options: IssuerOptions): Promise<HostileIssuer> {
  const [keys, others] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'ES256', use: 'sig' };
  const seen: Seen[] = [];
  const json = (response: ServerResponse, body: object) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const idToken = async (issuer: string, request: URLSearchParams) => {
    const now = Math.floor(Date.now() / 1000);
    const claims: JWTPayload = {
      iss: issuer,
      sub: 'ada',
      aud: request.get('client_id') ?? '',
      nonce: request.get('nonce') ?? '',
      iat: now,
      exp: now + 60,
    };
    const said = options.claims?.(claims) ?? claims;
    if (options.unsigned === true) return new UnsecuredJWT(said).encode();
    return new SignJWT(said)
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .sign(options.foreignKey === true ? others.privateKey : keys.privateKey);
  };
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', issuer.url);
      const one: Seen = {
        method: incoming.method ?? '',
        path: pathname,
        query: searchParams,
        form: new URLSearchParams(Buffer.concat(parts).toString()),
        cookie: incoming.headers.cookie ?? '',
      };
      seen.push(one);
      const route = options.routes[pathname];
      if (route !== undefined) return route(one, response, issuer);
      if (pathname === '/.well-known/openid-configuration') {
        const metadata = {
          issuer: issuer.url,
          authorization_endpoint: `${issuer.url}/authorize`,
          token_endpoint: `${issuer.url}/token`,
          jwks_uri: `${issuer.url}/jwks`,
          response_types_supported: ['code'],
          id_token_signing_alg_values_supported: ['ES256'],
          authorization_response_iss_parameter_supported: true,
        };
        return json(response, { ...metadata, ...options.metadata?.(issuer.url) });
      }
      if (pathname === '/jwks') return json(response, { keys: [jwk] });
      if (pathname === '/authorize') return html(response, loginForm('/login'));
      if (pathname === '/login') return answer(response, issuer);
      if (pathname !== '/token') return html(response, 'nothing here', 404);
      const body = { access_token: 'an-access-token', token_type: 'Bearer' };
      void idToken(issuer.url, issuer.request())
        .then((token) => ({ ...body, id_token: token }))
        .then((whole) => json(response, options.token?.(whole) ?? whole));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const issuer: HostileIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    request: () => seen.findLast(({ path }) => path === '/authorize')?.query ?? new URLSearchParams(),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return issuer;
}
