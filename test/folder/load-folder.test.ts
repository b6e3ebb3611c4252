import { openFolder } from '../../src/app/open-folder.ts';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isSafeLine } from '../../src/foundation/safe-line.ts';
import { formatProblem } from '../../src/language/problems.ts';
import { folderWith, load, service, told } from './folder.ts';

const read = (reference: string) => `  - id: a\n    uses: vault/read\n    with:\n      reference: ${reference}\n`;
const token = `  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: id
      client-secret: op://Agents/M2M/credential
`;
const good = `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ steps.a }}\n`;

/** Flow files with one thing wrong each: where it is told, and what the message and hint must hold. */
const wrongFlows: readonly (readonly [string, string, string, RegExp])[] = [
  ['no description', `steps:\n${read('op://Agents/x/y')}`, '1:1', /"description" is missing/],
  [
    'a reference that YAML cuts off at a comment',
    `description: d\nsteps:\n${read('op://V/I/key #2')}`,
    '6:18',
    /the reference ends before "#".*put the reference in quotes/s,
  ],
  ['no steps', 'description: d\n', '1:1', /"steps" is missing/],
  ['no steps and one value', 'description: d\noutput: op://Agents/x/y\n', '1:1', /"steps" is missing/],
  [
    'a file of nothing',
    'description: d\noutput: { KEY: a }\nas-file: [KYE]\n',
    '3:10',
    /no entry of output: is named "KYE"/,
  ],
  ['no name of a variable', 'description: d\noutput: { MY KEY: a }\n', '2:11', /"MY KEY" is not a name for an output/],
  ['empty steps', 'description: d\nsteps: []\n', '2:8', /at least one step/],
  [
    'unknown key',
    `descripton: d\nsteps:\n${read('op://Agents/x/y')}`,
    '1:1',
    /unknown key "descripton".*did you mean "description"/s,
  ],
  [
    'foreign key',
    `description: d\nname: x\nsteps:\n${read('op://Agents/x/y')}`,
    '2:1',
    /unknown key "name".*file's name/s,
  ],
  [
    'foreign if',
    `description: d\nsteps:\n  - id: a\n    if: true\n    uses: vault/read\n    with: { reference: op://Agents/x/y }\n`,
    '4:5',
    /no conditions/,
  ],
  [
    'foreign run',
    `description: d\nsteps:\n  - id: a\n    run: ls\n    uses: vault/read\n    with: { reference: op://Agents/x/y }\n`,
    '4:5',
    /choose a kind/,
  ],
  [
    'key beside with',
    `description: d\nsteps:\n  - id: a\n    uses: vault/read\n    reference: op://Agents/x/y\n    with: { reference: op://Agents/x/y }\n`,
    '5:5',
    /put it under with:/,
  ],
  [
    'unknown kind',
    'description: d\nsteps:\n  - id: a\n    uses: vault/raed\n',
    '4:11',
    /unknown step kind "vault\/raed".*"vault\/read"/s,
  ],
  [
    'bad id',
    'description: d\nsteps:\n  - id: A b\n    uses: vault/read\n    with: { reference: op://Agents/x/y }\n',
    '3:9',
    /not an id/,
  ],
  [
    'two ids',
    `description: d\nsteps:\n${read('op://Agents/x/y')}${read('op://Agents/x/z')}`,
    '7:9',
    /two steps have the id "a"/,
  ],
  [
    'unknown with key',
    `description: d\nsteps:\n${read('op://Agents/x/y')}      refrence: x\n`,
    '7:7',
    /unknown key "refrence"/,
  ],
  ['not a reference', `description: d\nsteps:\n${read('Agents/x/y')}`, '6:18', /takes a reference/],
  ['reference without field', `description: d\nsteps:\n${read('op://Agents/x')}`, '6:18', /names an item/],
  ['reference with five parts', `description: d\nsteps:\n${read('op://a/b/c/d/e')}`, '6:18', /5 parts/],
  [
    'unserved vault',
    `description: d\nsteps:\n${read('op://Nowhere/x/y')}`,
    '6:18',
    /serves the vault "Nowhere" in environment "production"/,
  ],
  [
    'free text in a reference',
    `description: d\ninputs: { item: string }\nsteps:\n${read('op://Agents/${{ inputs.item }}/y')}`,
    '7:30',
    /may not stand in a reference/,
  ],
  [
    'number input in a reference',
    `description: d\ninputs: { item: number }\nsteps:\n${read('op://Agents/${{ inputs.item }}/y')}`,
    '7:30',
    /may not stand in a reference/,
  ],
  [
    'input as a reference',
    `description: d\ninputs: { item: string }\nsteps:\n${read('${{ inputs.item }}')}`,
    '7:18',
    /is text, and "reference" takes a reference/,
  ],
  ['variable as a reference', `description: d\nsteps:\n${read('${{ vars.prefix }}')}`, '6:18', /takes a reference/],
  [
    'unknown input',
    `description: d\ninputs: { item: string }\nsteps:\n${read('op://Agents/x/y')}output: \${{ inputs.itme }}\n`,
    '8:9',
    /unknown input "itme".*did you mean "item"/s,
  ],
  [
    'unknown variable',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ vars.prefx }}\n`,
    '7:9',
    /unknown variable "prefx" in environment "production".*"prefix"/s,
  ],
  [
    'unknown root',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ step.a }}\n`,
    '7:9',
    /begins with no known word.*"steps"/s,
  ],
  [
    'unknown step',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ steps.b }}\n`,
    '7:9',
    /unknown step "b"/,
  ],
  [
    'unknown field',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ steps.a.vlaue }}\n`,
    '7:9',
    /unknown field.*"vlaue".*"value"/s,
  ],
  [
    'outputs of elsewhere',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ steps.a.outputs.value }}\n`,
    '7:9',
    /not our form.*steps\.a\.value/s,
  ],
  [
    'secrets of elsewhere',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ secrets.X }}\n`,
    '7:9',
    /no known word.*uses: vault\/read/s,
  ],
  [
    'context of elsewhere',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ github.actor }}\n`,
    '7:9',
    /no known word.*paths begin with inputs/s,
  ],
  [
    'step of elsewhere',
    `description: d\nsteps:\n${read('op://Agents/x/y').replace('id:', 'id: x\n    name:')}output: a\n`,
    '4:5',
    /unknown key "name" in a step.*write id:/s,
  ],
  [
    'name of a step that has no id',
    `description: d\nsteps:\n${read('op://Agents/x/y').replace('id: a', 'uses: vault/read').replace('    uses: vault/read\n    with', '    with')}output: \${{ steps.a }}\n`,
    '3:5',
    /"id" is missing/,
  ],
  [
    'substitution of elsewhere in the output',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: { a: '{{ steps.a }}' }\n`,
    '7:14',
    /not put in here.*\$\{\{ steps.a \}\}/s,
  ],
  [
    'substitution of elsewhere in a claim',
    `description: d\nsteps:\n${token}      require-claims: { owner: '\${OWNER}' }\n`,
    '9:32',
    /not put in here.*inputs\.owner/s,
  ],
  ['empty description', `description: ''\nsteps:\n${read('op://Agents/x/y')}`, '1:14', /takes text, and this is empty/],
  [
    'reference in braces',
    `description: d\nsteps:\n${read("'{{ op://Agents/x/y }}'")}`,
    '6:18',
    /takes a reference.*op:\/\/Agents\/x\/y by itself/s,
  ],
  [
    'entries without dashes',
    `description: d\nsteps:\n  - id: p\n    uses: secrets-manager/push\n    with:\n      store: \${{ stores.aws }}\n      secrets:\n        name: x\n        value: op://Agents/x/y\n`,
    '8:9',
    /takes a list, each with keys: .*a mapping.*"- "/s,
  ],
  [
    'text where a list is',
    `description: d\nsteps:\n  - { id: l, uses: vault/create-login, with: { vault: Agents, title: t, username: u, tags: x } }\n`,
    '3:92',
    /takes a list.*\[FIRST, SECOND\]/s,
  ],
  ['half a kind', 'description: d\nsteps:\n  - id: a\n    uses: op/read\n', '4:11', /did you mean "vault\/read"/],
  [
    'number in quotes',
    "description: d\nsteps:\n  - { id: a, uses: totp/code, with: { reference: op://Agents/x/y, at-least: '10' } }\n",
    '3:77',
    /whole number.*without quotes/s,
  ],
  ['yes', `description: d\nbreak-glass: yes\nsteps:\n${read('op://Agents/x/y')}`, '2:14', /true or false.*write true/s],
  [
    'key of an input of elsewhere',
    `description: d\ninputs: { a: { required: true } }\nsteps:\n${read('op://Agents/x/y')}`,
    '2:16',
    /unknown key "required".*without a default/s,
  ],
  ['env', `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ env.X }}\n`, '7:9', /service.yaml alone/],
  [
    'code',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: \${{ inputs.a || 'b' }}\n`,
    '7:9',
    /not an expression.*no code/s,
  ],
  ['unclosed', `description: d\nsteps:\n${read('op://Agents/x/y')}output: a \${{ inputs.a\n`, '7:11', /without "}}"/],
  [
    'own output',
    `description: d\nsteps:\n  - id: a\n    uses: vault/read\n    with: { reference: "\${{ steps.a }}" }\n`,
    '5:25',
    /takes its own output/,
  ],
  [
    'cycle',
    `description: d\nsteps:\n  - id: a\n    uses: vault/read\n    with: { reference: "\${{ steps.b }}" }\n  - id: b\n    uses: vault/read\n    with: { reference: op://Agents/x/y }\n`,
    '5:25',
    /"b" comes later/,
  ],
  [
    'secret in text',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: Bearer \${{ steps.a }}\n`,
    '7:16',
    /is a secret/,
  ],
  [
    'secret as a name',
    `description: d\nsteps:\n${read('op://Agents/x/y')}  - id: t\n    uses: oauth/client-credentials\n    with:\n      issuer: \${{ issuers.main }}\n      client-id: \${{ steps.a }}\n      client-secret: op://Agents/x/y\n`,
    '11:18',
    /is a secret, and "client-id"/,
  ],
  [
    'secret in a list',
    `description: d\nsteps:\n${read('op://Agents/x/y')}  - id: t\n    uses: oauth/client-credentials\n    with:\n      issuer: \${{ issuers.main }}\n      client-id: x\n      scope: [a, "\${{ steps.a }}"]\n      client-secret: op://Agents/x/y\n`,
    '12:19',
    /is a secret, and "scope\[1\]"/,
  ],
  [
    'reference in plain text',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: id\n      audience: op://Agents/x/y')}`,
    '8:17',
    /takes plain text, not a reference/,
  ],
  [
    'connection by name',
    `description: d\nsteps:\n${token.replace('${{ issuers.main }}', 'main')}`,
    '6:15',
    /takes a connection.*issuers\.main/s,
  ],
  [
    'unknown connection',
    `description: d\nsteps:\n${token.replace('issuers.main', 'issuers.mian')}`,
    '6:15',
    /"mian" in environment "production".*"main"/s,
  ],
  [
    'another connection',
    `description: d\nsteps:\n${token.replace('issuers.main', 'stores.aws')}`,
    '6:15',
    /is one of stores, and "issuer" takes one of issuers.*issuers\.NAME/s,
  ],
  [
    'connection as text',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: ${{ issuers.main }}')}`,
    '7:18',
    /is a connection/,
  ],
  [
    'unknown plain field',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: ${{ issuers.main.addr }}')}`,
    '7:18',
    /unknown field of issuers "addr"/,
  ],
  [
    'wrong type',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: 5')}`,
    '7:18',
    /takes text.*quotes/s,
  ],
  ...["'a, b'", "'a,b,'", "['a', 'b,']", "' '", '\'a "b"\'', "'\u00e9'"].map(
    (scope) =>
      [
        `scope: ${scope}`,
        `description: d\nsteps:\n${token}      scope: ${scope}\n`,
        scope.startsWith('[') ? '9:20' : '9:14',
        /takes scopes separated by spaces, not commas/,
      ] as const,
  ),
  [
    'wrong choice',
    `description: d\nsteps:\n${token}      token-format: jwtt\n`,
    '9:21',
    /takes one of jwt, opaque.*"jwt"/s,
  ],
  [
    'enum that does not fit',
    `description: d\ninputs: { f: { enum: [jwt, saml] } }\nsteps:\n${token}      token-format: \${{ inputs.f }}\n`,
    '10:21',
    /does not take/,
  ],
  [
    'number where a mapping is',
    `description: d\nsteps:\n${token}      parameters: 5\n`,
    '9:19',
    /takes a mapping.*a number/,
  ],
  [
    'substitution of elsewhere',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: "{{ inputs.x }}"')}`,
    '7:18',
    /not put in here.*\$\{\{ inputs.x \}\}/s,
  ],
  [
    'template braces',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: "{{ op://Agents/x/y }}"')}`,
    '7:18',
    /not put in here.*op:\/\/Agents\/x\/y by itself/s,
  ],
  [
    'shell substitution',
    `description: d\nsteps:\n${token.replace('client-id: id', 'client-id: ${CLIENT_ID}')}`,
    '7:18',
    /not put in here/,
  ],
  ['empty value', `description: d\nsteps:\n${token}      audience:\n`, '9:7', /has no value/],
  [
    'unknown environment',
    `description: d\nenvironments: [prodution]\nsteps:\n${read('op://Agents/x/y')}`,
    '2:16',
    /unknown environment "prodution".*"production"/s,
  ],
  [
    'input named as a flag',
    `description: d\ninputs: { plan: string }\nsteps:\n${read('op://Agents/x/y')}`,
    '2:11',
    /may not be named "plan"/,
  ],
  [
    'input of no type',
    `description: d\ninputs: { a: strng }\nsteps:\n${read('op://Agents/x/y')}`,
    '2:14',
    /no such type.*"string"/s,
  ],
  [
    'default of another type',
    `description: d\ninputs: { a: { type: number, default: x } }\nsteps:\n${read('op://Agents/x/y')}`,
    '2:39',
    /default of "a" takes a number/,
  ],
  [
    'default that does not fit',
    `description: d\ninputs: { a: { enum: [x, y], default: z } }\nsteps:\n${read('op://Agents/x/y')}`,
    '2:39',
    /one of x, y/,
  ],
  [
    'bad pattern',
    `description: d\ninputs: { a: { pattern: "(" } }\nsteps:\n${read('op://Agents/x/y')}`,
    '2:25',
    /not a regular expression/,
  ],
  ['duplicate key', `description: d\ndescription: e\nsteps:\n${read('op://Agents/x/y')}`, '2:1', /stands here twice/],
  ['alias', `description: d\nsteps: *a\n`, '2:8', /alias/],
  ['anchor', `description: &a d\nsteps:\n${read('op://Agents/x/y')}`, '1:14', /anchor "&a".*in quotes/s],
  ['anchor of a key', `&a description: d\nsteps:\n${read('op://Agents/x/y')}`, '1:1', /anchor "&a"/],
  ['tag of text', `description: !!str d\nsteps:\n${read('op://Agents/x/y')}`, '1:14', /the tag "!!str" is not taken/],
  [
    'tag that makes another value of text',
    `description: d\ninputs:\n  a: { type: number, default: !!int "007" }\nsteps:\n${read('op://Agents/x/y')}`,
    '3:31',
    /the tag "!!int" is not taken/,
  ],
  [
    'tag of nothing that is left',
    `description: !!binary |\n  aGk=\nsteps:\n${read('op://Agents/x/y')}`,
    '1:14',
    /the tag "!!binary" is not taken/,
  ],
  ['tag of all', `!!map\ndescription: d\nsteps:\n${read('op://Agents/x/y')}`, '1:1', /the tag "!!map" is not taken/],
  [
    'YAML whose yes is true, and whose 010 is 8',
    `%YAML 1.1\n---\ndescription: yes\nsteps:\n${read('op://Agents/x/y')}`,
    '1:1',
    /YAML 1\.1 is not taken.*take the line out/s,
  ],
  ['merge key', `description: d\n<<: { a: b }\nsteps:\n${read('op://Agents/x/y')}`, '2:1', /merge keys/],
  ['key that is no text', `description: d\n5: x\nsteps:\n${read('op://Agents/x/y')}`, '2:1', /not text/],
  ['two documents', `description: d\n---\ndescription: e\n`, '2:1', /not valid YAML: more than one document/],
  [
    'one key in two Unicode forms',
    `description: d\nsteps:\n${token}      parameters: { Z\u00fcrich: a, Zu\u0308rich: b }\n`,
    '9:32',
    /stands here twice/,
  ],
  [
    'tab among spaces',
    `description: d\nsteps:\n  - id: a\n  \tuses: vault/read\n`,
    '4:1',
    /not valid YAML.*indent with spaces/s,
  ],
  ['tab', `description: d\nsteps:\n\t- id: a\n`, '3:1', /not valid YAML.*spaces/s],
  ['special space', `description: d\nsteps:\n\u00a0 - id: a\n    uses: vault/read\n`, '3:9', /special space/],
  ['text that begins with @', `description: @d\nsteps: []\n`, '1:14', /not valid YAML.*in quotes/s],
  ['text with a colon', `description: a: b\nsteps: []\n`, '1:14', /second ": ".*in quotes/s],
  [
    'a key further out',
    `description: d\nsteps:\n  - id: a\n   uses: b\n`,
    '4:1',
    /no item of the list above it.*at the same column/s,
  ],
  [
    'a key between',
    `description: d\nsteps:\n  - id: a\n    with:\n      b: c\n     d: e\n`,
    '6:1',
    /not valid YAML.*or further in/s,
  ],
  ['a line without a colon', `description: d\nsteps\n`, '2:1', /no "KEY: VALUE".*after the colon/s],
  ['no space after a colon', `description:d\nsteps: []\n`, '1:1', /not valid YAML.*after the colon/s],
  ['open quote', `description: 'd\nsteps: []\n`, '1:14', /never closed/],
  [
    'braces in braces',
    'description: d\nsteps: [{ with: { reference: ${{ vars.x }} } }]\n',
    '2:30',
    /without quotes inside/,
  ],
  ['braces as a mapping', `description: d\nsteps:\n${read('{{ op://Agents/x/y }}')}`, '6:18', /braces.*in quotes/s],
  ['tag', `description: !x d\nsteps:\n${read('op://Agents/x/y')}`, '1:14', /not valid YAML/],
  ['control character', `description: "d\u0007"\nsteps:\n${read('op://Agents/x/y')}`, '1:16', /control character/],
  ['lines that end in CR', 'description: d\rsteps: []\r', '1:15', /a CR ends this line alone.*LF, or CR LF/s],
  [
    'a name turned around',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: { "a\u202eb": x }\n`,
    '7:11',
    /a character that is not seen stands in the key "a b"/,
  ],
  [
    'a name with a space of no width',
    `description: d\nsteps:\n${read('op://Agents/x/y')}output: { "a\u200bb": x }\n`,
    '7:11',
    /a character that is not seen stands in the key "a b"/,
  ],
  ['not YAML', `description: d\n  steps: [\n`, '1:14', /not valid YAML/],
  ['a list', `- a\n- b\n`, '1:1', /takes keys, and this is a list/],
  ['empty', '', '1:1', /empty/],
  ['deep', `description: d\nsteps: ${'['.repeat(60)}${']'.repeat(60)}\n`, '2:40', /nested too deeply/],
];

describe('a flow with one thing wrong', () => {
  it.each(wrongFlows)('%s', async (_name, text, place, wanted) => {
    const folder = await load({ 'service.yaml': service, 'x.yaml': text });
    expect(told(folder)).toHaveLength(1);
    const [problem] = folder.problems;
    expect(`${problem?.line}:${problem?.column}`).toBe(place);
    expect(`${problem?.message}\n${problem?.hint}`).toMatch(wanted);
    expect(folder.flows.size).toBe(0);
    expect(folder.broken).toEqual(new Set(['x']));
  });
});

describe('a folder', () => {
  it('tells that a file is deeper than a stack is', async () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    const folder = await load({ 'service.yaml': service, 'x.yaml': `description: d\nsteps: ${deep}\n` });
    expect(told(folder)).toEqual([expect.stringMatching(/^x.yaml:2:\d+ nested too deeply/)]);
  });

  it('tells what a step kind finds wrong, beside what is wrong elsewhere in the file', async () => {
    const two = `${token.replace('client-id', 'client-idd')}${token.replace('id: token', 'id: b')}      client-key: op://Agents/x/y\n`;
    const folder = await load({ 'service.yaml': service, 'x.yaml': `description: d\nsteps:\n${two}` });
    expect(told(folder)).toEqual([
      expect.stringMatching(/^x.yaml:7:7 unknown key "client-idd"/),
      expect.stringMatching(/^x.yaml:15:19 /),
    ]);
  });

  it("takes scopes in one text, and a comma within a scope's name", async () => {
    const text = `description: d\nsteps:\n${token}      scope: [' a  b', 'https://orders.example/read,write']\n`;
    expect(told(await load({ 'service.yaml': service, 'x.yaml': text }))).toEqual([]);
  });

  it('tells everything that is wrong in all files in one go', async () => {
    const folder = await load({
      'service.yaml': service.replace('region: eu-west-1', 'regoin: eu-west-1'),
      'a.yaml': 'description: d\nfoo: 1\nbar: 2\nsteps:\n  - uses: x/y\n',
      'b.yaml': good.replace('steps.a', 'steps.b'),
      'c.yaml': good,
      'check.yaml': good,
      'Upper.yaml': good,
      'inventory.yaml': good,
      'old.yml': good,
    });
    expect(told(folder)).toMatchObject([
      expect.stringMatching(/^service.yaml:12:.*"regoin"/),
      expect.stringMatching(/^old.yml:1:1 .*\.yaml/),
      expect.stringMatching(/^Upper.yaml:1:1 .*not a flow's name/),
      expect.stringMatching(/^a.yaml:2:1 .*"foo"/),
      expect.stringMatching(/^a.yaml:3:1 .*"bar"/),
      expect.stringMatching(/^a.yaml:5:5 .*"id" is missing/),
      expect.stringMatching(/^a.yaml:5:11 unknown step kind/),
      expect.stringMatching(/^b.yaml:7:9 unknown step/),
      expect.stringMatching(/^check.yaml:1:1 .*is a command/),
      expect.stringMatching(/^inventory.yaml:1:1 .*is reserved for a command/),
    ]);
    expect([...folder.flows.keys()]).toEqual(['c']);
  });

  it('takes byte order marks, CRLF, links, and leaves other files alone', async () => {
    const dir = folderWith({
      'service.yaml': service,
      'policy.yaml': 'default: deny',
      'policy.test.yaml': '[]',
      'registry.yaml': 'x: y',
      'development.yaml': 'x: y',
      'README.md': '# hi',
      'a.yaml': `\ufeff${good.replaceAll('\n', '\r\n')}`,
    });
    symlinkSync(join(dir, 'a.yaml'), join(dir, 'b.yaml'));
    for (const name of ['.prettierrc.yaml', '.#a.yaml', '.a.yaml.swp', '.policy.yml', 'a.yaml~'])
      writeFileSync(join(dir, name), 'no: [flow');
    const folder = await openFolder(dir, {});
    expect(told(folder)).toEqual([]);
    expect([...folder.flows.keys()]).toEqual(['a', 'b']);
  });

  it('refuses what is no text file of a sensible size, with one problem each', async () => {
    const dir = folderWith({
      'big.yaml': `description: "${'x'.repeat(5_000_000)}"`,
      'bytes.yaml': new Uint8Array([0x64, 0x3a, 0x20, 0xff, 0xfe]),
    });
    mkdirSync(join(dir, 'folder.yaml'));
    symlinkSync(join(dir, 'nowhere'), join(dir, 'link.yaml'));
    execFileSync('/usr/bin/env', ['mkfifo', join(dir, 'pipe.yaml')]);
    const elsewhere = folderWith({ 'credentials.yaml': 'aws_secret_access_key = x' });
    symlinkSync(join(elsewhere, 'credentials.yaml'), join(dir, 'out.yaml'));
    symlinkSync(elsewhere, join(dir, 'through'));
    symlinkSync('through/credentials.yaml', join(dir, 'out2.yaml'));
    symlinkSync('/dev/zero', join(dir, 'zero.yaml'));
    symlinkSync('loop.yaml', join(dir, 'loop.yaml'));
    writeFileSync(join(dir, 'X.YAML'), '');
    writeFileSync(join(dir, 'y.Yml'), '');
    writeFileSync(join(dir, 'z.yaml '), '');
    const folder = await openFolder(dir, {});
    expect(told(folder)).toEqual([
      'X.YAML:1:1 files of flows end in .yaml',
      'y.Yml:1:1 files of flows end in .yaml',
      'z.yaml :1:1 files of flows end in .yaml',
      'big.yaml:1:1 the file is larger than 1 MB',
      'bytes.yaml:1:1 the file is not UTF-8 text',
      'folder.yaml:1:1 this is not a file',
      'link.yaml:1:1 the link leads nowhere',
      'loop.yaml:1:1 the link leads nowhere',
      'out.yaml:1:1 the link leads out of the folder',
      'out2.yaml:1:1 the link leads out of the folder',
      'pipe.yaml:1:1 this is not a file',
      'zero.yaml:1:1 the link leads out of the folder',
    ]);
  });

  it.each([
    [
      'aliases',
      `a: &a [${'x,'.repeat(9)}x]\n${'bcdefghi'
        .split('')
        .map((c, i) => `${c}: &${c} [${`*${'abcdefgh'[i]},`.repeat(9)}*${'abcdefgh'[i]}]`)
        .join('\n')}\n`,
    ],
    ['nesting', `description: ${'['.repeat(400_000)}`],
    ['sequences', `${'- '.repeat(400_000)}x`],
    ['mappings', `${Array.from({ length: 60_000 }, (_, i) => `k${i}: x`).join('\n')}\n`],
    ['braces', `description: d\noutput: ${'${{'.repeat(200_000)}\n`],
  ])('is not held up by a bomb of %s', async (_name, text) => {
    const start = performance.now();
    const folder = await load({ 'bomb.yaml': text });
    expect(folder.problems.length).toBeGreaterThan(0);
    expect(folder.problems.length).toBeLessThanOrEqual(100);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('is of bounded sizes', async () => {
    const step = (index: number) => `  - { id: s${index}, uses: vault/read, with: { reference: op://Agents/x/y } }\n`;
    const flowOf = (count: number) =>
      `description: d\nsteps:\n${Array.from({ length: count }, (_, at) => step(at)).join('')}`;
    const folder = await load({
      'service.yaml': service,
      'a.yaml': flowOf(200),
      'b.yaml': flowOf(201),
      'c.yaml': `description: d\n#${'x'.repeat(65_536)}\n`,
    });
    expect(told(folder)).toEqual([
      expect.stringMatching(/^b\.yaml:203:5 a flow has at most 200 steps/),
      'c.yaml:1:1 the file is longer than 65536 characters',
    ]);
  });

  it('lets others work between two files', async () => {
    let turns = 0;
    const count = setInterval(() => (turns += 1), 0);
    onTestFinished(() => clearInterval(count));
    await load(Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}.yaml`, good])));
    // a turn takes some milliseconds, however many files fit into it
    expect(turns).toBeGreaterThan(1);
  });

  it('is warned of where every user can write it or one of its files', async () => {
    const dir = folderWith({ 'service.yaml': service, 'policy.yaml': 'default: deny\n', 'a.yaml': good });
    const told = async () =>
      (await openFolder(dir, {})).warnings.map(({ file, message, warning }) => [
        file.slice(dir.length),
        message,
        warning,
      ]);
    expect(await told()).toEqual([]);
    for (const name of ['', 'policy.yaml']) chmodSync(join(dir, name), 0o777);
    const message = 'every user of this machine can write this';
    expect(await told()).toEqual([
      ['', message, true],
      ['/policy.yaml', message, true],
    ]);
  });

  it.each(['vault: { type: onepassword, token: { file: FILE } }', 'runs: { database: { file: FILE } }'])(
    'is warned of where everybody can read the file of a token: %s',
    async (written) => {
      const file = join(folderWith({ token: 'canary' }), 'token');
      const environment = `environments: { a: { ${written.replace('FILE', file)} } }\n`;
      const dir = folderWith({ 'service.yaml': environment, 'a.yaml': good.replace('op://Agents/x/y', 'op://A/x/y') });
      const told = async () => {
        const { warnings } = await openFolder(dir, {});
        return warnings.map((each) => [each.file === file, each.message, each.hint]);
      };
      chmodSync(file, 0o640);
      expect(await told()).toEqual([]);
      chmodSync(file, 0o444);
      const message = 'every user of this machine can read this, and a secret is in it: its mode is 0444';
      expect(await told()).toEqual([[true, message, 'chmod o-r, or mount it with a mode such as 0440']]);
    },
  );

  it.runIf(process.getuid?.() === 0)(
    'is warned of where another user owns it, or another group can write it',
    async () => {
      const dir = folderWith({ 'service.yaml': service, 'policy.yaml': 'default: deny\n', 'a.yaml': good });
      const told = async () =>
        (await openFolder(dir, {})).warnings.map(({ file, message, hint }) => [file.slice(dir.length), message, hint]);
      chmodSync(join(dir, 'a.yaml'), 0o664);
      expect(await told()).toEqual([]);
      chownSync(join(dir, 'a.yaml'), 0, 65_534);
      chownSync(join(dir, 'policy.yaml'), 65_534, 0);
      const why = 'whoever can write it decides who gets what';
      expect(await told()).toEqual([
        ['/a.yaml', 'another group can write this', `${why}: chmod g-w`],
        ['/policy.yaml', 'this belongs to another user, who can write it', `${why}: chown it to yourself or root`],
      ]);
      chmodSync(join(dir, 'a.yaml'), 0o644);
      chownSync(dir, 65_534, 0);
      expect((await told()).map(([file]) => file)).toEqual(['', '/policy.yaml']);
    },
  );

  it('is warned of a name to push that AWS may take for the end of an ARN, with its place', async () => {
    const push = (environment: string) =>
      `  ${environment}: { vars: { end: ${environment === 'a' ? 'abc123' : 'x'} }, key: op://A/B/c, vault: { type: onepassword, token: { env: T } }, stores: { aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' } } }\n`;
    const folder = await load({
      'service.yaml': `environments:\n${push('a')}${push('b')}`,
      'x.yaml':
        'description: x\nsteps:\n  - id: p\n    uses: store/push\n    with:\n      store: ${{ stores.aws }}\n      secrets:\n' +
        '        - { name: app-config, value: op://A/B/c }\n' +
        '        - { name: "app-${{ vars.end }}", value: op://A/B/c }\n' +
        '        - { name: app-settings, value: op://A/B/c }\n',
    });
    expect(told(folder)).toEqual([]);
    expect(folder.flows.has('x')).toBe(true);
    const words = 'ends in a hyphen and six characters, as an ARN does';
    expect(
      folder.warnings.map(({ line, column, message, warning }) => [
        line,
        column,
        message.split(':').slice(0, 2).join(':'),
        warning,
      ]),
    ).toEqual([
      [8, 19, `"secrets[0].name": ${words}`, true],
      [9, 19, `"secrets[1].name": ${words}`, true],
    ]);
    expect(folder.warnings[1]?.message).toMatch(/in environment "a", "development"$/);
  });

  it('is an error of usage where there is none', async () => {
    await expect(load({}).then(({ dir }) => openFolder(join(dir, 'none'), {}))).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('is the laptop alone without service.yaml: any connection and variable is taken', async () => {
    const folder = await load({
      'a.yaml': `description: d\nsteps:\n${token}output: \${{ vars.any }} \${{ issuers.x.url }}\n`,
    });
    expect(told(folder)).toEqual([]);
    expect([...folder.settings.environments.keys()]).toEqual(['development']);
    expect(folder.settings.defaultEnvironment).toBeUndefined();
  });

  it('loads the flows that are shipped', async () => {
    const folder = await openFolder('flows', {});
    expect(told(folder)).toEqual([]);
    expect(folder.flows.size).toBeGreaterThanOrEqual(6);
  });

  it('keeps an error about a folder that is being written to out of a crash', async () => {
    const dir = folderWith({ 'a.yaml': good });
    writeFileSync(join(dir, 'b.yaml'), '');
    const folder = await openFolder(dir, {});
    expect(folder.broken).toEqual(new Set(['b']));
  });
});

describe('a problem', () => {
  it('shows its line with a caret', async () => {
    const { problems, dir } = await load({
      'service.yaml': service,
      'x.yaml': `description: d\nsteps:\n${read('Agents/x')}`,
    });
    expect(problems.map((each) => formatProblem(each).slice(dir.length + 1))).toEqual([
      [
        'x.yaml:6:18: "reference" takes a reference (write op://vault/item/field, or a step that gives one)',
        // it might be the secret itself
        '  6 |       reference: ********',
        '    |                  ^^^^^^^^',
      ].join('\n'),
    ]);
  });

  it('shows an expression that stands where a token does', async () => {
    const step = `  - { id: a, uses: jwt/verify, with: { token: '\${{ steps.b }}', issuer: '\${{ issuers.main }}' } }\n`;
    const { problems } = await load({ 'service.yaml': service, 'x.yaml': `description: d\nsteps:\n${step}` });
    expect(problems.map((each) => formatProblem(each)).join()).toContain("token: '${{ steps.b }}'");
  });

  it('is safe on one line, whatever the name of its file and the text of its line', async () => {
    const dir = folderWith({
      'service.yaml': service,
      'x\n::error::y.yaml': good,
      'a\u001b[31m\u202eb.yaml': good,
      'x.yaml': `desc: "##[add-matcher]x" \u202e\n`,
    });
    const { problems } = await openFolder(dir, {});
    const lines = problems
      .map((each) => formatProblem(each).replaceAll(`${dir}/`, ''))
      .flatMap((text) => text.split('\n'));
    expect(lines.filter((line) => line.includes('##[') || !isSafeLine(line))).toEqual([]);
    expect(problems).toHaveLength(3);
  });

  it.each([
    ['token: ops_eyJzaWduSW5BZGRyZXNzIjoi', 'ops_eyJ'],
    ['token: "a-short-one"', 'a-short'],
  ])('never shows a token that someone wrote into a file: %s', async (line, leak) => {
    const text = service.replace('token: { env: AGENTS_TOKEN }', line);
    const { problems } = await load({ 'service.yaml': text });
    expect(problems).toHaveLength(1);
    expect(problems.map((each) => formatProblem(each)).join()).not.toContain(leak);
  });
});
