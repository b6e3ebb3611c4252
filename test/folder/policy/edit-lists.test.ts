import * as fc from 'fast-check';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { withPasskeys, withTokens } from '../../../src/folder/policy/edit-lists.ts';
import { createSource } from '../../../src/language/problems.ts';
import { readYaml } from '../../../src/language/yaml.ts';
import { readPolicy } from '../../../src/folder/policy/read-policy.ts';
import type { AgentToken, Passkey } from '../../../src/folder/policy/policy.ts';

const hex = (character: string) => character.repeat(64);
const token = (character: string, expires?: number): AgentToken => ({ sha256: hex(character), expires });
const [a, b, c] = [token('a'), token('b', Date.UTC(2027, 0, 1)), token('0')];
const written = { a: `'sha256:${hex('a')}'`, b: `{ sha256: '${hex('b')}', expires: 2027-01-01T00:00:00Z }` };

function policyOf(text: string) {
  const source = createSource('policy.yaml', text);
  const root = readYaml(source);
  const policy = root === undefined ? undefined : readPolicy(root, source).policy;
  expect(source.problems).toEqual([]);
  return policy;
}

describe('an edit of the tokens changes no other character', () => {
  test.each<[string, string, string, readonly AgentToken[], string]>([
    [
      'no tokens yet',
      'agents:\n  x: # mine\n    # rules\n    allow:   [a.b]   # all\n',
      'x',
      [a],
      `agents:\n  x: # mine\n    # rules\n    tokens: [${written.a}]\n    allow:   [a.b]   # all\n`,
    ],
    [
      'one in a line',
      `agents:\n  x:\n    tokens: [${written.a}] # now\n    rate: 1/day\n`,
      'x',
      [a, b],
      `agents:\n  x:\n    tokens: [${written.a}, ${written.b}] # now\n    rate: 1/day\n`,
    ],
    [
      'a list written wide',
      `agents:\n  x:\n    tokens: [ "sha256:${hex('a')}" ]\n`,
      'x',
      [a, b],
      `agents:\n  x:\n    tokens: ["sha256:${hex('a')}", ${written.b}]\n`,
    ],
    [
      'the older one goes',
      `agents:\n  x:\n    tokens: [${written.a}, ${written.b}]\n`,
      'x',
      [b],
      `agents:\n  x:\n    tokens: [${written.b}]\n`,
    ],
    [
      'one that says when it was made',
      `agents:\n  x:\n    tokens: [${written.a}]\n`,
      'x',
      [{ ...b, issued: Date.UTC(2026, 9, 1, 6) }],
      `agents:\n  x:\n    tokens: [{ sha256: '${hex('b')}', issued: 2026-10-01T06:00:00Z, expires: 2027-01-01T00:00:00Z }]\n`,
    ],
    ['the last one goes', `agents:\n  x:\n    tokens: [${written.a}]\n`, 'x', [], `agents:\n  x:\n    tokens: []\n`],
    [
      'one a line, one more',
      `agents:\n  x:\n    tokens:\n      - ${written.a} # laptop\n    rate: 1/day\n`,
      'x',
      [a, b],
      `agents:\n  x:\n    tokens:\n      - ${written.a} # laptop\n      - ${written.b}\n    rate: 1/day\n`,
    ],
    [
      'one a line, one for another',
      `agents:\n  x:\n    tokens:\n    - ${written.a} # laptop\n    - ${written.b} # ci\n`,
      'x',
      [b, a].slice(0, 1),
      `agents:\n  x:\n    tokens:\n    - ${written.b} # ci\n`,
    ],
    [
      'an agent on one line',
      'agents:\n  x: { allow: [a.b] } # short\n',
      'x',
      [a],
      `agents:\n  x: { tokens: [${written.a}], allow: [a.b] } # short\n`,
    ],
    [
      'a new agent',
      'default: deny\nagents:\n    x:\n        rate: 1/day # slow\n# the end\n',
      'y',
      [a],
      `default: deny\nagents:\n    x:\n        rate: 1/day # slow\n    y:\n      tokens: [${written.a}]\n# the end\n`,
    ],
    [
      'a new agent after a list',
      'agents:\n  x:\n    allow:\n      - a.b\n      - c.d # last\n',
      'y',
      [a],
      `agents:\n  x:\n    allow:\n      - a.b\n      - c.d # last\n  y:\n    tokens: [${written.a}]\n`,
    ],
    [
      'a new agent where the file ends without a line break',
      'agents:\n  x: { rate: 1/day }',
      'y',
      [a],
      `agents:\n  x: { rate: 1/day }\n  y:\n    tokens: [${written.a}]`,
    ],
    [
      'line breaks of Windows',
      'agents:\r\n  x:\r\n    rate: 1/day\r\n',
      'x',
      [a],
      `agents:\r\n  x:\r\n    tokens: [${written.a}]\r\n    rate: 1/day\r\n`,
    ],
    [
      'no file',
      '',
      'x',
      [a],
      `# yaml-language-server: $schema=.schema/policy.schema.json\ndefault: deny\nagents:\n  x:\n    tokens: [${written.a}]\n`,
    ],
  ])('%s', (_, before, agent, tokens, after) => {
    expect(withTokens(before === '' ? undefined : before, agent, tokens)).toBe(after);
  });
});

