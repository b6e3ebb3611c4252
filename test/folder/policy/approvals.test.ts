import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { loadBrokerFiles } from '../../../src/folder/policy-and-registry.ts';
import { load, service } from '../folder.ts';

const spki = (type: 'ed25519' | 'rsa') => {
  const pair = type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
  return pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
};
const ed = spki('ed25519');
const key = (id: string, algorithm = 'EdDSA', publicKey = ed) =>
  `{ id: ${id.repeat(16)}, algorithm: ${algorithm}, public-key: ${publicKey}, added: 2026-11-29 }`;

const flows = {
  'service.yaml': service,
  'pull.yaml': 'description: d\nsteps:\n  - { id: key, uses: vault/read, with: { reference: op://Agents/a/b } }\n',
  'push.yaml': `description: d
steps:
  - { id: push, uses: store/push, with: { store: "\${{ stores.aws }}", secrets: [{ name: a, value: op://Agents/a/b }] } }
`,
  'registry.yaml':
    'secrets: { github.token: { reference: op://Agents/a/b }, stripe.key: { reference: op://Agents/a/c } }\n',
};
const people = `approvers:\n  ann: { passkeys: [${key('a')}] }\n  bo: { passkeys: [${key('b')}], owner-of: [codex] }\n`;
const withRules = (...rules: readonly string[]) =>
  `${people}agents:\n  codex:\n    allow: [github.*]\n    flows: [pull, push]\n    approve:\n${rules.map((rule) => `      - ${rule}\n`).join('')}`;

async function read(files: Readonly<Record<string, string>>) {
  const folder = await load({ ...flows, ...files });
  const found = loadBrokerFiles(folder);
  const told = [...folder.problems, ...found.problems, ...found.warnings].map(
    ({ file, line, column, message, hint = '' }) =>
      `${file.slice(folder.dir.length + 1)}:${line}:${column} ${message} (${hint})`,
  );
  return { ...found, folder, told };
}

