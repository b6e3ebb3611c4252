import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/foundation/secret.ts';
import { startStack } from './stack.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const version = (digit: string) => digit.repeat(64);
const arn = (name: string, place = 'eu-west-1:123456789012') => `arn:aws:secretsmanager:${place}:secret:${name}-AbCdEf`;
const write = (digit: string) => ({
  name: { name: 'app/x' },
  stored: undefined,
  version: version(digit),
  value: new Secret('canary'),
  metadata: {},
});

async function start() {
  const stack = await startStack({ account: '123456789012' });
  closing.push(() => stack.close());
  await stack.store.write(write('1'));
  const stored = (await stack.store.inspect([{ name: 'app/x' }])).get('app/x');
  return { ...stack, stored };
}

const nothing: readonly unknown[] = [undefined, null, {}, [], 'text', 7, true];
const entry = { Name: 'app/x', ARN: arn('app/x'), SecretVersionsToStages: { [version('1')]: ['AWSCURRENT'] } };

describe('an answer with status 200 that is not one', () => {
  const written: readonly unknown[] = [
    ...nothing,
    { ARN: 7, Name: 'app/x', VersionId: version('2') },
    { ARN: arn('app/x'), VersionId: version('2') },
    { Name: 'app/x', VersionId: version('2') },
    { ARN: arn('app/x'), Name: 'app/x' },
    { ARN: arn('app/x'), Name: 'app/x', VersionId: version('3') },
    { ARN: arn('app/y'), Name: 'app/y', VersionId: version('2') },
    { ARN: arn('app/y'), Name: 'app/x', VersionId: version('2') },
    { ARN: arn('app/x', 'us-east-1:123456789012'), Name: 'app/x', VersionId: version('2') },
    { ARN: arn('app/x', 'eu-west-1:999999999999'), Name: 'app/x', VersionId: version('2') },
    { ARN: arn('app/x').slice(0, -7), Name: 'app/x', VersionId: version('2') },
  ];
  const lists: readonly unknown[] = [
    ...nothing,
    ...[null, {}, 'text', [null], [7], [{}], ['x'], [entry, null]].map((SecretList) => ({ SecretList })),
    { SecretList: [], NextToken: 7 },
    ...[
      { Name: 7 },
      { ARN: undefined },
      { ARN: arn('app/y') },
      { ARN: 'app/x' },
      { Tags: [null] },
      { SecretVersionsToStages: { [version('1')]: null } },
      { SecretVersionsToStages: { [version('1')]: [null] } },
    ].map((wrong) => ({ SecretList: [{ ...entry, ...wrong }] })),
  ];
  const cases: readonly (readonly [operation: string, bodies: readonly unknown[]])[] = [
    ['ListSecrets', lists],
    ['CreateSecret', written],
    ['PutSecretValue', written],
    ['UpdateSecretVersionStage', written.filter((each) => (each as { ARN?: string } | null)?.ARN !== arn('app/x'))],
    ['UpdateSecret', nothing],
    ['DescribeSecret', [...nothing, { ...entry, Name: 'app/y' }, { ...entry, ARN: arn('app/y') }]],
    ['ListSecretVersionIds', [...nothing, { Versions: null }, { Versions: [null] }, { Versions: [{}] }]],
  ];

  it.each(cases)('of %s is refused, each of them, and nothing of it is believed', async (operation, bodies) => {
    const { store, aws, stored } = await start();
    if (stored === undefined) throw new TypeError('it was written');
    await store.write({ ...write('2'), stored }); // so that 1 can be put in force again
    const ask: Record<string, () => Promise<unknown>> = {
      ListSecrets: () => store.inspect([{ name: 'app/x' }]),
      CreateSecret: () => store.write(write('2')),
      PutSecretValue: () => store.write({ ...write('2'), stored }),
      UpdateSecretVersionStage: () => store.write({ ...write('1'), stored: { ...stored, current: version('2') } }),
      UpdateSecret: () => store.annotate(stored.id, { description: 'd' }),
      DescribeSecret: () => store.inspect([{ name: 'app/x' }], { strict: true }),
      ListSecretVersionIds: () => store.versions?.(stored.id) ?? Promise.resolve(),
    };
    for (const body of bodies) {
      aws.faults.answer(operation, body === undefined ? '' : JSON.stringify(body));
      const error = await ask[operation]?.().catch((thrown: unknown) => thrown);
      expect(error, JSON.stringify(body)).toMatchObject({ code: 'protocol' });
      expect(JSON.stringify(error)).not.toContain('canary');
    }
  });

  it('about a foreign secret in the list is nobody’s business', async () => {
    const { store, aws } = await start();
    const foreign = {
      Name: 'rds!cluster-1',
      ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!cluster-1-x',
    };
    aws.faults.answer('ListSecrets', JSON.stringify({ SecretList: [foreign, entry] }));
    expect([...(await store.inspect([{ name: 'app/x' }])).keys()]).toEqual(['app/x']);
  });

  it('with a token of no characters is the last page, as some implementations write it', async () => {
    const { store, aws, stored } = await start();
    aws.faults.answer('ListSecrets', JSON.stringify({ SecretList: [], NextToken: '' }));
    expect((await store.inspect([{ name: 'app/y' }])).size).toBe(0);
    expect(aws.calls()['ListSecrets']).toBe(2);
    aws.faults.answer('ListSecretVersionIds', JSON.stringify({ Versions: [{ VersionId: '1' }], NextToken: '' }));
    expect(await store.versions?.(stored?.id ?? '')).toEqual(['1']);
  });

  it('without labels, as some implementations give it, is looked after by a look', async () => {
    const { store, aws, stored, current } = await start();
    const put = { ARN: stored?.id, Name: 'app/x', VersionId: version('1') };
    aws.faults.answer('PutSecretValue', JSON.stringify(put));
    await store.write({ ...write('1'), stored });
    expect(current('app/x')).toBe('canary');
    expect(aws.calls()['DescribeSecret']).toBe(1);
    expect(aws.calls()['UpdateSecretVersionStage']).toBeUndefined();
  });

  it('with nothing but what must be there is one all the same', async () => {
    const { store, aws } = await start();
    const bare = { Name: 'app/x', ARN: arn('app/x') };
    aws.faults.answer('ListSecrets', JSON.stringify({ SecretList: [{ ...bare, Tags: null, Description: null }] }));
    aws.faults.answer('DescribeSecret', JSON.stringify(bare), 2);
    for (const strict of [false, true]) {
      const found = (await store.inspect([{ name: 'app/x' }], { strict })).get('app/x');
      expect(found).toMatchObject({ current: undefined, versions: [], tags: {}, scheduledForDeletion: false });
    }
  });
});