describe('an edit keeps the comments where the layout has to change', () => {
  test.each<[string, string, readonly AgentToken[]]>([
    ['no agents at all', '# why\ndefault: deny # always\n', [a]],
    ['agents without any', '# why\ndefault: deny # always\nagents: {}\n', [a]],
    ['agents on one line', '# why\nagents: { y: { rate: 1/day } } # always\n', [a]],
    ['a list over several lines', `# why\nagents:\n  x:\n    tokens: [\n      ${written.a}, # always\n    ]\n`, [a, b]],
    [
      'the last of one a line',
      `# why\nagents:\n  x:\n    # always\n    tokens:\n      - ${written.a}\n    rate: 1/day\n`,
      [],
    ],
  ])('%s', (_, before, tokens) => {
    const after = withTokens(before, 'x', tokens);
    expect(policyOf(after)?.agents.get('x')?.tokens).toEqual(tokens);
    expect(after).toContain('# why');
    expect(after).toContain('# always');
  });
});

it('takes no file that is wrong', () => {
  expect(() => withTokens('default: allow\n', 'x', [a])).toThrow(expect.objectContaining({ code: 'invalid' }));
  expect(() => withTokens('agents: [', 'x', [a])).toThrow(expect.objectContaining({ code: 'invalid' }));
});

// agents and lists in any of the ways in which people write them
const comment = fc.constantFrom('', ' # why', ' # [a, b] { x: y }', " # 'sha256:");
const names = fc.constantFrom('x', 'y', 'zed');
const style = fc.record({
  block: fc.boolean(),
  inline: fc.boolean(),
  tokens: fc.constantFrom<readonly AgentToken[]>([], [a], [c], [c, a]),
  rule: fc.constantFrom('rate: 60/minute', 'allow: [a.b, "c.*"]', "allow:\n      - 'a.b'\n      - c.d", 'max-ttl: 15m'),
  comment,
  order: fc.boolean(),
});

function textOf(
  styles: Readonly<
    Record<
      string,
      { block: boolean; inline: boolean; tokens: readonly AgentToken[]; rule: string; comment: string; order: boolean }
    >
  >,
  end: string,
): string {
  const agents = Object.entries(styles).map(([name, { block, inline, tokens, rule, comment: note, order }], index) => {
    const hashes = tokens.map(({ sha256 }) => `sha256:${sha256.replace(/^./, String(index))}`);
    if (inline) {
      const list = hashes.length === 0 ? '' : `tokens: [${hashes.map((each) => `'${each}'`).join(', ')}], `;
      return `  ${name}: { ${list}max-ttl: 15m }${note}\n`;
    }
    const list =
      hashes.length === 0
        ? ''
        : block
          ? `    tokens:${note}\n${hashes.map((each) => `      - '${each}'${note}\n`).join('')}`
          : `    tokens: [${hashes.map((each) => `"${each}"`).join(',')}]${note}\n`;
    const body = order ? `${list}    ${rule}${note}\n` : `    ${rule}${note}\n${list}`;
    return `  ${name}:${note}\n${body}`;
  });
  return `# a policy\ndefault: deny\n\nagents:\n${agents.join('\n')}${end}`;
}

