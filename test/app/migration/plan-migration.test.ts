import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKvSource } from '../../../src/app/migration/kv-source.ts';
import type { Migration } from '../../../src/app/migration/migration-file.ts';
import { mountOf, planMigration, secretLines } from '../../../src/app/migration/plan-migration.ts';
import { parseRule } from '../../../src/app/migration/target-rules.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { startVaultDouble, type VaultDouble } from '../../adapters/kv/double.ts';
import { ref } from '../../contracts/vault.ts';

let double: VaultDouble;
let denied: RegExp | undefined;
beforeEach(async () => {
  double = await startVaultDouble();
  denied = undefined;
});
afterEach(() => double.close());

const plan = async (given: { rules?: string[]; into?: string; before?: Migration }) => {
  const token = double.token((_, path) => denied?.test(path) !== true);
  return planMigration({
    source: createKvSource({
      url: double.url,
      token: async () => token,
      development: true,
      now: Date.now,
      sleep: () => Promise.resolve(),
    }),
    rules: (given.rules ?? []).map(parseRule),
    into: given.into,
    before: given.before,
    progress: () => undefined,
  });
};
const mount = (path: string, paths: readonly string[], version = '2') => {
  double.mount(path, { version });
  for (const each of paths) double.write(each, { value: 'the value', user: 'somebody' }, path);
};

describe('a plan', () => {
  test('proposes an item for each secret by the first rule that fits, and reads no value', async () => {
    mount('secret', ['codex/openai', 'codex/a/b', 'shared']);
    mount('old', ['x'], '1');
    const found = await plan({
      rules: [
        'secret/{agent}/{provider}=op://ESS/{agent}-{provider}',
        'secret/{agent}/{rest...}=op://Rest/{agent} {rest}',
      ],
      into: 'Other',
    });
    expect(secretLines(found.proposed))
      .toBe(`  - { path: secret/codex/a/b, to: "op://Rest/codex a-b", keys: { user: username, value: credential } }
  - { path: secret/codex/openai, to: op://ESS/codex-openai, keys: { user: username, value: credential } }
  - { path: secret/shared, to: op://Other/shared, keys: { user: username, value: credential } }
  - { path: old/x, to: op://Other/x }
`);
    expect(double.recorded.filter(({ path }) => /\/data\/|old\/x/.test(path))).toEqual([]);
  });

  test('gives no two secrets one title', async () => {
    mount('secret', ['a/b', 'a-b', 'A-B', 'a']);
    const { proposed } = await plan({ into: 'V' });
    expect(proposed.map(({ path, to }) => [path, to.item])).toEqual([
      ['secret/A-B', 'A-B'],
      ['secret/a', 'a'],
      ['secret/a-b', 'a-b 2'],
      ['secret/a/b', 'a-b 3'],
    ]);
  });

  test('keeps what was decided, and tells what is new, gone, deleted, refused, or fits no rule', async () => {
    const paths = ['known', 'skipped', 'fresh', 'taken', 'closed/x', 'secret'];
    const secrets = Object.fromEntries(paths.map((path) => [path, [{ value: 'the value' }]]));
    double.mount('secret', { secrets: { ...secrets, dead: [{ a: '1' }, 'deleted'] } });
    denied = /metadata\/closed\/$|subkeys\/secret$/;
    const decided = (path: string, to?: string) => ({
      path,
      to: to === undefined ? undefined : ref(to),
      keys: undefined,
      skip: to === undefined ? 'unused' : undefined,
    });
    const before = {
      from: { url: double.url, token: { env: 'T' }, namespace: undefined },
      secrets: [
        decided('secret/known', 'op://V/fresh'),
        decided('secret/skipped'),
        decided('secret/gone', 'op://V/gone'),
        decided('secret/closed/x', 'op://V/x'),
      ],
    };
    const found = await plan({
      rules: ['secret/fresh=op://V/fresh', 'secret/dead=op://V/d', 'secret/secret=op://V/s'],
      before,
    });
    expect(found.proposed.map(({ path, to }) => [path, to.item])).toEqual([['secret/fresh', 'fresh 2']]);
    expect(found).toMatchObject({
      homeless: ['secret/taken'],
      gone: ['secret/gone'],
      deleted: ['secret/dead'],
      denied: ['secret/closed/', 'secret/secret'],
    });
  });
});

test('a path belongs to the longest mount that it begins with', () => {
  const mounts = ['secret/', 'secret/team/', 'team/'].map((path) => ({ path, namespace: '', version: 2 }) as const);
  expect(mountOf('secret/team/app', mounts)?.path).toBe('secret/team/');
  expect(mountOf('secret/app', mounts)?.path).toBe('secret/');
  expect(mountOf('other/app', mounts)).toBeUndefined();
});

describe('a rule', () => {
  test.each([
    ['secret/{a}=op://V/{a}', 'secret/x', 'op://V/x'],
    ['secret/{a}=op://V/{a}', 'secret/x/y', undefined],
    ['secret/{a...}=op://V/{a}', 'secret/x/y', 'op://V/x-y'],
    ['secret/{a}=op://{a}/item', 'secret/100% é', 'op://100- é/item'],
    ['kv.1/(x)=op://V/x', 'kv.1/(x)', 'op://V/x'],
    ['kv.1/(x)=op://V/x', 'kvA1/(x)', undefined],
  ])('%s: %s becomes %s', (rule, path, expected) => {
    expect(parseRule(rule).target(path)?.toString()).toBe(expected);
  });

  test.each([
    'secret/x',
    '=op://V/x',
    'secret/{a}=op://V/{b}',
    'secret/{a}/{a}=op://V/{a}',
    'secret/x=op://V',
    'secret/x=op://V/a/b',
  ])('%s is none', (rule) => {
    let code = '';
    try {
      parseRule(rule);
    } catch (error) {
      code = error instanceof FlowError ? error.code : String(error);
    }
    expect(code).toBe('usage');
  });
});
