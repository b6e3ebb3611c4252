import { randomBytes, randomUUID } from 'node:crypto';
import express, { type NextFunction, type Request, type Response } from 'express';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { Secret } from '../../foundation/secret.ts';
import { parseOneTimePassword } from '../../foundation/totp.ts';
import { serveOnLoopback } from '../loopback-server.ts';
import { createAttempts } from './failed-attempts.ts';
import { doubles } from './doubles.ts';
import { createFaults } from './injected-faults.ts';
import { createIssuedTokens } from './issued-tokens.ts';
import { createLiveSecrets } from './live-secrets.ts';
import { landingPage } from './landing-page.ts';
import type { Addresses, DevelopmentIdentityProvider, IdentityProviderOptions } from './options.ts';
import { pageHeaders } from './page-headers.ts';
import { messagePage } from './pages.ts';
import { createOpenIdProvider } from './provider.ts';
import { scimApi } from './scim.ts';
import { signInPages } from './sign-in.ts';
import { createUsers } from './users.ts';

export type * from './options.ts';

/**
 * The laptop's identity provider: oidc-provider with client credentials and sign-in pages, and a SCIM API for its
 * users. On loopback only; everything is in memory and ends with it.
 */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<DevelopmentIdentityProvider> {
  const { now = Date.now, report = () => undefined } = options;
  const app = express();
  const server = await serveOnLoopback(app, options.port);
  const issuer = `http://${server.host}`;
  const addresses: Addresses = { issuer, scimUrl: `${issuer}/scim/v2` };
  try {
    const clients = typeof options.clients === 'function' ? options.clients(addresses) : options.clients;
    const users = createUsers(now);
    for (const { password, totpSeed, active, ...fields } of options.users ?? []) {
      const seed = totpSeed === undefined ? undefined : await parseOneTimePassword(totpSeed);
      const factors = seed === undefined ? [] : [{ id: randomUUID(), label: undefined, seed }];
      const user = await users.create({ ...fields, active: active ?? true }, password, factors);
      if (user === undefined) throw new TypeError(`two users are named ${JSON.stringify(fields.userName)}`);
    }
    const attempts = createAttempts(now);
    const faults = createFaults();
    const signingKey = await newSigningKey();
    const issued = createIssuedTokens(issuer, signingKey.publicJwk);
    const clientSecrets = createLiveSecrets(clients, now);
    const provider = createOpenIdProvider({
      issuer,
      clients,
      clientSecrets,
      scopes: options.scopes ?? [],
      users,
      faults,
      issued,
      agentClaim: options.agentClaim,
      signingKey,
    });
    provider.on('server_error', (_context, error) => report(error));
    const count = { token: 0, scim: 0, doubles: 0 };

    app.disable('x-powered-by');
    app.use(faults.date);
    app.use(
      '/token',
      counting(() => (count.token += 1)),
      faults.token,
    );
    app.use('/.well-known', faults.discovery);
    app.use(
      '/scim/v2',
      counting(() => (count.scim += 1)),
      faults.scim,
    );
    app.use('/scim/v2', scimApi({ users, attempts, clientSecrets, ...addresses, issued, token: options.scimToken }));
    const secret = () => new Secret(randomBytes(32).toString('base64url'));
    const { scimToken: bearer = secret(), proof = { clientId: 'none', clientSecret: secret() } } = options;
    const places = doubles.map(({ type, path }): readonly [string, string] => [type, `${issuer}${path}`]);
    for (const { path, mount } of doubles) {
      app.use(
        path.split('/').slice(0, 2).join('/'),
        counting(() => (count.doubles += 1)),
        faults.double,
      );
      app.use(
        mount({
          url: `${issuer}${path}`,
          users,
          clients,
          clientSecrets,
          issued,
          token: bearer,
          proof,
          roles: options.roles ?? {},
          asksCode: faults.asksCode,
          now,
        }),
      );
    }
    app.use(landingPage(provider, users), signInPages({ provider, users, attempts, asksCode: faults.asksCode }));
    app.use(provider.callback());
    app.use(unexpected(report));

    return {
      ...addresses,
      doubles: Object.fromEntries(places),
      requests: () => ({ ...count }),
      faults,
      expirePassword: (userName) => users.expirePassword(users.byUserName(userName)?.id ?? ''),
      user: (userName) => {
        const user = users.byUserName(userName);
        return user === undefined ? undefined : users.state(user);
      },
      users: () => users.all().map((user) => users.state(user)),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function newSigningKey() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const [privateJwk, publicOnly] = await Promise.all([exportJWK(privateKey), exportJWK(publicKey)]);
  const kid = await calculateJwkThumbprint(publicOnly);
  return { key: privateKey, kid, privateJwk, publicJwk: { ...publicOnly, kid, alg: 'ES256', use: 'sig' } };
}

function counting(count: () => void) {
  return (_request: Request, _response: Response, next: NextFunction) => {
    count();
    next();
  };
}

/** Detail is for the log, a fixed text for the browser. */
function unexpected(report: (error: unknown) => void) {
  return (error: unknown, _request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) return next(error);
    const given = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 500;
    const status = given >= 400 && given < 500 ? given : 500;
    if (status === 500) report(error);
    const body = messagePage('This did not work', 'The request cannot be understood, or something is wrong here.');
    response.status(status).set(pageHeaders()).type('html').send(body.text);
  };
}
