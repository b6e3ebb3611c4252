import { describe, expect, it, test } from 'vitest';
import { loadBrokerFiles } from '../../../src/folder/policy-and-registry.ts';
import { createSource } from '../../../src/language/problems.ts';
import { readYaml } from '../../../src/language/yaml.ts';
import { runCases } from '../../../src/broker/policy/policy-test.ts';
import { type Asked, explain, type Rules } from '../../../src/broker/policy/explain-decision.ts';
import { load, service } from '../../folder/folder.ts';

const read = `description: d
steps:
  - { id: key, uses: vault/read, with: { reference: op://Agents/a/b } }
output: \${{ steps.key }}
`;
const push = `description: d
steps:
  - id: push
    uses: secrets-manager/push
    with: { store: "\${{ stores.aws }}", secrets: [{ name: a, value: op://Agents/a/b }] }
`;

const glass = `description: d
break-glass: true
steps:
  - { id: code, uses: totp/code, with: { reference: op://Agents/a/b } }
output: \${{ steps.code }}
`;

async function rules(): Promise<Rules> {
  const folder = await load({
    'service.yaml': service,
    'pull-key.yaml': read,
    'pull-push.yaml': push,
    'glass.yaml': glass,
    'registry.yaml': `secrets:
  github.token: { reference: op://Agents/GitHub/token }
  github.admin_token: { reference: op://Agents/GitHub/admin }
  stripe.live_key: { reference: op://Agents/Stripe/key }
`,
    'policy.yaml': `default: deny
approvers: { ann: { trust: { issuer: https://a.example, audience: b, claims: { sub: ann } }, reveal: [glass] }, bo: {} }
agents:
  codex:
    tokens: ['sha256:${'a'.repeat(64)}']
    allow: [github.*]
    flows: [pull-*]
    deny: [github.admin_token]
    max-ttl: 15m
    rate: 60/minute
    vault-paths:
      - { path: 'op/vaults/Engineering, all/*', can: [list, read] }
      - { path: 'op/vaults/Engineering, all/items/Root key', can: [deny] }
  careful:
    allow: [stripe.live_key]
    require-reason: true
    vault-paths: [{ path: op/vaults/E/items/X, can: [read] }]
  pusher:
    trust: { issuer: https://a.example, audience: b, claims: { sub: c } }
    flows: [pull-push]
    approve: [{ flows: [pull-push], by: [ann], scope: run, uses: 3, self: true }]
`,
  });
  const { policy, registry, problems } = loadBrokerFiles(folder);
  expect(problems).toEqual([]);
  return { policy, registry, flows: folder.flows };
}

const secret = (agent: string, name: string, reason?: string): Asked => ({ agent, kind: 'secret', name, reason });
const item = (agent: string, name: string): Asked => ({ agent, kind: 'item', name });
const flow = (agent: string, name: string): Asked => ({ agent, kind: 'flow', name });
const reveal = (agent: string, name: string): Asked => ({ agent, kind: 'reveal', name });

