import { atOnce } from '../../../src/foundation/in-turns.ts';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { loadBrokerFiles } from '../../../src/folder/policy-and-registry.ts';
import { decide } from '../../../src/broker/policy/decide.ts';
import { createSource } from '../../../src/language/problems.ts';
import { readYaml } from '../../../src/language/yaml.ts';
import { instant, readPolicy } from '../../../src/folder/policy/read-policy.ts';
import { readRegistry } from '../../../src/folder/registry.ts';
import { load, service } from '../folder.ts';

const hex = (character: string) => character.repeat(64);

const flows = {
  'service.yaml': service,
  'orders-token.yaml': `description: d
steps:
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: x, client-secret: op://Agents/x/y }
output: \${{ steps.token }}
`,
  'key.yaml': `description: d
steps:
  - { id: key, uses: vault/read, with: { reference: op://Agents/a/b } }
output: \${{ steps.key }}
`,
  'pair.yaml': `description: d
steps:
  - { id: key, uses: vault/read, with: { reference: op://Agents/a/b } }
output: { key: "\${{ steps.key }}" }
`,
  'code.yaml': `description: d
steps:
  - { id: code, uses: totp/code, with: { reference: op://Agents/a/b } }
output: \${{ steps.code }}
`,
  'asks.yaml': `description: d
inputs: { which: { enum: [a, b] } }
steps:
  - { id: key, uses: vault/read, with: { reference: "op://Agents/\${{ inputs.which }}/b" } }
output: \${{ steps.key }}
`,
  'plain.yaml': `description: d
steps:
  - { id: key, uses: vault/read, with: { reference: op://Agents/a/b } }
output: \${{ issuers.main.url }}
`,
  'push.yaml': `description: d
steps:
  - id: push
    uses: secrets-manager/push
    with: { store: "\${{ stores.aws }}", secrets: [{ name: a, value: op://Agents/a/b }] }
`,
};
const registry = `secrets:
  openai.api_key: { reference: op://Agents/OpenAI/credential, ttl: 30m, rate: 10/minute, description: d, owner: o }
  github.token: { reference: op://Agents/GitHub/token }
  orders.token: { flow: orders-token }
  a.key: { flow: key }
`;

