import { quotaOf } from '../../../src/adapters/vaults/onepassword/quota-settings.ts';
import { describe, expect, it } from 'vitest';
import { requireSafeAddress } from '../../../src/foundation/safe-address.ts';
import { attributionOf, type Environment, tokenVariables } from '../../../src/folder/service/settings.ts';
import { load, service, told } from '../folder.ts';

const tokenFlow = `description: d
steps:
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: x, client-secret: op://Agents/x/y }
output: \${{ steps.token }}
`;
const provider = `    identity-providers:
      main: { type: scim, url: https://issuer.example/scim/, token-flow: scim-token }
`;
const small = (lines: string) => `environments:\n  production:\n${lines}`;

describe('service.yaml', () => {
  it('takes a command that names a reference, which the command reads', async () => {
    const command = ['op', 'read', 'op://Oncall/flows token/credential'];
    const text = small(`    vault: { type: onepassword, token: { command: [${command.join(', ')}] } }\n`);
    const folder = await load({ 'service.yaml': text });
    expect(told(folder)).toEqual([]);
    expect(folder.settings.environments.get('production')?.vaults[0]?.settings).toMatchObject({ token: { command } });
  });

  it('is parsed into environments', async () => {
    const { settings, ...folder } = await load({ 'service.yaml': service + provider, 'scim-token.yaml': tokenFlow });
    expect(told({ settings, ...folder })).toEqual([]);
    const production = settings.environments.get('production');
    expect(production).toMatchObject({
      laptop: false,
      development: false,
      vaults: [
        {
          type: 'onepassword',
          vaults: ['Agents'],
          settings: { type: 'onepassword', vaults: ['Agents'], token: { env: 'AGENTS_TOKEN' } },
        },
        {
          type: 'onepassword',
          vaults: ['Accounts'],
          settings: { type: 'onepassword', vaults: ['Accounts'], account: 'acme' },
        },
      ],
      cache: { defaultTtl: 300, maxTtl: 900, maxEntries: 500 },
      unset: [],
    } satisfies Partial<Environment>);
    expect(production?.key.map(String)).toEqual(['op://Agents/key/password']);
    expect(production?.connections.issuers.get('main')).toMatchObject({
      type: 'openid',
      url: 'https://issuer.example/',
      discovery: 'oidc',
    });
    expect(production?.connections['identity-providers'].get('main')).toMatchObject({ 'token-flow': 'scim-token' });
    expect(production?.named).toMatchObject([{ of: 'flows', name: 'scim-token', by: { name: 'main' } }]);
    expect(production?.connections.stores.get('aws')).toMatchObject({ account: '123456789012' });
    expect(production?.connections.stores.get('aws')).not.toHaveProperty('fingerprint-key');
    expect(settings.environments.get('development')?.laptop).toBe(true);
    expect(settings.environments.get('development')?.vars.get('prefix')).toBe('prod');
    expect(settings.defaultEnvironment).toBe('production');
  });

  it.each([
    ['{}', { hour: 10_000, hourWrites: 1_000, day: 50_000, reserve: 0.1 }],
    ['{ plan: teams }', { hour: 1_000, hourWrites: 100, day: 5_000, reserve: 0.1 }],
    ['{ plan: individual, reserve: 25% }', { hour: 1_000, hourWrites: 100, day: 1_000, reserve: 0.25 }],
    ['{ hour: 20, hour-writes: 5, day: 50, reserve: 0% }', { hour: 20, hourWrites: 5, day: 50, reserve: 0 }],
  ])('takes the quota %s', async (written, quota) => {
    const vault = `    vault: { type: onepassword, token: { env: T }, quota: ${written} }\n`;
    const folder = await load({ 'service.yaml': small(vault) });
    expect(told(folder)).toEqual([]);
    const settings = folder.settings.environments.get('production')?.vaults[0]?.settings;
    expect(quotaOf(settings?.['quota'] ?? {})).toEqual(quota);
  });

  it.each([
    '{ plan: enterprise }',
    '{ hour: 0 }',
    '{ hour: 1.5 }',
    '{ reserve: 0.1 }',
    '{ reserve: 100% }',
    '{ hours: 5 }',
  ])('refuses the quota %s', async (written) => {
    const vault = `    vault: { type: onepassword, token: { env: T }, quota: ${written} }\n`;
    expect(told(await load({ 'service.yaml': small(vault) }))).toHaveLength(1);
  });

  it('refuses a quota for the desktop app', async () => {
    const vault = '    vault: { type: onepassword, account: acme, quota: { plan: teams } }\n';
    expect(told(await load({ 'service.yaml': small(vault) }))).toEqual([
      expect.stringContaining('the desktop app has no quota'),
    ]);
  });

  it('reads variables of the process, and says which are not set without refusing the others', async () => {
    const text = small(
      '    vars: { host: "${{ env.HOST_NAME }}" }\n    issuers: { main: { url: "https://${{ vars.host }}/x" } }\n',
    );
    const known = await load({ 'service.yaml': text }, { env: { HOST_NAME: 'a.example' } });
    expect(told(known)).toEqual([]);
    expect(known.settings.environments.get('production')?.connections.issuers.get('main')?.['url']).toBe(
      'https://a.example/x',
    );
    const unset = await load({ 'service.yaml': text });
    expect(told(unset)).toEqual([]);
    expect(unset.settings.environments.get('production')?.unset).toEqual(['HOST_NAME']);
  });

  it.each([
    ['{ default-ttl: 90s, max-ttl: 2h, max-entries: 9 }', { defaultTtl: 90, maxTtl: 7_200, maxEntries: 9 }],
    ['{ default-ttl: 1m }', { defaultTtl: 60, maxTtl: 900, maxEntries: 500 }],
    ['{}', { defaultTtl: 300, maxTtl: 900, maxEntries: 500 }],
  ])('reads how long values are kept: cache: %s', async (written, cache) => {
    const loaded = await load({ 'service.yaml': small(`    cache: ${written}\n`) });
    expect(told(loaded)).toEqual([]);
    expect(loaded.settings.environments.get('production')?.cache).toEqual(cache);
    expect(loaded.settings.environments.get('development')?.cache).toMatchObject({ defaultTtl: 300 });
  });

  it.each(['{ default-ttl: 1h }', '{ max-ttl: 15 }', '{ max-entries: 0 }', '{ ttl: 5m }', '{ max-ttl: 1m }'])(
    'refuses cache: %s',
    async (written) => {
      expect(told(await load({ 'service.yaml': small(`    cache: ${written}\n`) }))).toHaveLength(1);
    },
  );

  it('keeps the name of a token and never looks at its value', async () => {
    const text = small('    vault: { type: onepassword, token: "${{ env.THE_TOKEN }}" }\n');
    const { settings } = await load({ 'service.yaml': text }, { env: { THE_TOKEN: 'ops_value' } });
    const production = settings.environments.get('production');
    expect(production?.vaults).toMatchObject([{ settings: { token: { env: 'THE_TOKEN' } } }]);
    expect(production?.unset).toEqual([]);
    expect(JSON.stringify([...settings.environments])).not.toContain('ops_value');
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    [
      'default that does not exist',
      service.replace('default-environment: production', 'default-environment: prod'),
      /^service.yaml:1:22 unknown environment/,
    ],
    [
      'plain http',
      small('    issuers: { main: { url: http://issuer.example } }\n'),
      /:3:29 this address is plain http/,
    ],
    [
      'plain http that is not loopback',
      small('    development: true\n    issuers: { main: { url: http://issuer.example } }\n'),
      /not on this machine/,
    ],
    ['loopback without development', small('    issuers: { main: { url: "http://127.0.0.1:1" } }\n'), /is plain http/],
    [
      'endpoint',
      small('    stores: { a: { type: aws-secrets-manager, region: eu-west-1, endpoint: http://x.example } }\n'),
      /is plain http/,
    ],
    ['development as text', small('    development: "true"\n'), /takes true or false/],
    ['development as yes', small('    development: yes\n'), /takes true or false/],
    ['token in the file', small('    vault: { type: onepassword, token: ops_x }\n'), /a token never stands in a file/],
    ['no token', small('    vault: { type: onepassword }\n'), /this entry has no token/],
    [
      'token and account',
      small('    vault: { type: onepassword, token: { env: A }, account: b }\n'),
      /a token and an account/,
    ],
    ['token of two sources', small('    vault: { type: onepassword, token: { env: A, file: b } }\n'), /one source/],
    [
      'two open entries',
      small('    vault:\n      - { type: onepassword, account: a }\n      - { type: onepassword, account: b }\n'),
      /two entries name no vaults/,
    ],
    [
      'vault served twice',
      small(
        '    vault:\n      - { type: onepassword, account: a, vaults: [X] }\n      - { type: onepassword, account: b, vaults: [x] }\n',
      ),
      /serve the vault "x"/,
    ],
    [
      'key of another vault',
      small('    key: op://Y/a/b\n    vault: { type: onepassword, account: a, vaults: [X] }\n'),
      /:3:10 no entry of vault: serves/,
    ],
    [
      'three keys',
      small('    key: [op://X/a/b, op://X/a/c, op://X/a/d]\n    vault: { type: onepassword, account: a }\n'),
      /at most 2/,
    ],
    ['reference as a variable', small('    vars: { a: op://X/a/b }\n'), /plain text, not a reference/],
    ['unknown variable', small('    issuers: { main: { url: "https://${{ vars.a }}" } }\n'), /unknown variable "a"/],
    ['inputs', small('    issuers: { main: { url: "https://${{ inputs.a }}" } }\n'), /may not stand in service.yaml/],
    ['region', small('    stores: { a: { type: aws-secrets-manager, region: Frankfurt } }\n'), /a region/],
    [
      'account as a number',
      small('    stores: { a: { type: aws-secrets-manager, region: eu-west-1, account: 123456789012 } }\n'),
      /takes text/,
    ],
    ['unknown type', service + provider.replace('type: scim', 'type: skim'), /takes one of scim/],
    [
      'sign-in with an unknown issuer',
      small(
        '    identity-providers: { a: { type: scim, url: https://a.example, token-flow: scim-token, sign-in: { issuer: b, client-id: c, redirect-uri: https://a.example } } }\n    issuers: { main: { url: https://a.example } }\n    vault: { type: onepassword, account: a }\n',
      ),
      /unknown issuer "b"/,
    ],
    [
      'a host as url',
      small('    issuers: { main: { url: example.eu.auth0.com } }\n'),
      /:3:29 .*an absolute URL \(https:/,
    ],
    [
      'discovery address as url',
      small('    issuers: { main: { url: https://a.example/x/.well-known/openid-configuration } }\n'),
      /:3:29 is the address of a discovery document/,
    ],
    [
      'discovery address as url, in other letters and with a query',
      small('    issuers: { main: { url: "https://a.example/.Well-Known/openid-configuration?appid=1" } }\n'),
      /is the address of a discovery document/,
    ],
    [
      'an issuer with a query',
      small('    issuers: { main: { url: "https://a.example/?tenant=a" } }\n'),
      /:3:29 has a query or a fragment/,
    ],
    [
      'an issuer with a fragment',
      small('    issuers: { main: { url: "https://a.example/#a" } }\n'),
      /has a query or a fragment/,
    ],
    [
      'plain http as token endpoint',
      small('    issuers: { main: { url: https://a.example, token-endpoint: http://a.example/token } }\n'),
      /is plain http/,
    ],
    [
      'plain http as discovery document',
      small('    issuers: { main: { url: https://a.example, discovery: http://a.example/d } }\n'),
      /is plain http/,
    ],
    [
      'discovery of an unknown kind',
      small('    issuers: { main: { url: https://a.example, discovery: openid } }\n'),
      /takes oidc, oauth2 or the address of the document/,
    ],
    [
      'provider without a token',
      small('    identity-providers: { a: { type: scim, url: https://a.example } }\n'),
      /this provider has no token/,
    ],
    [
      'provider with two tokens',
      `${service}${provider.replace('scim-token', 'scim-token, token: { env: A }')}`,
      /stands beside token-flow/,
    ],
    [
      'a path that a shell would know',
      small('    vault: { type: onepassword, token: { file: ~/op.token } }\n'),
      /:3:48 .*without the ~/,
    ],
    [
      'secret in place of a token',
      small('    identity-providers: { a: { type: scim, url: https://a.example, token: hunter2canary } }\n'),
      /reference/,
    ],
    ['unknown token flow', service + provider.replace('scim-token', 'scim-tokn'), /:14:74 unknown flow "scim-tokn"/],
  ];
  it.each(wrong)('refuses %s', async (_name, text, message) => {
    const flow = text.includes('scim-tok') ? { 'scim-token.yaml': tokenFlow } : {};
    const problems = told(await load({ 'service.yaml': text, ...flow }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
    expect(problems[0]).not.toContain('canary');
  });

  it('knows the variable of every token, an identity provider’s too', async () => {
    const text = small('    identity-providers: { a: { type: scim, url: https://a.example, token: { env: IDP } } }\n');
    const { settings } = await load({ 'service.yaml': text });
    expect([...settings.environments.values()].flatMap(tokenVariables)).toEqual(['IDP']);
  });

  it.each([
    [
      'writes',
      'description: d\nsteps:\n  - id: a\n    uses: vault/create-login\n    with: { vault: Agents, title: t, username: u }\n',
      'writes',
    ],
    ['takes inputs', `inputs: { a: string }\n${tokenFlow}`, 'takes inputs'],
    [
      'gives no token',
      tokenFlow.replace('output: ${{ steps.token }}', 'output: ${{ steps.token.scope }}'),
      'another output',
    ],
    ['runs elsewhere', `environments: [development]\n${tokenFlow}`, 'does not run'],
  ])('refuses a token-flow that %s', async (_name, flow, message) => {
    const problems = told(await load({ 'service.yaml': service + provider, 'scim-token.yaml': flow }));
    expect(problems).toEqual([expect.stringContaining(message)]);
  });
});

describe('what an environment must have for a flow', () => {
  const push =
    'description: d\nsteps:\n  - id: a\n    uses: secrets-manager/push\n    with:\n      store: ${{ stores.aws }}\n      secrets: [{ name: a, value: op://Agents/x/y }]\n';
  it('is a key for steps that derive one, or the own key of the store', async () => {
    const without = service.replace('    key: op://Agents/key/password\n', '');
    expect(told(await load({ 'service.yaml': without, 'p.yaml': push }))).toEqual([
      expect.stringMatching(/p.yaml:3:9 .*needs the environment's key in environment "production"/),
    ]);
    const own = without.replace("account: '123456789012'", 'fingerprint-key: op://Agents/fp/password');
    expect(told(await load({ 'service.yaml': own, 'p.yaml': push }))).toEqual([]);
    expect(told(await load({ 'service.yaml': service, 'p.yaml': push }))).toEqual([]);
  });
});

describe('a safe address', () => {
  it.each([
    ['https://a.example', false, true],
    ['http://a.example', false, false],
    ['http://a.example', true, false],
    ['http://127.0.0.1:8080', false, false],
    ['http://127.0.0.1:8080', true, true],
    ['http://127.9.9.9', true, true],
    ['http://[::1]:1', true, true],
    ['http://localhost:1', true, true],
    ['http://localhost.example', true, false],
    ['http://127.0.0.1.example', true, false],
    ['http://user@127.0.0.1', true, false],
    ['https://user:secret@a.example', false, false],
    ['ftp://127.0.0.1', true, false],
    ['file:///etc/passwd', true, false],
    ['http://[::ffff:127.0.0.1]', true, false],
    ['http://0.0.0.0', true, false],
    ['http://10.0.0.1', true, false],
    ['nonsense', true, false],
  ])('%s with development %s: %s', (address, development, safe) => {
    expect(requireSafeAddress(address, development) === undefined).toBe(safe);
  });
});

describe('what a provider must have for a flow', () => {
  const signIn =
    'description: d\nsteps:\n  - id: a\n    uses: idp/sign-in\n    with:\n      provider: ${{ identity-providers.main }}\n      username: u\n      password: op://Accounts/x/y\n      one-time-password: op://Accounts/x/z\n';
  const pages = '        sign-in: { issuer: main, client-id: c, redirect-uri: https://a.example/, pages: keycloak }\n';
  const block =
    '    identity-providers:\n      main:\n        type: scim\n        url: https://issuer.example/scim/\n        token-flow: scim-token\n';

  it('is pages that can be driven, for steps that sign in', async () => {
    const flows = { 'scim-token.yaml': tokenFlow, 'x.yaml': signIn };
    expect(told(await load({ 'service.yaml': service + block, ...flows }))).toEqual([
      expect.stringMatching(/x.yaml:6:17 "main" has no sign-in pages .* in environment "production"/),
    ]);
    const without = pages.replace(', pages: keycloak', '');
    expect(told(await load({ 'service.yaml': service + block + without, ...flows }))).toHaveLength(1);
    expect(told(await load({ 'service.yaml': service + block + pages, ...flows }))).toEqual([]);
  });

  it('is the root of our own keys, for steps that mark what they make', async () => {
    const create =
      'description: d\nsteps:\n  - id: a\n    uses: vault/create-login\n    with: { vault: Accounts, title: t, username: u }\n';
    const without = service.replace('    key: op://Agents/key/password\n', '');
    expect(told(await load({ 'service.yaml': without, 'x.yaml': create }))).toEqual([
      expect.stringMatching(/x.yaml:3:9 .*needs the environment's key/),
    ]);
  });
});

describe('an issuer that says which agent a token is for', () => {
  const issuer = (attribution: string) => `default-environment: production
environments:
  production:
    vault: { type: onepassword, account: acme }
    issuers: { main: { url: https://issuer.example/, attribution: ${attribution} } }
`;
  const flow = (more: string) => `description: d
steps:
  - id: t
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: x, client-secret: op://A/b/c, ${more} }
output: \${{ steps.t }}
`;

  it.each(['https://orders.example/agent', 'act.sub'])('names it in %s', async (claim) => {
    const folder = await load({
      'service.yaml': issuer(`{ claim: '${claim}', parameter: agent }`),
      'x.yaml': flow(''),
    });
    expect(told(folder)).toEqual([]);
    const production = folder.settings.environments.get('production');
    expect(production && attributionOf(production, 'main')).toEqual({ claim, parameter: 'agent', per: 'agent' });
  });

  it.each([
    ['{ claim: iss, parameter: agent }', 'not the protocol'],
    ['{ claim: a, parameter: scope }', "not the grant's own"],
    ['{ claim: a, parameter: subject_token }', "not the grant's own"],
    ['{ claim: a }', 'parameter'],
  ])('refuses %s', async (attribution, message) => {
    const [problem, ...more] = told(await load({ 'service.yaml': issuer(attribution) }));
    expect(problem).toContain(message);
    expect(more).toEqual([]);
  });

  it.each([
    ['token-format: opaque', 'an opaque token tells nobody'],
    ['parameters: { agent: admin }', 'agent is not a further parameter'],
  ])('refuses flows with %s', async (more, message) => {
    const files = { 'service.yaml': issuer('{ claim: a, parameter: agent }'), 'x.yaml': flow(more) };
    expect(told(await load(files))).toEqual([expect.stringContaining(message)]);
  });
});