describe('an explanation', () => {
  test.each<[Asked, string, readonly string[]]>([
    [reveal('ann', 'glass'), 'allowed: policy.yaml:2:103 lets approver "ann" reveal "glass" (reveal: glass)', []],
    [
      reveal('bo', 'glass'),
      'denied: no line of policy.yaml lets approver "bo" reveal "glass" (default: deny)',
      ['nothing proves this approver yet: flows approvers add bo'],
    ],
    [
      reveal('ann', 'pull-key'),
      'denied: no line of policy.yaml lets approver "ann" reveal "pull-key" (default: deny)',
      ['the page cannot reveal it: it is not for break-glass'],
    ],
    [
      reveal('an', 'glas'),
      'denied: policy.yaml has no approver "an" (did you mean "ann"?)',
      ['there is no flow "glas" (did you mean "glass"?)'],
    ],
    [
      secret('codex', 'stripe.live_key'),
      'denied: no rule of policy.yaml allows agent "codex" to read "stripe.live_key" (default: deny)',
      [],
    ],
    [
      secret('codex', 'github.admin_token'),
      'denied: policy.yaml:8:12 denies agent "codex" "github.admin_token" (deny: github.admin_token)',
      [],
    ],
    [
      secret('codex', 'github.token'),
      'allowed: policy.yaml:6:13 allows agent "codex" to read "github.token" (allow: github.*)',
      ['for at most 15m (max-ttl)', 'at most 60 requests in 1m (rate)'],
    ],
    [
      secret('codex', 'stripe.live_kye'),
      'denied: no rule of policy.yaml allows agent "codex" to read "stripe.live_kye" (default: deny)',
      ['registry.yaml has no secret "stripe.live_kye" (did you mean "stripe.live_key"?)'],
    ],
    [
      secret('codex', 'pull-key'),
      'denied: no rule of policy.yaml allows agent "codex" to read "pull-key" (default: deny)',
      ['registry.yaml has no secret "pull-key"; a flow has this name'],
    ],
    [
      // allowed by the wildcard, but not there
      secret('codex', 'github.tokne'),
      'allowed: policy.yaml:6:13 allows agent "codex" to read "github.tokne" (allow: github.*)',
      [
        'registry.yaml has no secret "github.tokne" (did you mean "github.token"?)',
        'for at most 15m (max-ttl)',
        'at most 60 requests in 1m (rate)',
      ],
    ],
    [secret('codxe', 'github.token'), 'denied: policy.yaml has no agent "codxe" (did you mean "codex"?)', []],
    [
      secret('careful', 'stripe.live_key'),
      'denied: agent "careful" must state a reason (require-reason); with one, policy.yaml:15:13 allows it (allow: stripe.live_key)',
      ['nothing in policy.yaml proves this agent yet: flows agents add careful'],
    ],
    [
      secret('careful', 'stripe.live_key', 'refund 7'),
      'allowed: policy.yaml:15:13 allows agent "careful" to read "stripe.live_key" (allow: stripe.live_key)',
      ['nothing in policy.yaml proves this agent yet: flows agents add careful'],
    ],
    [
      flow('codex', 'pull-push'),
      'denied: no rule of policy.yaml allows agent "codex" to run "pull-push" (default: deny)',
      ['policy.yaml:7:13 flows pull-* does not match it: it writes, and such a flow is named in full'],
    ],
    [
      flow('pusher', 'pull-push'),
      'allowed once approved: policy.yaml:20:13 allows agent "pusher" to run "pull-push" (flows: pull-push)',
      [
        'policy.yaml:21:15 wants ann to approve each agent run within 10m, good for 8h, for 3 calls; an owner of the agent may',
        'it writes, and is served as a run: POST /v1/flows/pull-push/runs',
      ],
    ],
    [
      item('codex', 'op/vaults/engineering, all/items/Deploy key'),
      'allowed: policy.yaml:12:9 allows agent "codex" to read "op/vaults/engineering, all/items/Deploy key" (vault-paths: op/vaults/Engineering, all/*)',
      [expect.stringContaining('a broker also knows'), 'at most 60 requests in 1m (rate)'],
    ],
    [
      item('codex', 'op/vaults/Engineering, all/items/root KEY'),
      'denied: policy.yaml:13:9 denies agent "codex" "op/vaults/Engineering, all/items/root KEY" (deny: op/vaults/Engineering, all/items/Root key)',
      [expect.stringContaining('a broker also knows')],
    ],
    [
      { ...item('codex', 'op/vaults/Engineering, all/items/Deploy key'), use: 'update' },
      'denied: no rule of policy.yaml allows agent "codex" to update "op/vaults/Engineering, all/items/Deploy key" (default: deny)',
      [expect.stringContaining('a broker also knows')],
    ],
    [
      item('careful', 'op/vaults/E/items/X'),
      'denied: agent "careful" must state a reason (require-reason); with one, policy.yaml:17:19 allows it (vault-paths: op/vaults/E/items/X)',
      [expect.any(String), 'nothing in policy.yaml proves this agent yet: flows agents add careful'],
    ],
    [
      flow('codex', 'pul-key'),
      'denied: no rule of policy.yaml allows agent "codex" to run "pul-key" (default: deny)',
      ['there is no flow "pul-key" (did you mean "pull-key"?)'],
    ],
  ])('%o', async (asked, line, notes) => {
    expect(explain(asked, await rules())).toMatchObject({ line, notes });
  });
});

