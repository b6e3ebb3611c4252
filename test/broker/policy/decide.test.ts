import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { decide } from '../../../src/broker/policy/decide.ts';
import { compilePattern, isWildcard } from '../../../src/folder/policy/name-pattern.ts';
import { type ItemUse, readVaultPath, type VaultPathRule } from '../../../src/folder/policy/vault-paths.ts';
import type { AgentPolicy, ApproveRule, Pattern, Policy, Question } from '../../../src/folder/policy/policy.ts';

interface Lines {
  readonly allow?: readonly string[];
  readonly flows?: readonly string[];
  readonly deny?: readonly string[];
  readonly requireReason?: boolean;
  readonly approve?: readonly Partial<ApproveRule>[];
}

function ruleOf(facts: Partial<ApproveRule>, at: number): ApproveRule {
  const terms = {
    scope: 'call',
    by: ['ann'],
    needs: 1,
    wait: 600,
    expires: 600,
    uses: undefined,
    self: false,
  } as const;
  const rule = { names: [], flows: [], ...terms, ...facts };
  return { ...rule, text: JSON.stringify(rule), location: `policy.yaml:approve:${at}` };
}

function policyOf(agents: Readonly<Record<string, Lines>>): Policy {
  const patterns = (list: string, texts: readonly string[] = []): Pattern[] =>
    texts.map((text, index) => ({ text, location: `policy.yaml:${list}:${index}` }));
  return {
    agents: new Map(
      Object.entries(agents).map(
        ([name, { allow, flows, deny, requireReason = false, approve = [] }]): [string, AgentPolicy] => [
          name,
          {
            name,
            tokens: [],
            trust: [],
            allow: patterns('allow', allow),
            flows: patterns('flows', flows),
            deny: patterns('deny', deny),
            maxTtl: undefined,
            rate: undefined,
            requireReason,
            approve: approve.map(ruleOf),
          },
        ],
      ),
    ),
  };
}

const secret = (name: string, agent = 'codex'): Question => ({ kind: 'secret', agent, name });
const flow = (name: string, effect: 'none' | 'write' = 'none', agent = 'codex', breakGlass = false): Question => ({
  kind: 'flow',
  agent,
  name,
  effect,
  breakGlass,
});

describe('a decision', () => {
  const lines: Lines = {
    allow: ['openai.api_key', 'github.*', 'aws.**'],
    flows: ['orders-*', 'new-user'],
    deny: ['github.admin_token', 'orders-secret-*', '**.root'],
  };
  test.each<[string, Question, boolean, string]>([
    ['a name', secret('openai.api_key'), true, 'policy.yaml:allow:0 allow openai.api_key'],
    ['a wildcard', secret('github.token'), true, 'policy.yaml:allow:1 allow github.*'],
    ['a wildcard within its part', secret('github.a.b'), false, 'default: deny'],
    ['a wildcard across parts', secret('aws.a.b'), true, 'policy.yaml:allow:2 allow aws.**'],
    ['a name that is denied', secret('github.admin_token'), false, 'policy.yaml:deny:0 deny github.admin_token'],
    ['a wildcard that denies', secret('aws.a.root'), false, 'policy.yaml:deny:2 deny **.root'],
    ['the beginning of a name', secret('openai.api_ke'), false, 'default: deny'],
    ['another case', secret('OpenAI.api_key'), false, 'default: deny'],
    ['no name', secret(''), false, 'default: deny'],
    ['a flow', flow('orders-token'), true, 'policy.yaml:flows:0 flows orders-*'],
    ['a flow that is denied', flow('orders-secret-x'), false, 'policy.yaml:deny:1 deny orders-secret-*'],
    ['a flow that writes, by wildcard', flow('orders-push', 'write'), false, 'default: deny'],
    ['a break-glass flow, by wildcard', flow('orders-glass', 'none', 'codex', true), false, 'default: deny'],
    ['a flow that writes, in full', flow('new-user', 'write'), true, 'policy.yaml:flows:1 flows new-user'],
    ['a flow by the name of a secret', flow('openai.api_key'), false, 'default: deny'],
    ['a secret by the name of a flow', secret('new-user'), false, 'default: deny'],
    ['another agent', secret('openai.api_key', 'other'), false, 'default: deny'],
    ['a word that every object has', secret('openai.api_key', 'constructor'), false, 'default: deny'],
  ])('about %s', (_, question, allowed, rule) => {
    expect(decide(policyOf({ codex: lines }), question)).toEqual({ allowed, rule });
  });

  test.each([undefined, '', '   '])('wants a reason where the agent must give one, and %j is none', (reason) => {
    const policy = policyOf({ codex: { allow: ['a'], requireReason: true } });
    expect(decide(policy, { ...secret('a'), reason })).toMatchObject({ allowed: false, wanted: 'reason' });
    expect(decide(policy, { ...secret('a'), reason: 'deploy 42' })).toMatchObject({ allowed: true });
    expect(decide(policy, { ...secret('b'), reason })).toEqual({ allowed: false, rule: 'default: deny' });
  });
});

