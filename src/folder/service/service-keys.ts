import { durationForm } from '../../language/duration.ts';
import { form, optional, required, withDefault, type Form, type Keys } from '../../language/forms.ts';

const url = form.text({ expects: 'an absolute URL', pattern: /^[a-z][a-z0-9+.-]*:\/\/\S+$/i });
const reference = form.reference('field');
/** One reference, or two while a key is being replaced: new, old. */
const rootKey = form.list(reference, { orOne: true, minimum: 1, maximum: 2 });
const plainValue = form.union(form.text({ allowEmpty: true }), form.number(), form.boolean());
const names = /^[a-z][a-z0-9-]*$/;

const tokenKeys = {
  env: optional(
    form.text({ pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, expects: 'the name of a variable' }),
    'an environment variable that holds the token; also written `${{ env.NAME }}`',
  ),
  file: optional(form.text(), 'a file that holds the token'),
  command: optional(form.list(form.text(), { minimum: 1 }), 'a command that prints the token; run without a shell', {
    example: '[op, read, "op://…"]',
  }),
} satisfies Keys;

const requests = form.number({ integer: true, minimum: 1, maximum: 10_000_000 });

/** Without a plan the numbers are those of the largest, so that nothing is refused that the service would take. */
const quotaKeys = {
  plan: withDefault(
    form.oneOf('business', 'teams', 'individual'),
    'business',
    'the account’s plan at 1Password, whose published limits are kept',
  ),
  hour: optional(requests, 'reads in an hour with this token, instead of the plan’s'),
  'hour-writes': optional(requests, 'writes in an hour with this token, instead of the plan’s'),
  day: optional(requests, 'requests in a day with all tokens of the account, instead of the plan’s'),
  reserve: withDefault(
    form.text({ pattern: /^\d{1,2}%$/, expects: 'a share, as in 10%' }),
    '10%',
    'the share of each limit that only flows with `break-glass: true` may use',
  ),
} satisfies Keys;

export const vaultKeys = {
  type: required(form.oneOf('onepassword'), 'the vault service'),
  vaults: optional(
    form.list(form.text(), { minimum: 1 }),
    'names or ids of the vaults that this entry serves; without it: all that no other entry names',
  ),
  token: optional(form.object(tokenKeys), 'where the service account token is: one of the keys', {
    example: '{ file: /run/credentials/agents }',
  }),
  account: optional(form.text(), 'account name of the desktop app, instead of a token: Touch ID once'),
  quota: optional(form.object(quotaKeys), 'what this machine may ask of the service; for a token', {
    example: '{ plan: teams, reserve: 20% }',
  }),
} satisfies Keys;

const issuerKeys = {
  url: required(url, 'the issuer identifier', { example: 'https://example.eu.auth0.com/' }),
  discovery: withDefault(
    form.oneOf('oidc', 'oauth2'),
    'oidc',
    'which metadata document it has: OpenID Connect Discovery or RFC 8414',
  ),
  typ: optional(form.text(), 'the `typ` header that its JWTs must have; without it `at+jwt` and `JWT` are taken'),
  algorithms: optional(form.list(form.text(), { minimum: 1 }), 'signature algorithms to take', { example: '[ES256]' }),
} satisfies Keys;

const signInKeys = {
  issuer: required(form.text(), 'name of the issuer, in this environment, that its users sign in to'),
  'client-id': required(form.text(), 'a public client for the authorization code flow with PKCE'),
  'redirect-uri': required(url, 'one of the client’s redirect URIs; it is never opened'),
  pages: optional(
    form.oneOf('keycloak'),
    'which forms its pages have; without it `idp/sign-in` and `idp/enroll-totp` are refused',
  ),
} satisfies Keys;

const identityProviderKeys = {
  type: required(form.oneOf('scim'), 'the protocol'),
  url: required(url, 'base URL of the SCIM 2.0 service'),
  'token-flow': required(form.text(), 'name of a flow whose output is the bearer token'),
  'sign-in': optional(form.object(signInKeys), 'how its users sign in'),
} satisfies Keys;

