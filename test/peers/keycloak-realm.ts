import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { generateSecret } from 'otplib';
import type { Keycloak } from './keycloak.ts';

/** A realm as an operator would set it up for the shipped flows, and what went into it. */
export interface Realm {
  readonly name: string;
  readonly issuer: string;
  readonly scimUrl: string;
  readonly redirectUri: string;
  readonly signInClient: string;
  /** of all confidential clients; with characters that must be encoded */
  readonly clientSecret: string;
  /** PKCS #8, of the client `orders-key` */
  readonly clientKey: string;
  readonly breakGlass: { readonly username: string; readonly password: string; readonly seed: string };
  /** Makes a user, as an operator does by the Admin API. @returns its id */
  addUser(user: NewUser): Promise<string>;
  /** The Admin REST API of this realm. */
  admin(method: string, path: string, body?: unknown): Promise<Response>;
}

export interface NewUser {
  readonly username: string;
  readonly password: string;
  readonly seed?: string;
  readonly requiredActions?: readonly string[];
  readonly enabled?: boolean;
}

export const audience = 'https://orders.example';
const signInClient = 'flows-sign-in';

/** Settings with which a code counts more than once in its time step: or each sign-in waits for the next one. */
export const reusableCodes = {
  otpPolicyCodeReusable: true,
  otpPolicyType: 'totp',
  otpPolicyAlgorithm: 'HmacSHA1',
  otpPolicyDigits: 6,
  otpPolicyPeriod: 30,
  otpPolicyLookAheadWindow: 1,
};