describe('a decision about an item', () => {
  const path = (text: string, ...can: VaultPathRule['can']): VaultPathRule => {
    const read = readVaultPath(text, can);
    if ('problem' in read) throw new TypeError(read.problem);
    return { text, location: `policy.yaml:${text}`, can, ...read };
  };
  const vaultPaths = [
    path('op/vaults/E/*', 'list', 'read'),
    path('op/vaults/E/items/Key', 'update'),
    path('op/vaults/E/items/Root', 'deny'),
  ];
  const policy = (lines: Lines = {}): Policy => {
    const { agents } = policyOf({ codex: lines });
    return { agents: new Map([...agents].map(([name, agent]) => [name, { ...agent, vaultPaths }])) };
  };
  const asked = (use: ItemUse, item?: string, agent = 'codex'): Question => ({
    kind: 'item',
    agent,
    name: 'op',
    use,
    place: { vault: { titles: ['E'] }, item: item === undefined ? undefined : { titles: [item] } },
  });

  test.each<[string, Question, Lines, boolean, string]>([
    ['a list', asked('list'), {}, true, 'policy.yaml:op/vaults/E/* vault-paths op/vaults/E/*'],
    ['an item', asked('read', 'Any'), {}, true, 'policy.yaml:op/vaults/E/* vault-paths op/vaults/E/*'],
    [
      'a write',
      asked('update', 'Key'),
      {},
      true,
      'policy.yaml:op/vaults/E/items/Key vault-paths op/vaults/E/items/Key',
    ],
    ['a write that no line names', asked('update', 'Any'), {}, false, 'default: deny'],
    [
      'one that is denied',
      asked('read', 'Root'),
      {},
      false,
      'policy.yaml:op/vaults/E/items/Root deny op/vaults/E/items/Root',
    ],
    ['another agent', asked('read', 'Any', 'other'), {}, false, 'default: deny'],
    ['an agent that is denied every name', asked('read', 'Any'), { deny: ['**'] }, false, 'policy.yaml:deny:0 deny **'],
    [
      'an agent that people must approve everything of',
      asked('read', 'Any'),
      { approve: [{ names: [{ text: '**', location: 'x' }] }] },
      false,
      'policy.yaml:approve:0 approve, which is not for items',
    ],
  ])('%s', (_, question, lines, allowed, rule) => {
    expect(decide(policy(lines), question)).toEqual({ allowed, rule });
    // rights that are held for a while must give it as well
    expect(decide({ ...policy(lines), within: { agents: new Map() } }, question).allowed).toBe(false);
  });
});

describe('what must be approved first', () => {
  const of = (...texts: string[]): Pattern[] => texts.map((text) => ({ text, location: 'x' }));
  const lines: Lines = {
    allow: ['github.*', 'stripe.live_key'],
    flows: ['orders-token', 'new-user'],
    deny: ['github.root'],
    approve: [{ names: of('github.*') }, { names: of('**'), needs: 2, by: ['ann', 'bo'] }, { flows: of('new-*') }],
  };
  test.each<[string, Question, boolean, readonly number[]]>([
    ['a name that two rules are about', secret('github.token'), true, [0, 1]],
    ['a name that one is about', secret('stripe.live_key'), true, [1]],
    ['a name that is denied', secret('github.root'), false, []],
    ['a name that nothing allows', secret('openai.key'), false, []],
    ['a flow that writes, by a wildcard', flow('new-user', 'write'), true, [2]],
    ['a flow that no rule is about', flow('orders-token'), true, []],
  ])('of %s', (_, question, allowed, rules) => {
    const decision = decide(policyOf({ codex: lines }), question);
    expect(decision.allowed).toBe(allowed);
    expect((decision.approvals ?? []).map(({ location }) => location)).toEqual(
      rules.map((at) => `policy.yaml:approve:${at}`),
    );
  });

  it('is also what the flow itself wants', () => {
    const own = ruleOf({}, 9);
    const asked = { ...flow('orders-token'), approve: own } as Question;
    expect(decide(policyOf({ codex: lines }), asked).approvals).toEqual([own]);
  });
});

