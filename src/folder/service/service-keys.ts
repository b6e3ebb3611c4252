import { durationForm } from '../../language/duration-form.ts';
import { issuerKeys } from '../../adapters/issuers/adapter.ts';
import { credentialKeys } from '../../adapters/issuers/client.ts';
import { storeKeys } from '../../adapters/stores/adapter.ts';
import { vaultKeys } from '../../adapters/vaults/adapter.ts';
import type { Adapters } from '../../adapters/adapters.ts';
import { form, optional, required, withDefault, type Keys, type Typed } from '../../language/forms.ts';
import { rateForm } from '../../language/rate.ts';
import { rootKeyForm } from '../../language/root-key.ts';

const plainValue = form.union(form.text({ allowEmpty: true }), form.number(), form.boolean());
const names = /^[a-z][a-z0-9-]*$/;

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
  flush: withDefault(
    form.oneOf('first', 'every'),
    'first',
    'what waits for the disk before it is answered: `first`, all but the repeat of a grant that the agent has already, and the end of a run that only reads and whose beginning is there, which are there within 50 ms; `every`, those too',
  ),
} satisfies Keys;

const tlsKeys = {
  certificate: required(form.text(), 'PEM file: the certificate, and those that lead from it to a root'),
  key: required(form.text(), 'PEM file: its private key, which not everyone may read'),
} satisfies Keys;

const vaultApiKeys = {
  rate: optional(rateForm, 'the most requests of one agent there, besides its own rate in policy.yaml', {
    example: '600/minute',
  }),
} satisfies Keys;

const serverKeys = {
  host: optional(form.text(), 'an address to listen on, 127.0.0.1 where there is none; any but loopback needs `tls`'),
  port: optional(form.number({ integer: true, minimum: 0, maximum: 65_535 }), 'default 7700; 0: any free one'),
  socket: optional(form.text(), 'a Unix socket, mode 0600; with it TCP is served only where host or port is given', {
    example: '/run/auth-chain/broker.sock',
  }),
  names: optional(
    form.list(form.text({ pattern: /^[a-z0-9.-]+(?::\d{1,5})?$/i, expects: 'a host name, or one with a port' })),
    'names by which clients call it, besides loopback and those of the certificate; with its port where that is not the one it listens on: DPoP proofs name it',
    { example: '[flows.example:443]' },
  ),
  page: optional(
    form.union(
      form.boolean(),
      form.text({ pattern: /^https:\/\/[a-z0-9.-]+(?::\d{1,5})?$/, expects: 'an https origin' }),
    ),
    'the page on which people approve: `true` at `http://localhost` and the port, or the https origin by which they reach it, for whose host name passkeys are made; without it on the laptop alone',
    { example: 'https://flows.example' },
  ),
  mcp: withDefault(form.boolean(), false, 'answer MCP clients at `POST /mcp`, each as the agent of its bearer token'),
  'vault-api': optional(
    form.object(vaultApiKeys),
    "answer Vault's clients, each as the agent of its token: `secret/` and `kv/` have the names of registry.yaml, `totp/` the flows that give a one-time code",
    { example: '{}' },
  ),
  tls: optional(form.object(tlsKeys), 'certificate files', {
    example: '{ certificate: /etc/auth-chain/broker.pem, key: /etc/auth-chain/broker.key }',
  }),
} satisfies Keys;

const pageClientKeys = {
  issuer: required(form.text(), 'the issuer, as `trust:` of approvers has it in policy.yaml', {
    example: 'https://login.example',
  }),
  'client-id': required(form.text(), "the page's client there: the `audience` of that `trust:`", {
    example: 'flows-page',
  }),
  ...credentialKeys,
} satisfies Keys;

const runsKeys = {
  database: optional(
    form.tokenSource(),
    "where the address of a PostgreSQL is that keeps the broker's runs: one of the keys; without it a database in the broker's process, in the user's state folder",
    { example: '{ file: /run/credentials/runs-database }' },
  ),
} satisfies Keys;