async function read(files: Readonly<Record<string, string>>) {
  const folder = await load({ ...flows, ...files });
  expect(folder.problems).toEqual([]);
  const found = loadBrokerFiles(folder);
  const problems = found.problems.map(
    ({ file, line, column, message, hint }) =>
      `${file.slice(folder.dir.length + 1)}:${line}:${column} ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
  return { ...found, problems, raw: found.problems };
}

const policyWith = (...lines: readonly string[]) =>
  `default: deny\nagents:\n  codex:\n${lines.map((line) => `    ${line}\n`).join('')}`;

describe('policy.yaml', () => {
  it('is read into rules', async () => {
    const { policy, problems } = await read({
      'registry.yaml': registry,
      'policy.yaml': `default: deny
agents:
  codex:
    tokens: ['sha256:${hex('a')}', { sha256: '${hex('b')}', expires: 2027-01-01T00:00:00Z }]
    allow: [openai.api_key, github.*]
    flows: [orders-token]
    deny: [github.admin_*]
    max-ttl: 15m
    rate: 60/minute
    require-reason: true
  ci:
    trust: { issuer: https://token.actions.githubusercontent.com, audience: flows, claims: { repository: acme/orders, ref: refs/heads/* } }
    flows: ['*']
`,
    });
    expect(problems).toEqual([]);
    expect(policy.agents.get('codex')).toEqual({
      name: 'codex',
      tokens: [
        { sha256: hex('a'), expires: undefined },
        { sha256: hex('b'), expires: Date.UTC(2027, 0, 1) },
      ],
      trust: [],
      allow: [
        { text: 'openai.api_key', location: 'policy.yaml:5:13' },
        { text: 'github.*', location: 'policy.yaml:5:29' },
      ],
      flows: [{ text: 'orders-token', location: 'policy.yaml:6:13' }],
      deny: [{ text: 'github.admin_*', location: 'policy.yaml:7:12' }],
      maxTtl: 900,
      rate: { count: 60, per: 60 },
      requireReason: true,
    });
    expect(policy.agents.get('ci')?.trust).toEqual([
      {
        issuer: 'https://token.actions.githubusercontent.com',
        audience: 'flows',
        claims: { repository: 'acme/orders', ref: 'refs/heads/*' },
      },
    ]);
    const asked = { kind: 'secret', agent: 'codex', name: 'github.token' } as const;
    expect(decide(policy, { ...asked, reason: 'x' })).toEqual({
      allowed: true,
      rule: 'policy.yaml:5:29 allow github.*',
    });
  });

  it('grants nothing where there is no file', async () => {
    const { policy, problems } = await read({});
    expect([policy.agents.size, problems]).toEqual([0, []]);
  });

  test.each<[string, string, RegExp]>([
    ['another default', 'default: allow\n', /^policy.yaml:1:10 "default" takes one of deny/],
    ['an empty file', '', /^policy.yaml:1:1 the file is empty/],
    ['a list', '- a\n', /policy.yaml takes keys/],
    ['half a line', 'default: deny\nagents:\n  codex: { allow: [openai', /not valid YAML/],
    ['an unknown key', policyWith('alow: [openai.api_key]'), /4:5 unknown key "alow" in "agents.codex".*"allow"/],
    ['an agent twice', `${policyWith('rate: 1/second')}  codex:\n    rate: 2/second\n`, /"codex" stands here twice/],
    ['an agent of no good name', 'agents:\n  Co dex: { rate: 1/day }\n', /2:3 "Co dex" is not a name/],
    ['an agent named as the trail names those it does not know', 'agents:\n  unknown: { rate: 1/day }\n', /no agent/],
    ['a secret that does not exist', policyWith('allow: [openai.api_kye]'), /4:13 unknown secret.*"openai.api_key"/],
    ['a flow among secrets', policyWith('allow: [orders-token]'), /unknown secret .*write it under flows:/],
    ['a flow that does not exist', policyWith('flows: [orders-tokne]'), /4:13 unknown flow.*"orders-token"/],
    ['a secret among flows', policyWith('flows: [openai.api_key]'), /unknown flow .*write it under allow:/],
    ['a denial of nothing', policyWith('deny: [github.tokne]'), /4:12 no secret and no flow.*"github.token"/],
    ['a wildcard for no secret', policyWith('allow: [aws.*]'), /"aws.\*" matches no secret/],
    ['a wildcard for no flow', policyWith('flows: [x-*]'), /"x-\*" matches no flow/],
    ['a wildcard for flows that write', policyWith('flows: [pus*]'), /only flows that write.*in full: push/],
    [
      'a path of no item',
      policyWith('vault-paths: [{ path: secret/x, can: [read] }]'),
      /4:27 "secret\/x" is no path of 1Password's items \(write op\/vaults/,
    ],
    [
      'a wildcard that writes',
      policyWith('vault-paths: [{ path: op/vaults/E/*, can: [read, update] }]'),
      /4:27 a wildcard gives no "update" \(name the one item/,
    ],
    [
      'a use that there is not',
      policyWith('vault-paths: [{ path: op/vaults/E/*, can: [write] }]'),
      /4:48 .*takes one of list/,
    ],
    [
      'a path that gives nothing',
      policyWith('vault-paths: [{ path: op/vaults/E/*, can: [] }]'),
      /4:47 .*can.*takes at least 1/,
    ],
    ['a path alone', policyWith('vault-paths: [{ path: op/vaults/E/* }]'), /"can"/],
    ['three stars', policyWith('allow: ["***"]'), /takes a name in lower case/],
    ['a regular expression', policyWith('allow: ["open(ai)+.*"]'), /takes a name in lower case/],
    ['a class', policyWith('allow: ["[a-z].key"]'), /takes a name in lower case/],
    ['a question mark', policyWith('allow: ["a?.key"]'), /takes a name in lower case/],
    ['an exclamation mark', policyWith('allow: ["!a.key"]'), /takes a name in lower case/],
    ['capitals', policyWith('allow: [OpenAI.api_key]'), /takes a name in lower case/],
    ['an empty part', policyWith('allow: [a..b]'), /takes a name in lower case/],
    ['a very long name', policyWith(`deny: [${'a*'.repeat(80)}]`), /at most 128 characters/],
    ['an expression', policyWith('allow: ["${{ vars.vault }}"]'), /expressions are not taken in policy.yaml/],
    ['a ttl without a unit', policyWith('max-ttl: 15'), /"agents.codex.max-ttl" takes a length of time|takes/],
    ['a ttl of nothing', policyWith('max-ttl: 0m'), /takes a length of time/],
    ['a rate of nothing', policyWith('rate: 0/minute'), /takes a rate/],
    ['a rate of its own kind', policyWith('rate: 60/fortnight'), /takes a rate/],
    ['a reason perhaps', policyWith('require-reason: "true"'), /takes true or false/],
    ['a token itself', policyWith('tokens: [flows_0123456789abcdefghijABCDEFGHIJxy0PImn9]'), /takes sha256:/],
    ['a hash that is too short', policyWith("tokens: ['sha256:abc']"), /takes sha256:/],
    [
      'three tokens',
      policyWith(`tokens: ['sha256:${hex('a')}', 'sha256:${hex('b')}', 'sha256:${hex('c')}']`),
      /most 2/,
    ],
    ['a token twice', policyWith(`tokens: ['sha256:${hex('a')}', 'sha256:${hex('a')}']`), /is here twice/],
    [
      'an end without a zone',
      policyWith(`tokens: [{ sha256: '${hex('a')}', expires: '2027-01-01T00:00:00' }]`),
      /zone/,
    ],
    [
      'an end that is no day',
      policyWith(`tokens: [{ sha256: '${hex('a')}', expires: '2027-02-30T00:00:00Z' }]`),
      /zone/,
    ],
    ['everyone', policyWith('trust: { issuer: "https://a.example", audience: b, claims: { sub: "*" } }'), /everyone/],
    ['no claim', policyWith('trust: { issuer: "https://a.example", audience: b, claims: {} }'), /everyone/],
    ['no audience', policyWith('trust: { issuer: "https://a.example", claims: { sub: a } }'), /"audience" is missing/],
    ['plain http', policyWith('trust: { issuer: "http://a.example", audience: b, claims: { sub: a } }'), /no https/],
    [
      'a discovery document as issuer',
      policyWith(
        'trust: { issuer: "https://a.example/.well-known/openid-configuration", audience: b, claims: { sub: a } }',
      ),
      /address of a discovery document/,
    ],
    [
      'keys over plain http',
      policyWith(
        'trust: { issuer: "https://a.example", jwks-uri: "http://a.example/keys", audience: b, claims: { sub: a } }',
      ),
      /not https/,
    ],
    [
      'keys in two places',
      policyWith(
        'trust: { issuer: "https://a.example", jwks-uri: "https://a.example/keys", keys: k.json, audience: b, claims: { sub: a } }',
      ),
      /"keys" stands beside "jwks-uri"/,
    ],
    [
      'an unknown document',
      policyWith('trust: { issuer: "https://a.example", discovery: openid, audience: b, claims: { sub: a } }'),
      /takes oidc, oauth2 or the address of the document/,
    ],
    ['a disguise', policyWith('trust: { issuer: "https://a@b.example", audience: b, claims: { sub: a } }'), /no https/],
  ])('is refused with %s', async (_, text, told) => {
    const { problems } = await read({ 'registry.yaml': registry, 'policy.yaml': text });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join('\n')).toMatch(told);
  });

  it('is refused where two agents have one token', async () => {
    const one = `    tokens: ['sha256:${hex('a')}']\n`;
    const { problems } = await read({ 'policy.yaml': `agents:\n  a:\n${one}  b:\n${one}` });
    expect(problems).toEqual([
      'policy.yaml:5:14 this token is also that of agent "a" (each agent has tokens of its own: flows agents add)',
    ]);
  });

  it('tells everything at once, in order', async () => {
    const { problems } = await read({
      'registry.yaml': registry,
      'policy.yaml': policyWith('allow: [a.kye]', 'rate: fast', 'flows: [nothing]', 'max-ttl: long'),
    });
    expect(problems.map((each) => each.split(' ')[0])).toEqual([
      'policy.yaml:4:13',
      'policy.yaml:5:11',
      'policy.yaml:6:13',
      'policy.yaml:7:14',
    ]);
  });

  it.each([
    ['repository_owner_id: 65', /trust.claims.repository_owner_id" takes text.*quotes: "65"/],
    ['sub: 007', /trust.claims.sub" takes text.*quotes: "007"/],
    ['sub: [a]', /takes text, and this is a list/],
    ['sub: "*"', /those of everyone/],
    ['repository: "*/*"', /those of everyone/],
    ['sub: "*:*", aud: b', /those of everyone/],
    ['iss: "https://a.example"', /those of everyone/],
  ])('says of claims { %s } the cause, and nothing else', async (claims, told) => {
    const trust = `trust: { issuer: "https://a.example", audience: b, claims: { ${claims} } }`;
    const { problems } = await read({ 'policy.yaml': policyWith(trust) });
    expect(problems).toEqual([expect.stringMatching(told)]);
  });

  const github = 'https://token.actions.githubusercontent.com';
  it.each([
    [github, 'ref: refs/heads/main', 1],
    [github, 'repository: "*/orders"', 1],
    [github, 'repository: "acme*"', 1],
    [github, 'repository_owner: "acme*"', 1],
    [github, 'sub: "repo:*:ref:refs/heads/main"', 1],
    [github, 'sub: "repo:acme*"', 1],
    [github, 'repository: acme/orders', 0],
    [github, 'repository: acme/*, ref: refs/heads/*', 0],
    [github, 'repository_owner_id: "65"', 0],
    [github, 'sub: "repo:acme/orders:*"', 0],
    [github, 'sub: "repository_owner_id:65:*"', 0],
    ['https://gitlab.com', 'ref: main', 1],
    ['https://gitlab.com', 'namespace_path: acme', 0],
    ['https://gitlab.com', 'sub: "project_path:acme/orders:*"', 0],
    ['https://gitlab.acme.example', 'ref: main', 0],
    [`${github}/acme`, 'ref: refs/heads/main', 0],
  ])('asks of %s whose the claims { %s } are', async (issuer, claims, problems) => {
    const policy = policyWith(`trust: { issuer: "${issuer}", audience: flows, claims: { ${claims} } }`);
    const told = Array.from({ length: problems }, () => expect.stringContaining('to anybody'));
    expect((await read({ 'policy.yaml': policy })).problems).toEqual(told);
  });

  it.each([
    ['^acme/.*$', true],
    ['acme/.*', true],
    ['repo:acme/(a|b):*', true],
    ['repo:acme/.+', true],
    ['sha-[0-9a-f]+', true],
    ['a{2,}', true],
    ['dependabot[bot]', false],
    ['urn:a:{tenant}', false],
    ['refs/heads/[a-z]+', true],
    [String.raw`build-\d`, true],
    ['repo:acme/orders:ref:refs/heads/*', false],
    ['system:serviceaccount:prod:agent', false],
    ['https://a.example/x?y=1', false],
    ['auth0|123', false],
  ])('warns of a claim that looks like a regular expression: %s, %s', async (claim, warned) => {
    const trust = `trust: { issuer: "https://a.example", audience: b, claims: { sub: '${claim}' } }`;
    const { problems, warnings } = await read({ 'policy.yaml': policyWith(trust) });
    expect([problems, warnings.length]).toEqual([[], warned ? 1 : 0]);
  });

  it('takes a flow that writes, named in full', async () => {
    const { problems, warnings } = await read({ 'policy.yaml': policyWith('flows: [push, orders-token]') });
    expect([problems, warnings]).toEqual([[], []]);
  });

  it('does not repeat a token that someone wrote into it', async () => {
    const token = 'flows_0123456789abcdefghijABCDEFGHIJxy0PImn9';
    const { raw } = await read({ 'policy.yaml': policyWith(`tokens: [${token}]`) });
    expect(raw).toHaveLength(1);
    expect(JSON.stringify(raw)).not.toContain('0123456789abcdef');
  });

  it('may deny by a wildcard what is not there yet, and says nothing of names while the registry is broken', async () => {
    const policy = policyWith('deny: ["**.admin_*"]');
    expect((await read({ 'registry.yaml': registry, 'policy.yaml': policy })).problems).toEqual([]);
    const broken = await read({ 'registry.yaml': 'secrets: [', 'policy.yaml': policyWith('allow: [a.b]') });
    expect(broken.problems.map((each) => each.split(':')[0])).toEqual(['registry.yaml']);
  });
});

// whatever stands in the files, it is told, and nothing falls
describe('any file', () => {
  const sound = policyWith(
    `tokens: ['sha256:${hex('a')}', { sha256: '${hex('b')}', expires: 2027-01-01T00:00:00Z }]`,
    'trust: { issuer: "https://a.example", audience: b, claims: { sub: c } }',
    'allow: [openai.api_key, "github.*"]',
    'deny: ["**.admin"]',
    'max-ttl: 15m',
    'rate: 60/minute',
  );
  const cut = (text: string) =>
    fc
      .tuple(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 12 }))
      .map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length));
  const structure = fc.jsonValue({ maxDepth: 4 });
  const texts = (text: string, wrap: (value: unknown) => unknown) =>
    fc.oneof(
      fc.string(),
      cut(text),
      structure.map((value) => JSON.stringify(value)),
      structure.map((value) => JSON.stringify(wrap(value))),
    );
  const agents = texts(sound, (value) => ({
    agents: { codex: value, ci: { allow: value, trust: value, tokens: value } },
  }));
  const secrets = texts(registry, (value) => ({ secrets: { 'a.b': value, 'c.d': { reference: value, ttl: value } } }));

  it('is read without a fall, and what is kept of it has its form', async () => {
    const { settings } = await load(flows);
    const context = { settings, flows: new Map(), broken: new Set<string>() };
    fc.assert(
      fc.property(agents, secrets, (policyText, registryText) => {
        const policySource = createSource('policy.yaml', policyText);
        const policyRoot = readYaml(policySource);
        const found = policyRoot === undefined ? undefined : readPolicy(policyRoot, policySource);
        const registrySource = createSource('registry.yaml', registryText);
        const registryRoot = readYaml(registrySource);
        if (registryRoot !== undefined) atOnce(readRegistry(registryRoot, registrySource, context));
        for (const { tokens, allow } of found?.policy.agents.values() ?? []) {
          for (const { sha256 } of tokens) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
          for (const { text } of allow) expect(text).toMatch(/^[a-z0-9_.*-]+$/);
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('registry.yaml', () => {
  it('is read into names, with the reference of each environment', async () => {
    const { registry: found, problems } = await read({
      'registry.yaml': `secrets:
  openai.api_key:
    reference: op://\${{ vars.vault }}/\${{ vars.prefix }} OpenAI/credential
    ttl: 30m
    rate: 10/minute
    owner: orders
  orders.token: { flow: orders-token }
  a.key: { flow: key }
`,
    });
    expect(problems).toEqual([]);
    const secret = found.secrets.get('openai.api_key');
    expect(secret).toMatchObject({ flow: undefined, ttl: 1800, rate: { count: 10, per: 60 }, owner: 'orders' });
    expect([...(secret?.references ?? [])].map(([name, reference]) => [name, String(reference)])).toEqual([
      ['production', 'op://Agents/prod OpenAI/credential'],
      ['development', 'op://Agents/prod OpenAI/credential'],
    ]);
    expect(found.secrets.get('orders.token')).toMatchObject({ flow: 'orders-token', ttl: undefined });
  });

  const secret = (text: string) => `secrets:\n  a.b: { ${text} }\n`;
  test.each<[string, string, RegExp]>([
    ['no secrets', '{}\n', /"secrets" is missing/],
    ['a name of another form', 'secrets:\n  A.b: { flow: key }\n', /2:3 "A.b" is not a name/],
    ['an empty part in a name', 'secrets:\n  a..b: { flow: key }\n', /is not a name/],
    ['a name for every object', 'secrets:\n  __proto__: { flow: kye }\n', /unknown flow "kye"/],
    ['nothing behind a name', secret('ttl: 5m'), /exactly one of "reference" and "flow"/],
    ['two things behind a name', secret('reference: op://Agents/a/b, flow: key'), /exactly one of/],
    ['an item', secret('reference: op://Agents/a'), /names an item/],
    ['plain text', secret('reference: sk-123'), /takes a reference/],
    ['a one-time code', secret('reference: "op://Agents/a/b?attribute=otp"'), /one-time code cannot be kept/],
    [
      'a vault that nothing serves',
      secret('reference: op://Agent/a/b'),
      /serves the vault "Agent" in environment "prod/,
    ],
    [
      'an unknown variable',
      secret('reference: "op://${{ vars.vualt }}/a/b"'),
      /unknown variable.*in environment "prod/,
    ],
    ['an input', secret('reference: "op://Agents/${{ inputs.a }}/b"'), /may not stand in registry.yaml/],
    ['an expression elsewhere', secret('flow: key, owner: "${{ vars.vault }}"'), /in a reference only/],
    ['a path of no mount', secret('reference: op://A/b/c, path: team/app'), /a path under secret\/ or kv\//],
    ['a path of requests', secret('reference: op://A/b/c, path: secret/data/app'), /as `vault kv get` takes it/],
    [
      'a path that stands twice',
      'secrets:\n  a.b: { reference: op://A/b/c, path: kv/x }\n  c.d: { reference: op://A/b/c, path: kv/x#value }\n',
      /:3:\d+ "a.b" has this path and key too.*add a key/,
    ],
    [
      'a path that is a name',
      'secrets:\n  a.b: { reference: op://A/b/c }\n  c.d: { reference: op://A/b/c, path: secret/a.b#x }\n',
      /:3:\d+ this is the path of the name "a.b"/,
    ],
    ['an unknown flow', secret('flow: kye'), /unknown flow "kye".*"key"/],
    ['a flow that writes', secret('flow: push'), /2:16 the flow "push" writes/],
    ['a flow that asks', secret('flow: asks'), /takes inputs/],
    ['a flow with several values', secret('flow: pair'), /gives no single value/],
    ['a flow with a one-time code', secret('flow: code'), /one-time code/],
    ['a flow that gives no secret', secret('flow: plain'), /gives no secret/],
    ['a ttl of another form', secret('flow: key, ttl: soon'), /takes a length of time/],
  ])('is refused with %s', async (_, text, told) => {
    const { problems } = await read({ 'registry.yaml': text });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join('\n')).toMatch(told);
  });
});

test.each<[string, number | undefined]>([
  ['2027-01-01T00:00:00Z', Date.UTC(2027, 0, 1)],
  ['2027-01-01T00:00Z', Date.UTC(2027, 0, 1)],
  ['2027-01-01T00:00:00.5+02:00', Date.UTC(2026, 11, 31, 22, 0, 0, 500)],
  ['2028-02-29T12:00:00Z', Date.UTC(2028, 1, 29, 12)],
  ['2027-02-29T12:00:00Z', undefined],
  ['2027-01-01T25:00:00Z', undefined],
  ['2027-01-01', undefined],
  ['2027-01-01T00:00:00', undefined],
  ['tomorrow', undefined],
  ['', undefined],
])('%s is a time or none', (text, expected) => {
  expect(instant(text)).toBe(expected);
});