it('changes the tokens of one agent and nothing that anyone else says, in whatever way it is written', () => {
  const some = fc.dictionary(names, style, { minKeys: 1, maxKeys: 3 });
  const set = fc.constantFrom<readonly AgentToken[]>([], [a], [b], [a, b], [b, token('f')]);
  fc.assert(
    fc.property(some, fc.constantFrom('', '# the end\n', '\n\n'), names, set, (styles, end, agent, tokens) => {
      const before = textOf(styles, end);
      const after = withTokens(before, agent, tokens);
      const [was, is] = [policyOf(before), policyOf(after)];
      expect(is?.agents.get(agent)?.tokens).toEqual(tokens);
      for (const [name, each] of was?.agents ?? []) {
        const { allow = [], ...now } = is?.agents.get(name) ?? {};
        const texts = (patterns: readonly { readonly text: string }[]) => patterns.map(({ text }) => text);
        expect({ ...now, allow: texts(allow) }).toEqual({
          ...each,
          allow: texts(each.allow),
          ...(name === agent ? { tokens } : {}),
        });
      }
      const outside = before.split('\n').filter((line) => !/sha256|tokens:/.test(line) && line.trim() !== '');
      const left = after.split('\n');
      // comments and rules are all still there; an agent on one line may have got its tokens in it
      for (const line of outside) {
        const rest = line.includes('{ max-ttl') ? line.slice(line.indexOf('max-ttl')) : line;
        expect(left.some((each) => each.includes(rest.trim()))).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
});

describe('passkeys of an approver', () => {
  const spki = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
  const key = (id: string): Passkey => ({
    id: id.repeat(16),
    publicKey: spki,
    algorithm: 'EdDSA',
    synced: true,
    added: '2026-11-29',
  });
  const text = (id: string) =>
    `{ id: ${id.repeat(16)}, public-key: ${spki}, algorithm: EdDSA, synced: true, added: 2026-11-29 }`;
  const agents = 'agents: # who may what\n  x: { rate: 1/day }\n';

  test.each<[string, string | undefined, readonly Passkey[], string]>([
    [
      'no file',
      undefined,
      [key('a')],
      `# yaml-language-server: $schema=.schema/policy.schema.json\ndefault: deny\napprovers:\n  ann:\n    passkeys: [${text('a')}]\n`,
    ],
    [
      'no approvers',
      `default: deny\n${agents}`,
      [key('a')],
      `default: deny\napprovers:\n  ann:\n    passkeys: [${text('a')}]\n${agents}`,
    ],
    [
      'another person',
      `approvers:\n  bo: {} # slow\n${agents}`,
      [],
      `approvers:\n  bo: {} # slow\n  ann:\n    passkeys: []\n${agents}`,
    ],
    [
      'nothing of her',
      `approvers:\n  ann: {} # fast\n${agents}`,
      [key('a')],
      `approvers:\n  ann: { passkeys: [${text('a')}] } # fast\n${agents}`,
    ],
    [
      'what she owns',
      `approvers:\n  ann: { owner-of: [x] }\n${agents}`,
      [key('a')],
      `approvers:\n  ann: { passkeys: [${text('a')}], owner-of: [x] }\n${agents}`,
    ],
    [
      'what she may reveal, elsewhere than before',
      `approvers: { ann: { reveal: [glass] } }\n${agents}`,
      [key('a')],
      `approvers: { ann: { passkeys: [${text('a')}], reveal: [glass] } }\n${agents}`,
    ],
    [
      'one a line',
      `approvers:\n  ann:\n    passkeys:\n      - ${text('a')} # blue\n${agents}`,
      [key('a'), key('b')],
      `approvers:\n  ann:\n    passkeys:\n      - ${text('a')} # blue\n      - ${text('b')}\n${agents}`,
    ],
    [
      'one to go',
      `approvers:\n  ann:\n    passkeys: [${text('a')}, ${text('b')}]\n${agents}`,
      [key('b')],
      `approvers:\n  ann:\n    passkeys: [${text('b')}]\n${agents}`,
    ],
  ])('are written where there is %s', (_, before, keys, after) => {
    expect(withPasskeys(before, 'ann', keys)).toBe(after);
  });

  test.each(['-', '0', '_', '1e'])('are text, also where the id begins with %s', (start) => {
    const passkey = { ...key('a'), id: `${start}${'1'.repeat(20)}` };
    expect(withPasskeys(agents, 'ann', [passkey])).toContain(`id: '${passkey.id}'`);
  });
});