/** @param settings of the realm, beside what the flows need */
export async function makeRealm(
  keycloak: Keycloak,
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Realm> {
  const issuer = `${keycloak.url}/realms/${name}`;
  const scimUrl = `${issuer}/scim/v2`;
  const redirectUri = `${keycloak.url}/flows/callback`;
  const clientSecret = `${randomBytes(18).toString('base64')} +%2F&=:ü`;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] };
  const breakGlass = {
    username: 'break-glass@example.com',
    password: randomBytes(24).toString('base64url'),
    seed: generateSecret(),
  };
  const machine = {
    secret: clientSecret,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    fullScopeAllowed: false,
  };
  const orders = { ...machine, protocolMappers: [audienceMapper(audience)] };
  const admin: Keycloak['admin'] = (method, path, body) => keycloak.admin(method, `/${name}${path}`, body);

  await keycloak.admin('POST', '', {
    realm: name,
    enabled: true,
    scimApiEnabled: true,
    passwordPolicy: 'length(14)',
    // as in production: two wrong answers within a second lock a user for a minute
    bruteForceProtected: true,
    eventsEnabled: true,
    ...settings,
    clients: [
      { clientId: 'orders', ...orders },
      // as it is by default: `aud` is a list then
      { clientId: 'orders-full-scope', ...orders, fullScopeAllowed: true },
      {
        clientId: 'orders-key',
        ...orders,
        clientAuthenticatorType: 'client-jwt',
        attributes: { 'use.jwks.string': 'true', 'jwks.string': JSON.stringify(jwks) },
      },
      {
        clientId: 'orders-rfc9068',
        ...orders,
        attributes: { 'access.token.header.type.rfc9068': 'true', 'access.token.signed.response.alg': 'ES256' },
      },
      { clientId: 'no-audience', ...machine },
      // an agent with a client of its own, and a broker that exchanges what it gets for a token for an API
      { clientId: 'agent-codex', ...machine, protocolMappers: [clientAudienceMapper('broker')] },
      {
        clientId: 'broker',
        ...machine,
        protocolMappers: [clientAudienceMapper('orders-api')],
        attributes: { 'standard.token.exchange.enabled': 'true' },
      },
      { clientId: 'orders-api', ...machine },
      { clientId: 'disabled', ...orders, enabled: false },
      { clientId: 'no-grant', ...orders, serviceAccountsEnabled: false, standardFlowEnabled: true },
      // the role that it has does the rest: see below
      { clientId: 'provisioning', ...machine, fullScopeAllowed: true, protocolMappers: [audienceMapper(scimUrl)] },
      // the same by the Admin REST API, and clients besides
      { clientId: 'rest-provisioning', ...machine, fullScopeAllowed: true },
      {
        clientId: signInClient,
        publicClient: true,
        standardFlowEnabled: true,
        redirectUris: [redirectUri],
        attributes: { 'pkce.code.challenge.method': 'S256' },
      },
    ],
    users: [
      {
        username: 'service-account-provisioning',
        enabled: true,
        serviceAccountClientId: 'provisioning',
        clientRoles: { 'realm-management': ['manage-users'] },
      },
      {
        username: 'service-account-rest-provisioning',
        enabled: true,
        serviceAccountClientId: 'rest-provisioning',
        clientRoles: { 'realm-management': ['manage-users', 'manage-clients'] },
      },
    ],
  });
  // every new user is asked for a one-time password
  const configure = await (await admin('GET', '/authentication/required-actions/CONFIGURE_TOTP')).json();
  await admin('PUT', '/authentication/required-actions/CONFIGURE_TOTP', {
    ...(configure as object),
    defaultAction: true,
  });
  // where the mark of ownership is kept; without it Keycloak drops an externalId
  const profile = (await (await admin('GET', '/users/profile')).json()) as { attributes: object[] };
  await admin('PUT', '/users/profile', {
    ...profile,
    attributes: [
      ...profile.attributes,
      {
        name: 'externalId',
        permissions: { view: ['admin'], edit: ['admin'] },
        annotations: { 'kc.scim.schema.attribute': 'externalId' },
      },
    ],
  });
  await addOptionalScope(admin, 'orders:read');

  const addUser = async ({ username, password, seed, requiredActions = [], enabled = true }: NewUser) => {
    const made = await admin('POST', '/users', {
      username,
      email: username,
      emailVerified: true,
      firstName: 'Ada',
      lastName: 'Example',
      enabled,
      credentials: [
        { type: 'password', value: password, temporary: false },
        ...(seed === undefined ? [] : [oneTimePassword(seed)]),
      ],
    });
    const id = made.headers.get('location')?.split('/').at(-1) ?? '';
    // the default action is given to everybody who is made
    await admin('PUT', `/users/${id}`, { requiredActions });
    return id;
  };
  await addUser(breakGlass);
  return {
    ...{ name, issuer, scimUrl, redirectUri, signInClient, clientSecret, breakGlass },
    clientKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    addUser,
    admin,
  };
}

/** A scope that the clients for orders may ask for. A realm that lists scopes itself would be without the usual ones. */
async function addOptionalScope(admin: Realm['admin'], name: string): Promise<void> {
  const scope = { name, protocol: 'openid-connect', attributes: { 'include.in.token.scope': 'true' } };
  const made = await admin('POST', '/client-scopes', scope);
  const id = made.headers.get('location')?.split('/').at(-1) ?? '';
  const clients = (await (await admin('GET', '/clients')).json()) as { id: string; clientId: string }[];
  for (const client of clients.filter(({ clientId }) => /^(?:orders|no-|disabled)/.test(clientId))) {
    await admin('PUT', `/clients/${client.id}/optional-client-scopes/${id}`);
  }
}

function clientAudienceMapper(client: string) {
  const mapper = audienceMapper(client);
  return { ...mapper, config: { 'included.client.audience': client, 'access.token.claim': 'true' } };
}

export function audienceMapper(value: string) {
  return {
    name: 'audience',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: { 'included.custom.audience': value, 'access.token.claim': 'true' },
  };
}

function oneTimePassword(seed: string) {
  const facts = { subType: 'totp', digits: 6, counter: 0, period: 30, algorithm: 'HmacSHA1', secretEncoding: 'BASE32' };
  return {
    type: 'otp',
    userLabel: 'vault',
    secretData: JSON.stringify({ value: seed }),
    credentialData: JSON.stringify(facts),
  };
}