const mcpKeys = {
  tools: optional(
    form.list(form.text({ names: 'flows' })),
    'flows that are tools of their own, for the agents that may run them; a hyphen in a name is an underscore there',
    { example: '[create-order]' },
  ),
} satisfies Keys;

/** The keys of an environment of service.yaml: what stands in a connection is its adapter's. */
export function environmentKeysOf(adapters: Adapters) {
  const named = <T>(connection: Typed<T>) => form.mapping(connection, { keyPattern: names });
  return {
    development: withDefault(
      form.boolean(),
      false,
      "plain http, and vaults outside 1Password's domains, at loopback addresses",
    ),
    vars: optional(form.mapping(plainValue, { keyPattern: names }), 'values that flows read as `${{ vars.NAME }}`'),
    proxy: optional(
      form.text(),
      'a forward proxy for every connection but those to loopback, instead of HTTPS_PROXY; NO_PROXY holds for it too. One with a password comes from `${{ env.NAME }}`',
      { example: 'http://proxy.example:3128' },
    ),
    key: optional(
      rootKeyForm,
      'root of our own keys (ownership, fingerprints, audit): one reference, or two, new and old',
      { example: 'op://Agents/auth-chain key/password' },
    ),
    vault: optional(
      form.list(form.byType(adapters.vaults, { description: 'the vault service', common: vaultKeys }), {
        orOne: true,
        minimum: 1,
      }),
      'one entry, or one for each scope',
    ),
    issuers: optional(
      named(
        form.byType(adapters.issuers, {
          description: 'the protocol',
          common: issuerKeys,
          // the first one is what an issuer is where nothing else is said
          default: [...adapters.issuers.keys()][0] ?? '',
        }),
      ),
      'OAuth 2 authorization servers by name',
    ),
    'identity-providers': optional(
      named(form.byType(adapters['identity-providers'], { description: 'the protocol' })),
      'where users live, by name',
    ),
    stores: optional(
      named(form.byType(adapters.stores, { description: 'the service', common: storeKeys })),
      'where runtimes read their secrets, by name',
    ),
    apis: optional(
      named(form.byType(adapters.apis, { description: 'the protocol', default: [...adapters.apis.keys()][0] ?? '' })),
      'HTTP APIs that flows ask, by name: where a request may go, and where its credential stands in it',
      {
        example: "{ orders: { url: https://orders.example, methods: [GET, POST], paths: [/orders, '/orders/{id}'] } }",
      },
    ),
    notify: optional(
      named(form.byType(adapters.channels, { description: 'the service' })),
      'channels by which people are told, by name: of what waits for their yes, and of break-glass runs',
    ),
    'page-clients': optional(
      form.list(form.object(pageClientKeys), { orOne: true, minimum: 1, maximum: 100 }),
      "the page's clients at issuers where approvers sign in that must authenticate; without an entry one is public",
      {
        example: '{ issuer: https://login.example, client-id: flows-page, client-secret: op://Agents/Page/credential }',
      },
    ),
    cache: optional(form.object(cacheKeys), 'how long the broker keeps values, in memory', {
      example: '{ default-ttl: 5m, max-ttl: 15m }',
    }),
    audit: optional(form.object(auditKeys), 'where the broker keeps its audit trail'),
    runs: optional(
      form.object(runsKeys),
      'where the broker keeps runs of flows that write, and what waits for people',
      {
        example: '{ database: { file: /run/credentials/runs-database } }',
      },
    ),
    mcp: optional(form.object(mcpKeys), 'what MCP clients are shown', { example: '{ tools: [create-order] }' }),
    server: optional(form.object(serverKeys), 'where `flows serve` listens; --host, --port and --socket come first', {
      example: '{ port: 7700 }',
    }),
  } satisfies Keys;
}

/** The keys of service.yaml. */
export function serviceKeysOf(adapters: Adapters) {
  return {
    'default-environment': optional(
      form.text(),
      'the environment where neither --environment nor FLOWS_ENVIRONMENT names one',
    ),
    environments: required(
      form.mapping(form.object(environmentKeysOf(adapters)), { keyPattern: names }),
      'the environments by name; `development` without connections is the laptop',
    ),
  } satisfies Keys;
}