describe('approvals in policy.yaml', () => {
  it('are read into rules, with what defaults give', async () => {
    const { policy, told } = await read({
      'policy.yaml': withRules(
        '{ names: [stripe.key, github.token], by: [bo, ann], needs: 2, self: true }',
        '{ names: [github.*], flows: [push], scope: run, by: ann, wait: 1h, expires: 2h, uses: 9 }',
      ),
    });
    expect(told).toEqual([]);
    expect(policy.approvers?.get('bo')).toMatchObject({ name: 'bo', ownerOf: ['codex'], trust: [] });
    expect(policy.approvers?.get('ann')?.passkeys).toEqual([
      { id: 'a'.repeat(16), publicKey: ed, algorithm: 'EdDSA', synced: false, added: '2026-11-29' },
    ]);
    const [call, run] = policy.agents.get('codex')?.approve ?? [];
    const location = 'policy.yaml:9:9';
    expect(call).toMatchObject({ scope: 'call', by: ['ann', 'bo'], needs: 2, wait: 600, expires: 600, location });
    expect(call).toMatchObject({ uses: undefined, self: true });
    expect(call?.text).toBe(
      '{"by":["ann","bo"],"expires":600,"flows":[],"names":["stripe.key","github.token"],"needs":2,"scope":"call","self":true,"wait":600}',
    );
    expect(run).toMatchObject({ scope: 'run', by: ['ann'], needs: 1, wait: 3_600, expires: 7_200, uses: 9 });
  });

  test.each<[string, string, RegExp]>([
    ['nobody', '{ names: [github.token] }', /9:\d+ "by" is missing/],
    ['about nothing', '{ by: [ann] }', /9:9 the rule is about nothing/],
    [
      'someone who is not there',
      '{ names: [github.token], by: [anne] }',
      /9:39 unknown approver "anne" \(did you mean "ann"\?\)/,
    ],
    [
      'more than there are',
      '{ names: [github.token], by: [ann], needs: 2 }',
      /9:52 it needs 2 people, and 1 may approve/,
    ],
    ['the same person twice', '{ names: [github.token], by: [ann, ann], needs: 2 }', /it needs 2 people, and 1 may/],
    ['the owner', '{ names: [github.token], by: [ann, bo], needs: 2 }', /9:38 it needs 2, and "bo" owns "codex"/],
    ['uses of a call', '{ names: [github.token], by: [ann], uses: 2 }', /an approval for a call is good for one/],
    [
      'a longer life than a day’s half',
      '{ names: [github.token], by: [ann], expires: 13h }',
      /9:54 "expires" is at most 12h/,
    ],
    ['a longer wait than a day', '{ names: [github.token], by: [ann], wait: 2d }', /"wait" is at most 24h/],
    ['a secret that is not there', '{ names: [github.tokn], by: [ann] }', /unknown secret "github.tokn" \(did you/],
    ['a flow that is not there', '{ flows: [pul], by: [ann] }', /unknown flow "pul" \(did you mean "pull"\?\)/],
    ['a wildcard that matches nothing', '{ names: [aws.*], by: [ann] }', /"aws.\*" matches nothing yet/],
    [
      'a session of what writes',
      '{ flows: [push], by: [ann], scope: session }',
      /session is not for "push", which writes/,
    ],
    ['another scope', '{ names: [github.token], by: [ann], scope: always }', /one of call, run, session/],
    ['another key', '{ names: [github.token], by: [ann], for: 1h }', /unknown key "for"/],
  ])('which are wrong: %s', async (_, rule, expected) => {
    const { told } = await read({ 'policy.yaml': withRules(rule) });
    expect(told.join('\n')).toMatch(expected);
  });

  test.each<[string, string, RegExp]>([
    [
      'one passkey of two people',
      `ann: { passkeys: [${key('a')}] }\n  bo: { passkeys: [${key('a')}] }`,
      /3:26 this passkey is also that of "ann"/,
    ],
    ['a key of another kind', `ann: { passkeys: [${key('a', 'ES256')}] }`, /this is no public key for ES256/],
    ['no key', `ann: { passkeys: [${key('a', 'RS256', 'A'.repeat(60))}] }`, /this is no public key for RS256/],
    ['a name that the trail uses', 'local: {}', /no approver may be named "local"/],
    ['an agent that is not there', 'ann: { owner-of: [codx] }', /2:21 policy.yaml has no agent "codx" \(did you/],
    [
      'a whole issuer',
      'ann: { trust: { issuer: https://i.example, audience: a, claims: { sub: "*" } } }',
      /these claims are those of everyone/,
    ],
    [
      'whoever has an address there',
      'ann: { trust: { issuer: https://i.example, audience: a, claims: { email: ann@acme.example } } }',
      /2:\d+ this may be others than "ann", too \(write sub: as the issuer has it for this person, whole\)/,
    ],
    [
      'many subjects',
      'ann: { trust: { issuer: https://i.example, audience: a, claims: { sub: "ann*" } } }',
      /this may be others than "ann", too/,
    ],
    [
      'a run of a person',
      'ann: { trust: { issuer: https://i.example, audience: a, run: r, claims: { sub: ann } } }',
      /unknown key "run"/,
    ],
  ])('whose people are wrong: %s', async (_, approvers, expected) => {
    const { told } = await read({
      'policy.yaml': `approvers:\n  ${approvers}\nagents: { codex: { allow: [github.token] } }\n`,
    });
    expect(told.join('\n')).toMatch(expected);
  });

  it('may wait for the passkeys of those whom they name, which is told', async () => {
    const { problems, told } = await read({
      'policy.yaml': `approvers: { ann: {} }\nagents: { codex: { allow: [github.token], approve: [{ names: [github.token], by: [ann] }] } }\n`,
    });
    expect(problems).toEqual([]);
    expect(told).toEqual(['policy.yaml:2:83 nothing proves "ann" yet (run flows approvers add ann)']);
  });
});

describe('what an approver may reveal', () => {
  const glass = (more: string, output = '"${{ steps.code }}"') =>
    `description: d\n${more}\nsteps:\n  - { id: code, uses: totp/code, with: { reference: op://Agents/a/b } }\noutput: ${output}\n`;
  const files = {
    'glass.yaml': glass('break-glass: { notify: [ops] }'),
    'quiet.yaml': glass('break-glass: true', '{ user: admin, code: "${{ steps.code }}" }'),
    'plain.yaml': glass('break-glass: false'),
    'mute.yaml': glass('break-glass: true', '{ user: admin }'),
    'service.yaml': `${service}    notify: { ops: { type: slack, webhook: op://Agents/Slack/url } }\n`,
  };
  const policyWith = (reveal: string) =>
    `approvers:\n  ann: { passkeys: [${key('a')}], reveal: ${reveal} }\nagents: {}\n`;

  it('is read with its line', async () => {
    const { policy, told } = await read({ ...files, 'policy.yaml': policyWith('[glass]') });
    expect(told).toEqual([]);
    expect(policy.approvers?.get('ann')?.reveal).toEqual([
      { text: 'glass', location: expect.stringMatching(/^policy\.yaml:2:\d+$/) },
    ]);
  });

  test.each<[string, string, RegExp]>([
    ['no flow', '[glas]', /unknown flow "glas" \(did you mean "glass"/],
    ['no wildcard', "['*']", /unknown flow "\*"/],
    ['what is not for break-glass', 'plain', /"plain" cannot be revealed: it is not for break-glass/],
    ['what gives no code', '[mute]', /"mute" cannot be revealed: it gives no one-time code/],
    ['what nobody is told of, which is only said', '[quiet]', /nobody is told when "quiet" is revealed/],
    ['nothing', '[]', /takes at least 1/],
  ])('is %s', async (_, reveal, expected) => {
    const { told } = await read({ ...files, 'policy.yaml': policyWith(reveal) });
    expect(told.join('\n')).toMatch(expected);
  });
});

it('says nothing of the first approver, whom the laptop gives a key, while the laptop is what the folder is for', async () => {
  const rules = 'agents: { codex: { allow: [github.token], approve: [{ names: [github.token], by: [ann, bo] }] } }';
  const files = { 'policy.yaml': `approvers: { ann: {}, bo: {} }\n${rules}\n` };
  const laptop = { 'service.yaml': `${service.replace(': production', ': development')}\n  development: {}\n` };
  expect((await read({ ...files, ...laptop })).told).toEqual([
    'policy.yaml:2:88 nothing proves "bo" yet (run flows approvers add bo)',
  ]);
  expect((await read(files)).told).toHaveLength(2);
});

describe('approvals that a flow wants', () => {
  const flow = (rule: string) => `${flows['push.yaml']}approve: ${rule}\n`;
  it('are read with the flow, and checked against the people of policy.yaml', async () => {
    const { folder, told } = await read({
      'push.yaml': flow('{ by: ann, scope: run }'),
      'policy.yaml': people.replace(', owner-of: [codex]', ''),
    });
    expect(told).toEqual([]);
    expect(folder.flows.get('push')?.approve?.rule).toMatchObject({
      by: ['ann'],
      scope: 'run',
      location: 'push.yaml:4:10',
    });
  });

  test.each([
    ['{ by: [zoe] }', /push.yaml:4:17 unknown approver "zoe"/],
    ['{ by: [ann], scope: session }', /push.yaml:4:30 a session is not for "push"/],
    ['{ by: [ann], names: [x] }', /push.yaml:4:\d+ unknown key "names"/],
    ['yes', /push.yaml:4:10 "approve" takes keys/],
  ])('%s', async (rule, expected) => {
    const { told } = await read({ 'push.yaml': flow(rule), 'policy.yaml': people.replace(', owner-of: [codex]', '') });
    expect(told.join('\n')).toMatch(expected);
  });
});

describe('people whom a step asks', () => {
  const asking = (approvers: string) => `description: d
inputs: { who: { type: string, description: w } }
steps:
  - { id: asked, uses: approval/request, with: { reason: r, approvers: ${approvers} } }
`;
  const policy = people.replace(', owner-of: [codex]', '');

  test.each([
    ['zoe', /^push.yaml:4:\d+ unknown approver "zoe" \(add them: flows approvers add zoe\)$/],
    ['[ann, boo]', /^push.yaml:4:\d+ unknown approver "boo" \(did you mean "bo"\?\)$/],
  ])('%s, are told where they are not in policy.yaml', async (approvers, expected) => {
    const { told } = await read({ 'push.yaml': asking(approvers), 'policy.yaml': policy });
    expect(told.join('\n')).toMatch(expected);
  });

  it('are taken where they are there, where an input names them, and where no policy.yaml is', async () => {
    for (const approvers of ['[ann, bo]', '"${{ inputs.who }}"'])
      expect((await read({ 'push.yaml': asking(approvers), 'policy.yaml': policy })).told).toEqual([]);
    expect((await read({ 'push.yaml': asking('zoe') })).told).toEqual([]);
  });
});