const storeKeys = {
  type: required(form.oneOf('aws-secrets-manager'), 'the service'),
  region: required(
    form.text({ pattern: /^[a-z]{2}(?:-[a-z]+)+-\d$/, expects: 'a region, like eu-west-1' }),
    'the AWS region',
  ),
  account: optional(
    form.text({ pattern: /^\d{12}$/, expects: "an account's 12 digits, in quotes" }),
    'verified before anything else',
    { example: "'123456789012'" },
  ),
  endpoint: optional(url, "another address than AWS's own"),
  profile: optional(form.text(), "a profile of AWS's shared configuration; without it the default credential chain"),
  'fingerprint-key': optional(rootKey, 'key of the version names, instead of the one derived from `key:`'),
} satisfies Keys;

export const cacheKeys = {
  'default-ttl': withDefault(durationForm, '5m', 'how long a value is kept whose name has no `ttl` in registry.yaml'),
  'max-ttl': withDefault(durationForm, '15m', 'the longest that any value is kept, whatever registry.yaml says'),
  'max-entries': withDefault(
    form.number({ integer: true, minimum: 1, maximum: 100_000 }),
    500,
    'values kept; the least recently used one leaves first',
  ),
} satisfies Keys;

const auditKeys = {
  file: optional(form.text(), "the broker's audit trail, JSON lines; without it a file in the user's state folder", {
    example: '/var/lib/auth-chain/audit.jsonl',
  }),
  anchor: optional(form.text(), 'a second file, for checkpoints, on another disk or machine; without it stderr', {
    example: '/mnt/other/audit.anchor',
  }),
} satisfies Keys;

const tlsKeys = {
  certificate: required(form.text(), 'PEM file: the certificate, and those that lead from it to a root'),
  key: required(form.text(), 'PEM file: its private key, which not everyone may read'),
} satisfies Keys;

const serverKeys = {
  host: optional(form.text(), 'an address to listen on, 127.0.0.1 where there is none; any but loopback needs `tls`'),
  port: optional(form.number({ integer: true, minimum: 0, maximum: 65_535 }), 'default 7700; 0: any free one'),
  socket: optional(form.text(), 'a Unix socket, mode 0600; with it TCP is served only where host or port is given', {
    example: '/run/auth-chain/broker.sock',
  }),
  names: optional(
    form.list(form.text({ pattern: /^[a-z0-9.-]+$/i, expects: 'a host name' })),
    'names by which clients call it, besides loopback and those of the certificate',
  ),
  tls: optional(form.object(tlsKeys), 'certificate files', {
    example: '{ certificate: /etc/auth-chain/broker.pem, key: /etc/auth-chain/broker.key }',
  }),
} satisfies Keys;

/** The keys of an environment of service.yaml. */
export const environmentKeys = {
  development: withDefault(
    form.boolean(),
    false,
    "plain http, and vaults outside 1Password's domains, at loopback addresses",
  ),
  vars: optional(form.mapping(plainValue, { keyPattern: names }), 'values that flows read as `${{ vars.NAME }}`'),
  key: optional(rootKey, 'root of our own keys (ownership, fingerprints, audit): one reference, or two, new and old', {
    example: 'op://Agents/auth-chain key/password',
  }),
  vault: optional(form.list(form.object(vaultKeys), { orOne: true, minimum: 1 }), 'one entry, or one for each scope'),
  issuers: optional(
    form.mapping(form.object(issuerKeys), { keyPattern: names }),
    'OAuth 2 authorization servers by name',
  ),
  'identity-providers': optional(
    form.mapping(form.object(identityProviderKeys), { keyPattern: names }),
    'where users live, by name',
  ),
  stores: optional(
    form.mapping(form.object(storeKeys), { keyPattern: names }),
    'where runtimes read their secrets, by name',
  ),
  cache: optional(form.object(cacheKeys), 'how long the broker keeps values, in memory', {
    example: '{ default-ttl: 5m, max-ttl: 15m }',
  }),
  audit: optional(form.object(auditKeys), 'where the broker keeps its audit trail'),
  server: optional(form.object(serverKeys), 'where `flows serve` listens; --host, --port and --socket come first', {
    example: '{ port: 7700 }',
  }),
} satisfies Keys;

/** The keys of service.yaml. */
export const serviceKeys = {
  'default-environment': optional(
    form.text(),
    'the environment where neither --environment nor FLOWS_ENVIRONMENT names one',
  ),
  environments: required(
    form.mapping(form.object(environmentKeys), { keyPattern: names }),
    'the environments by name; `development` without connections is the laptop',
  ),
} satisfies Keys;

export const environmentForm = { kind: 'object', keys: environmentKeys } as const satisfies Form;