// few letters, so that names and patterns meet
const part = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 });
const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
const pattern = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '**'), minLength: 1, maxLength: 4 }), { maxLength: 3 })
  .map((parts) => parts.join('.').replace(/\*{3,}/g, '**'))
  .filter((text) => text !== '');
const lines = fc.record({
  allow: fc.array(fc.oneof(name, pattern), { maxLength: 4 }),
  flows: fc.array(fc.oneof(name, pattern), { maxLength: 4 }),
  deny: fc.array(fc.oneof(name, pattern), { maxLength: 3 }),
});
const question = fc.record({
  kind: fc.constantFrom('secret' as const, 'flow' as const),
  agent: fc.constantFrom('codex', 'ci', 'stranger'),
  name,
  effect: fc.constantFrom('none' as const, 'write' as const),
});
const agents = fc.record({ codex: lines, ci: lines });

/** What a pattern means, said another way: as a regular expression. */
function means(text: string, subject: string): boolean {
  const source = text.replace(/\*\*|\*|\./g, (found) => ({ '**': '.*', '*': '[^.]*', '.': '\\.' })[found] ?? '');
  return new RegExp(`^${source}$`).test(subject);
}

describe('a policy', () => {
  it('grants nothing that no line allows, and everything that one allows and none denies', () => {
    fc.assert(
      fc.property(agents, question, (written, asked) => {
        const mine: Lines = asked.agent === 'stranger' ? {} : written[asked.agent];
        const granting = ((asked.kind === 'secret' ? mine.allow : mine.flows) ?? []).some(
          (text) =>
            means(text, asked.name) && (asked.kind === 'secret' || asked.effect === 'none' || !isWildcard(text)),
        );
        const denying = (mine.deny ?? []).some((text) => means(text, asked.name));
        expect(decide(policyOf(written), asked).allowed).toBe(granting && !denying);
      }),
      { numRuns: 2_000 },
    );
  });

  it('denies what one line denies, in whatever order the lines stand', () => {
    fc.assert(
      fc.property(agents, question, fc.nat(5), (written, asked, at) => {
        const mine = written[asked.agent === 'ci' ? 'ci' : 'codex'];
        const deny = mine.deny.toSpliced(at, 0, asked.name);
        const policy = policyOf({ ...written, codex: { ...mine, deny }, ci: { ...mine, deny } });
        expect(decide(policy, asked).allowed).toBe(false);
      }),
    );
  });

  it('decides the same in every order of its lines', () => {
    fc.assert(
      fc.property(agents, question, (written, asked) => {
        const turned = Object.fromEntries(
          Object.entries(written).map(([agent, each]) => [
            agent,
            { allow: each.allow.toReversed(), flows: each.flows.toReversed(), deny: each.deny.toReversed() },
          ]),
        );
        expect(decide(policyOf(turned), asked).allowed).toBe(decide(policyOf(written), asked).allowed);
      }),
    );
  });

  it('never grants more when a line that allows goes, or a line that denies comes', () => {
    fc.assert(
      fc.property(lines, question, fc.constantFrom('allow', 'flows'), fc.nat(3), (written, asked, list, at) => {
        const mine = { ...asked, agent: 'codex' };
        const before = decide(policyOf({ codex: written }), mine).allowed;
        const less = { ...written, [list]: written[list].toSpliced(at, 1) };
        const denied = { ...written, deny: [...written.deny, ...written.flows.slice(0, 1)] };
        for (const changed of [less, denied]) {
          const after = decide(policyOf({ codex: changed }), mine).allowed;
          expect(after && !before).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a pattern', () => {
  it('means what it says', () => {
    fc.assert(
      fc.property(pattern, name, (text, subject) => {
        expect(compilePattern(text)(subject)).toBe(means(text, subject));
      }),
      { numRuns: 3_000 },
    );
  });

  it('takes no long time for names and patterns that are made for it', () => {
    const hard = compilePattern(`${'*a'.repeat(60)}*b*`);
    const started = performance.now();
    for (let round = 0; round < 200; round += 1) expect(hard('a'.repeat(128))).toBe(false);
    // a regular expression with as many wildcards would not end
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('matches no name that is longer than any of ours', () => {
    expect(compilePattern('**')('a'.repeat(128))).toBe(true);
    expect(compilePattern('**')('a'.repeat(129))).toBe(false);
  });
});
