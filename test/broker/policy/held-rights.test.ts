import { atOnce } from '../../../src/foundation/in-turns.ts';
import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { decide } from '../../../src/broker/policy/decide.ts';
import { allowsMore, cutOff, within } from '../../../src/broker/policy/held-rights.ts';
import { readPolicy } from '../../../src/folder/policy/read-policy.ts';
import type { Policy } from '../../../src/folder/policy/policy.ts';
import { createSource } from '../../../src/language/problems.ts';
import { readYaml } from '../../../src/language/yaml.ts';

function policyOf(text: string): Policy | undefined {
  const source = createSource('policy.yaml', text);
  const root = readYaml(source);
  const policy = root === undefined ? undefined : readPolicy(root, source).policy;
  return source.problems.length > 0 ? undefined : policy;
}

function known(agent: string): Policy {
  const policy = policyOf(`agents: { codex: { ${agent} } }\n`);
  if (policy === undefined) throw new Error(agent);
  return policy;
}

const token = (digit: number, expires?: string) =>
  `{ sha256: "${String(digit).repeat(64)}"${expires === undefined ? '' : `, expires: ${expires}`} }`;
const trust = (claims: string) => `{ issuer: https://ci.example, audience: flows, claims: { ${claims} } }`;

it.each([
  ['allow: [a.b]', 'allow: [a.b]', false],
  ['allow: [a.b]', 'allow: ["a.*"]', false],
  ['allow: ["a.*"]', 'allow: [a.b]', true],
  ['allow: [a.b, c.d]', 'allow: [a.b]', true],
  ['flows: [x]', 'allow: [a.b]', true],
  ['allow: ["**"]', 'allow: ["**"], deny: [a.b]', true],
  ['allow: [a.b]', 'allow: [a.b], deny: [c.d]', false],
  ['allow: ["**"], deny: ["a.*"]', 'allow: ["**"], deny: [a.b]', false],
  ['allow: [a.b], max-ttl: 2h', 'allow: [a.b], max-ttl: 1h', true],
  ['allow: [a.b]', 'allow: [a.b], max-ttl: 1h', true],
  ['allow: [a.b], rate: 60/minute', 'allow: [a.b], rate: 2/second', false],
  ['allow: [a.b], rate: 61/minute', 'allow: [a.b], rate: 1/second', true],
  ['allow: [a.b]', 'allow: [a.b], require-reason: true', true],
  ['allow: [a.b], require-reason: true', 'allow: [a.b]', false],
  [`trust: [${trust('a: x')}]`, `trust: [${trust('a: x')}, ${trust('b: y')}]`, false],
  [`trust: [${trust('a: x')}]`, `trust: [${trust('a: x, b: y')}]`, true],
  [`trust: [${trust('a: x')}]`, '', true],
  [`tokens: [${token(7)}]`, `tokens: [${token(7, '2027-01-01T00:00:00Z')}]`, true],
  [`tokens: [${token(7, '2028-01-01T00:00:00Z')}]`, `tokens: [${token(7, '2027-01-01T00:00:00Z')}]`, true],
  [`tokens: [${token(7, '2027-01-01T00:00:00Z')}]`, `tokens: [${token(7)}]`, false],
  [`tokens: [${token(7)}, ${token(8)}]`, `tokens: [${token(7)}]`, false],
  [
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }]',
    'vault-paths: [{ path: op/vaults/E/*, can: [read, list] }]',
    false,
  ],
  [
    'vault-paths: [{ path: op/vaults/E/*, can: [read, list] }]',
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }]',
    true,
  ],
  [
    'vault-paths: [{ path: op/vaults/E/items/X, can: [read] }]',
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }]',
    true,
  ],
  [
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }]',
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }, { path: op/vaults/E/items/X, can: [deny] }]',
    true,
  ],
  [
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }]',
    'vault-paths: [{ path: op/vaults/E/*, can: [read] }], deny: ["**"]',
    true,
  ],
])('%s allows more than %s: %s', (policy, than, more) => {
  expect(atOnce(allowsMore(known(policy), known(than)))).toBe(more);
});

it.each([
  ['allow: [a.b]', true],
  ['flows: [x]', true],
  ['vault-paths: [{ path: op/vaults/E/items/X, can: [update] }]', true],
  ['deny: [a.b]', false],
])('of an agent that is new, %s is more: %s', (agent, more) => {
  expect(atOnce(allowsMore(known(agent), { agents: new Map() }))).toBe(more);
});

it('allows within another what both allow, as long and as often as both', () => {
  const both = within(
    known('allow: ["**"], flows: [x], max-ttl: 2h, rate: 60/minute'),
    known('allow: [a.b, c.d], deny: [c.d], max-ttl: 1h, rate: 10/minute, require-reason: true'),
  );
  const ask = (name: string, reason?: string) => decide(both, { kind: 'secret', agent: 'codex', name, reason }).allowed;
  expect([ask('a.b', 'r'), ask('a.b'), ask('c.d', 'r'), ask('e.f', 'r')]).toEqual([true, false, false, false]);
  expect(both.agents.get('codex')).toMatchObject({ maxTtl: 3_600, rate: { count: 10, per: 60 } });
});

