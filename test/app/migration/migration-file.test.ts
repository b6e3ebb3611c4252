import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readMigration } from '../../../src/app/migration/migration-file.ts';
import { migrationText, secretLines } from '../../../src/app/migration/plan-migration.ts';
import { labelsOf, plainName } from '../../../src/app/migration/item-of-secret.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Reference } from '../../../src/foundation/reference.ts';

const dir = mkdtempSync(join(tmpdir(), 'auth-chain-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, 'migration.yaml');
const from = 'from: { url: https://vault.example.com, token: { env: VAULT_TOKEN } }\n';

function read(text: string) {
  writeFileSync(file, text);
  const problems: string[] = [];
  try {
    const migration = readMigration(file, (all) =>
      problems.push(...all.map(({ line, column, message }) => `${line}:${column} ${message}`)),
    );
    return { migration, problems };
  } catch (error) {
    return { problems, code: error instanceof FlowError ? error.code : String(error) };
  }
}

describe('migration.yaml', () => {
  test('says where secrets are, and what becomes of each', () => {
    const { migration, problems } = read(`${from}secrets:
  - { path: secret/team/app, to: op://Agents/team app, keys: { value: credential, "a:b": c } }
  - { path: "secret/100% — ü", to: op://Agents/other }
  - { path: secret/old, skip: nobody reads it }
`);
    expect(problems).toEqual([]);
    expect(migration?.from).toMatchObject({ url: 'https://vault.example.com', token: { env: 'VAULT_TOKEN' } });
    expect(migration?.secrets.map(({ path, to, keys, skip }) => [path, to?.toString(), keys, skip])).toEqual([
      ['secret/team/app', 'op://Agents/team app', { value: 'credential', 'a:b': 'c' }, undefined],
      ['secret/100% — ü', 'op://Agents/other', undefined, undefined],
      ['secret/old', undefined, undefined, 'nobody reads it'],
    ]);
  });

  test.each([
    ['secrets: []\n', /^1:1 .*from/],
    [`${from}secrets:\n  - { path: a/b }\n`, /^3:\d+ .*exactly one of "to" and "skip"/],
    [`${from}secrets:\n  - { path: a/b, to: op://A/b, skip: no }\n`, /^3:\d+ .*exactly one/],
    [`${from}secrets:\n  - { path: a/b, to: op://A/b/c }\n`, /^3:22 this reference names a field/],
    [`${from}secrets:\n  - { path: /a/b, to: op://A/b }\n`, /^3:13 a path has no \/ at its ends/],
    [`${from}secrets:\n  - { path: a/b, too: op://A/b }\n`, /^3:\d+ .*"too"/m],
    [
      `${from}secrets:\n  - { path: a/b, to: op://A/b }\n  - { path: a/b, to: op://A/c }\n`,
      /^4:13 this secret is named a second time/,
    ],
    [
      `${from}secrets:\n  - { path: a/b, to: op://A/b }\n  - { path: a/c, to: op://a/B }\n`,
      /^4:22 this item is named a second time/,
    ],
    [
      `${from}secrets:\n  - { path: a/b, to: op://A/b, keys: { x: same, y: Same } }\n`,
      /^3:\d+ two keys become one field/,
    ],
    [`from: { url: vault.example.com, token: { env: V } }\nsecrets: []\n`, /^1:14 /],
    [`from: { url: 'https://v', token: s.abcdef }\nsecrets: []\n`, /^1:34 /],
    ['from: [\n', /^\d/],
  ])('a mistake is told with its place: %j', (text, expected) => {
    const { migration, problems, code } = read(text);
    expect([migration, code]).toEqual([undefined, 'invalid']);
    expect(problems.join('\n')).toMatch(expected);
    expect(problems.join()).not.toContain('s.abcdef');
  });

  test('what plan writes is read back as it was, whatever paths, titles and keys there are', () => {
    // Vault takes no NUL in a path
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((text) => !/[/\0]/.test(text));
    const named = fc.oneof(
      name,
      fc.constantFrom('null', 'yes', '12', '007', '#', 'a: b', "it's", '"', '{{ x }}', '%2F', 'op:'),
      fc.constantFrom('${{ x', '${{ inputs.x }}', '{{ inputs.x }}', '$HOME', '${A}', '\x7f', '\ud800'),
      fc.constantFrom('\u0001', 'a\u200bb', '\u202e', '\u2028', '\u{e0041}', 'é\u200d'),
      // the same to whoever looks at them
      fc.constantFrom('\u00e9', 'e\u0301', '\u00c5', '\u212b', 'A\u030a', '\u00e9 2'),
    );
    const secret = fc.record({
      path: fc.array(named, { minLength: 2, maxLength: 4 }),
      keys: fc.uniqueArray(named, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(secret, { maxLength: 5, selector: ({ path }) => path.join('/') }), (secrets) => {
        const proposed = secrets.map(({ path, keys }, index) => ({
          path: path.join('/'),
          to: Reference.of({ vault: 'V', item: `${index} ${plainName(path.join('/'))}` }),
          keys: labelsOf(keys),
        }));
        const text = migrationText(
          { url: 'https://vault.example.com', token: 'VAULT_TOKEN', namespace: 'team/a b' },
          proposed,
        );
        const { migration, problems } = read(text);
        expect(problems).toEqual([]);
        expect(migration?.from.namespace).toBe('team/a b');
        expect(
          migration?.secrets.map(({ path, to, keys: given }, at) => {
            const keys = [...(proposed[at]?.keys.keys() ?? [])];
            return [path, to?.item, labelsOf(keys, given)];
          }),
        ).toEqual(proposed.map(({ path, to, keys }) => [path, to.item, keys]));
      }),
      { numRuns: 200 },
    );
  });
});

test('a file of ten thousand secrets is read, and one that is far longer is told', () => {
  const lines = Array.from(
    { length: 10_000 },
    (_, at) => `  - { path: secret/team/app-${at}, to: op://Agents/app-${at} }`,
  );
  const { migration, problems } = read(`${from}secrets:\n${lines.join('\n')}\n`);
  expect([problems, migration?.secrets.length]).toEqual([[], 10_000]);
  expect(read(`${from}# ${'x'.repeat(16_000_000)}\n`)).toEqual({
    problems: ['1:1 the file is larger than 16 MB'],
    code: 'invalid',
  });
});

test('of keys that look the same one is named, and what becomes of the others is told beside it', () => {
  const keys = labelsOf(['\u212b', '\u00c5', 'A\u030a', 'other']);
  expect(secretLines([{ path: 'secret/a', to: Reference.of({ vault: 'V', item: 'a' }), keys }])).toBe(
    '  - { path: secret/a, to: op://V/a, keys: { "A\u030a": "A\u030a", other: other } }' +
      ' # of keys that look the same the others become "\u00c5 2", "\u212b 3"\n',
  );
});

describe('the fields of keys', () => {
  test.each([
    [['value'], { value: 'credential' }],
    [['password', 'user'], { password: 'credential', user: 'username' }],
    [['key', 'token'], { key: 'key', token: 'token' }],
    [['credential', 'value'], { credential: 'credential', value: 'value' }],
    [['a/b', 'a-b', 'A-B'], { 'A-B': 'A-B', 'a-b': 'a-b 2', 'a/b': 'a-b 3' }],
    [['', ' '], { '': 'field', ' ': 'field 2' }],
  ])('%j', (keys, expected) => {
    expect(Object.fromEntries(labelsOf(keys))).toEqual(expected);
  });

  test('as they are given, and others beside them', () => {
    const labels = labelsOf(['value', 'token', 'db'], { value: 'api key', db: 'credential' });
    expect(Object.fromEntries(labels)).toEqual({ value: 'api key', db: 'credential', token: 'token' });
  });
});