it('says of a flow whose file is wrong that it is, and not that there is none', async () => {
  const asked = { agent: 'codex', kind: 'flow', name: 'broken' } as const;
  const { notes } = explain(asked, { ...(await rules()), broken: new Set(['broken']) });
  expect(notes).toEqual([expect.stringMatching(/^the file of flow "broken" has problems/)]);
});

describe('cases', () => {
  async function run(text: string) {
    const source = createSource('policy.test.yaml', text);
    const root = readYaml(source);
    const cases = root === undefined ? [] : runCases(root, source, await rules());
    return { passed: cases.map((each) => each.passed), problems: source.problems, warnings: source.warnings };
  }

  it('pass where the policy says what they expect', async () => {
    const { passed, problems } = await run(`cases:
  - { agent: codex, secret: github.token, expect: allowed }
  - { agent: codex, secret: stripe.live_key, expect: denied }
  - { agent: careful, secret: stripe.live_key, expect: denied }
  - { agent: careful, secret: stripe.live_key, reason: refund 7, expect: allowed }
  - { agent: codex, flow: pull-key, expect: allowed }
  - { agent: codex, flow: pull-push, expect: denied }
  - { agent: codex, path: 'op/vaults/Engineering, all/items', can: list, expect: allowed }
  - { agent: codex, path: 'op/vaults/Engineering, all/items/Root key', expect: denied }
  - { approver: ann, reveal: glass, expect: allowed }
  - { approver: bo, reveal: glass, expect: denied }
`);
    expect([passed, problems]).toEqual([Array(10).fill(true), []]);
  });

  it('take a flow that writes as one that is served', async () => {
    const { passed, problems, warnings } = await run(`cases: [{ agent: pusher, flow: pull-push, expect: approval }]`);
    expect([passed, problems, warnings]).toEqual([[true], [], []]);
  });

  it('fail where it says something else, each with its place and the rule', async () => {
    const { passed, problems } = await run(`cases:
  - { agent: codex, secret: github.token, expect: denied }
  - { agent: codex, flow: pull-key, expect: allowed }
  - { agent: codex, secret: stripe.live_key, expect: allowed }
`);
    expect(passed).toEqual([false, true, false]);
    expect(problems).toMatchObject([
      { line: 2, column: 51, message: 'expected denied', hint: expect.stringContaining('policy.yaml:6:13') as string },
      { line: 4, column: 54, message: 'expected allowed', hint: expect.stringContaining('default: deny') as string },
    ]);
  });

  test.each<[string, string, RegExp]>([
    ['an agent that is not there', '{ agent: codxe, secret: github.token, expect: denied }', /no agent "codxe"/],
    ['a path of no item', '{ agent: codex, path: secret/x, expect: denied }', /this is no path of an item/],
    ['a secret that is not there', '{ agent: codex, secret: github.tokne, expect: denied }', /unknown secret/],
    ['a flow that is not there', '{ agent: codex, flow: pull-kye, expect: denied }', /unknown flow/],
    ['nothing asked for', '{ agent: codex, expect: denied }', /exactly one of "secret" and "flow"/],
    ['nothing expected', '{ agent: codex, flow: pull-key }', /"expect" is missing/],
    ['another expectation', '{ agent: codex, flow: pull-key, expect: maybe }', /one of allowed, approval, denied/],
    ['an expression', '{ agent: "${{ vars.a }}", flow: pull-key, expect: denied }', /expressions are not taken/],
  ])('are wrong with %s', async (_, text, told) => {
    const { passed, problems } = await run(`cases:\n  - ${text}\n`);
    expect(passed).toEqual([]);
    expect(problems.map(({ message }) => message).join('\n')).toMatch(told);
  });

  it('are wrong where there are none', async () => {
    expect((await run('cases: []\n')).problems).toHaveLength(1);
  });
});
