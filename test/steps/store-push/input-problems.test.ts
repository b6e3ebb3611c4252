import { describe, expect, it } from 'vitest';
import { awsRules } from '../../../src/adapters/stores/aws-secrets-manager/rules.ts';
import { vaultKvRules } from '../../../src/adapters/stores/vault-kv/rules.ts';
import { problemsOf } from '../../../src/steps/store-push/input-problems.ts';
import { ref, type Entry } from './harness.ts';

const value = ref('op://Vault/Item/field');
const arn = (name: string, region = 'eu-west-1') =>
  `arn:aws:secretsmanager:${region}:123456789012:secret:${name}-AbCd12`;

describe('refused when the files load', () => {
  const cases: readonly (readonly [what: string, key: string, entries: readonly Partial<Omit<Entry, 'replicas'>>[]])[] =
    [
      ['a space in a name', 'secrets[0].name', [{ name: 'a b', value }]],
      ['a name that is too long', 'secrets[0].name', [{ name: 'x'.repeat(513), value }]],
      ['an empty name', 'secrets[0].name', [{ name: '', value }]],
      ['an exclamation mark', 'secrets[0].name', [{ name: '!prod', value }]],
      ['an ARN of another partition', 'secrets[0].name', [{ name: arn('x', 'cn-north-1'), value }]],
      ['a partial ARN', 'secrets[0].name', [{ name: arn('x').slice(0, -7), value }]],
      [
        'an ARN of another service',
        'secrets[0].name',
        [{ name: 'arn:aws:ssm:eu-west-1:123456789012:parameter/x-AbCd12', value }],
      ],
      [
        'the same name twice',
        'secrets[1].name',
        [
          { name: 'a', value },
          { name: 'a', value },
        ],
      ],
      [
        'a name and its ARN',
        'secrets[1].name',
        [
          { name: 'a', value },
          { name: arn('a'), value },
        ],
      ],
      [
        'two ARNs of one name',
        'secrets[1].name',
        [
          { name: arn('a'), value },
          { name: arn('a').replace('AbCd12', 'ZZZZZZ'), value },
        ],
      ],
      ['a value and a template', 'secrets[0].template', [{ name: 'a', value, template: ['x'] }]],
      ['a long description', 'secrets[0].description', [{ name: 'a', value, description: 'x'.repeat(2049) }]],
      ['a KMS key with a space', 'secrets[0].kms-key', [{ name: 'a', value, 'kms-key': 'alias/my key' }]],
      ["AWS's own tag", 'secrets[0].tags', [{ name: 'a', value, tags: { 'AWS:x': 'y' } }]],
      [
        '51 tags',
        'secrets[0].tags',
        [{ name: 'a', value, tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])) }],
      ],
      ['a tag that is too long', 'secrets[0].tags', [{ name: 'a', value, tags: { k: 'x'.repeat(257) } }]],
      ['a tag with a comma', 'secrets[0].tags', [{ name: 'a', value, tags: { k: 'x,y' } }]],
    ];
  it.each(cases)('%s', (_, key, entries) => {
    expect(problemsOf(entries, 'in part', awsRules).map((each) => each.key)).toEqual([key]);
  });

  it('a replica, at its own place', () => {
    const replica = (region: string, key?: string) => ({ region, 'kms-key': key });
    const replicas = [replica('us-east-1'), replica('us-east-1'), replica('Ohio'), replica('eu-west-1', 'a key')];
    expect(problemsOf([{ name: 'a', value, replicas }], 'in part', awsRules).map((each) => each.key)).toEqual([
      'secrets[0].replicas[1].region',
      'secrets[0].replicas[2].region',
      'secrets[0].replicas[3].kms-key',
    ]);
    const known = [{ name: 'a', value, replicas, 'resource-policy': {} }];
    expect(problemsOf(known, 'in part', vaultKvRules).map((each) => each.key)).toEqual([
      'secrets[0].replicas',
      'secrets[0].resource-policy',
    ]);
  });

  it('all of them in one go', () => {
    expect(problemsOf([{ name: 'a b' }, { name: 'c d' }], 'in part', awsRules)).toHaveLength(2);
  });
});

describe('taken', () => {
  it.each([
    'a',
    'prod/app.v1/key_2+x=y@z-1',
    arn('prod/x'),
    'orders-abc12',
    'orders-abc1234',
    'app/orders-abc123',
    'app-config',
    'xyz-secret',
    arn('app-config'),
    'x'.repeat(512),
  ])('%s', (name) => {
    expect(problemsOf([{ name, value }], 'all', awsRules)).toEqual([]);
  });

  it('what is not known yet, until it must be', () => {
    expect(problemsOf([{}, { name: 'a' }, { name: 'b', value: {} }], 'in part', awsRules)).toEqual([]);
    expect(problemsOf([{ name: 'a' }, { name: 'b', value: {} }], 'all', awsRules).map((each) => each.key)).toEqual([
      'secrets[0].value',
      'secrets[1].value',
    ]);
  });
});