it('proves within another only whom both prove, for as long as both', () => {
  const both = within(
    known(`tokens: [${token(7)}, ${token(8)}], trust: [${trust('a: x')}, ${trust('b: y')}]`),
    known(`tokens: [${token(7, '2027-01-01T00:00:00Z')}], trust: [${trust('a: x, c: z')}, ${trust('b: y')}]`),
  );
  const { tokens, trust: trusted } = both.agents.get('codex') ?? { tokens: [], trust: [] };
  expect(tokens.map(({ expires }) => expires)).toEqual([Date.parse('2027-01-01T00:00:00Z'), undefined]);
  expect(trusted.map(({ claims }) => claims)).toEqual([{ b: 'y' }]);
});

const key = (id: string) => `{ id: ${id.repeat(16)}, algorithm: EdDSA, public-key: ${spki} }`;
const spki = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
const people = (keys: string, rules: string, more = '') => {
  const policy = policyOf(
    `approvers: { ann: { passkeys: [${keys}]${more} } }\nagents: { codex: { allow: [a.b], approve: [${rules}] } }\n`,
  );
  if (policy === undefined) throw new Error(keys);
  return policy;
};
const rule = '{ names: [a.b], by: [ann] }';

it.each<[string, Policy, Policy, boolean]>([
  ['the same', people(key('a'), rule), people(key('a'), rule), false],
  ['a rule less', people(key('a'), ''), people(key('a'), rule), true],
  ['a rule more', people(key('a'), rule), people(key('a'), ''), false],
  ['another rule', people(key('a'), '{ names: [a.b], by: [ann], expires: 5m }'), people(key('a'), rule), true],
  ['a key less', people('', rule), people(key('a'), rule), false],
  ['a key more', people(`${key('a')}, ${key('b')}`, rule), people(key('a'), rule), true],
  [
    'the same to reveal',
    people(key('a'), rule, ', reveal: [glass]'),
    people(key('a'), rule, ', reveal: [glass]'),
    false,
  ],
  ['more to reveal', people(key('a'), rule, ', reveal: [glass]'), people(key('a'), rule), true],
  ['less to reveal', people(key('a'), rule), people(key('a'), rule, ', reveal: [glass]'), false],
  ['an owner less', people(key('a'), rule), people(key('a'), rule, ', owner-of: [codex]'), true],
])('of approvals, %s is a right more or not', (_, policy, than, more) => {
  expect(atOnce(allowsMore(policy, than))).toBe(more);
});

it('keeps what must be approved, and by which keys, until a change has been held', () => {
  const both = within(people(`${key('a')}, ${key('b')}`, ''), people(key('a'), rule));
  expect(both.approvers?.get('ann')?.passkeys.map(({ id }) => id)).toEqual(['a'.repeat(16)]);
  expect(decide(both, { kind: 'secret', agent: 'codex', name: 'a.b' }).approvals).toHaveLength(1);
});

it('lets nobody reveal what is new until it has been held', () => {
  const both = within(people(key('a'), rule, ', reveal: [glass, other]'), people(key('a'), rule, ', reveal: [glass]'));
  const reveal = (name: string) => decide(both, { kind: 'reveal', agent: 'ann', name }).allowed;
  expect([reveal('glass'), reveal('other')]).toEqual([true, false]);
});

const written = `default: deny
agents:
  codex:
    allow: ["**"]
    flows: [orders-token]
    deny:
      - github.admin_token
      - stripe.live_key
    max-ttl: 15m
    rate: 60/minute
    require-reason: true
    tokens:
      - sha256: '${'7'.repeat(64)}'
        expires: 2027-01-01T00:00:00Z
    trust:
      - issuer: https://ci.example
        audience: flows
        claims:
          repository: acme/orders
          ref: refs/heads/main
`;

it('finds a file cut at any byte that allows what the whole one does not', () => {
  const whole = policyOf(written);
  if (whole === undefined) throw new Error('not read');
  const dangerous = Array.from({ length: written.length }, (_, length) => written.slice(0, length)).filter((text) => {
    const policy = policyOf(text);
    return policy !== undefined && atOnce(allowsMore(policy, whole));
  });
  expect(dangerous.length).toBeGreaterThan(10);
  expect(dangerous.filter((text) => cutOff(text, written) === undefined)).toEqual([]);
  // of a file that was never seen whole only the mark at its end tells
  const marked = dangerous.filter((text) => cutOff(text, '# before\n...\n') === undefined);
  expect(marked).toEqual([]);
});
