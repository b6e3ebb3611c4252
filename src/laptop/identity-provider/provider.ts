import { randomBytes } from 'node:crypto';
import type { CryptoKey, JWK } from 'jose';
import { Provider } from 'oidc-provider';
import { account, signInPolicy } from './oidc-accounts.ts';
import { attributed } from './attributed-tokens.ts';
import { audienceClaim, defaultResource, resourceServer } from './audiences.ts';
import { acceptLiveSecrets, accountClient, clientMetadata } from './clients.ts';
import type { FaultControl } from './injected-faults.ts';
import { forged } from './forged-tokens.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { LiveSecrets } from './live-secrets.ts';
import type { AgentClaim, ClientSeed } from './options.ts';
import { logoutForm, show } from './provider-pages.ts';
import { logoutPage, messagePage } from './pages.ts';
import { createStorage } from './oidc-storage.ts';
import { revokeJwts } from './revocation.ts';
import { offerTokenExchange } from './token-exchange.ts';
import type { Users } from './users.ts';

export interface ProviderOptions {
  readonly issuer: string;
  readonly clients: readonly ClientSeed[];
  readonly clientSecrets: LiveSecrets;
  readonly scopes: readonly string[];
  readonly users: Users;
  readonly faults: FaultControl;
  readonly issued: IssuedTokens;
  readonly agentClaim: AgentClaim | undefined;
  readonly signingKey: { readonly privateJwk: JWK; readonly key: CryptoKey; readonly kid: string };
}

const hour = 3600;

/** oidc-provider, set up for client credentials and for sign-ins by our pages. */
export function createOpenIdProvider(options: ProviderOptions): Provider {
  const { issuer, users, faults, issued, signingKey } = options;
  const seeds = new Map(options.clients.map((seed) => [seed.clientId, seed]));
  if (seeds.size !== options.clients.length) throw new TypeError('two clients have the same id');
  const policy = signInPolicy(users);

  const provider = new Provider(issuer, {
    adapter: createStorage(),
    clients: [...options.clients.map(clientMetadata), accountClient(issuer)],
    clientAuthMethods: ['client_secret_post', 'client_secret_basic', 'private_key_jwt', 'none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...signingKey.privateJwk, kid: signingKey.kid, alg: 'ES256', use: 'sig' }] },
    scopes: new Set([
      'openid',
      'profile',
      'email',
      ...options.scopes,
      ...options.clients.flatMap((c) => c.scopes ?? []),
    ]),
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name', 'given_name', 'family_name'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    responseTypes: ['code', 'none'],
    pkce: { required: () => true },
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      // a browser sends cookies to every port of a host: names of our own keep other servers' apart
      names: { session: 'flows_idp_session', interaction: 'flows_idp_interaction', resume: 'flows_idp_resume' },
      long: { httpOnly: true, sameSite: 'lax' },
      short: { httpOnly: true, sameSite: 'lax' },
    },
    clientBasedCORS: () => false,
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? 300,
      Grant: hour,
      IdToken: hour,
      Interaction: 600,
      Session: hour,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_context, client, token) => token.clientId === client.clientId,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (context, client) => defaultResource(context, seeds.get(client.clientId), issuer),
        getResourceServerInfo: (context, resource, client) =>
          resourceServer(context, resource, seeds.get(client.clientId)),
        useGrantedResource: () => false,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          const account = users.get(context.oidc.session?.accountId ?? '');
          show(
            context,
            logoutPage(account?.userName, logoutForm(form)),
            context.oidc.params?.['post_logout_redirect_uri'],
          );
        },
        postLogoutSuccessSource: (context) => show(context, messagePage('Signed out', 'You are signed out.')),
      },
    },
    formats: {
      customizers: {
        jwt: (context, token, jwt) => {
          const { act, ...exchanged } = exchangedIn(token) ?? {};
          Object.assign(jwt.payload, exchanged, act === undefined ? {} : { act });
          jwt.payload['aud'] = audienceClaim(context, jwt.payload['aud']);
        },
      },
    },
    extraTokenClaims: (context, token) => ({
      ...seeds.get(token.clientId ?? '')?.claims,
      ...attributed(context, token.clientId ?? '', options.agentClaim),
    }),
    findAccount: (_context, id) => account(users, id),
    interactions: { policy, url: (_context, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: async (context) => {
      const { client, session } = context.oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
    renderError: (context, out) => {
      show(context, messagePage('This did not work', out.error_description ?? out.error));
    },
  });
  acceptLiveSecrets(provider, seeds, options.clientSecrets);
  const exchangedIn = offerTokenExchange(provider, seeds, issued);
  revokeJwts(provider, issued);
  provider.use(async (context, next) => {
    await next();
    const body: unknown = context.body;
    if (context.path !== '/token' || !hasToken(body)) return;
    const forgery = body.access_token.split('.').length === 3 ? faults.takeForgery() : undefined;
    if (forgery === undefined) return;
    context.body = { ...body, access_token: await forged(body.access_token, forgery, signingKey.key, signingKey.kid) };
  });
  return provider;
}

function hasToken(body: unknown): body is { access_token: string } {
  return typeof body === 'object' && body !== null && 'access_token' in body && typeof body.access_token === 'string';
}
