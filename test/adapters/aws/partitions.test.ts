import { partition } from '@aws-sdk/core/client';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iamPolicy } from '../../../src/adapters/stores/aws-secrets-manager/iam-policy.ts';
import { partitionOf, regionPattern } from '../../../src/adapters/aws/partitions.ts';
import { awsRules } from '../../../src/adapters/stores/aws-secrets-manager/rules.ts';
import { createSecretsManagerStore } from '../../../src/adapters/stores/aws-secrets-manager/store.ts';

/** at least one of each partition that the SDK knows, and regions that do not exist yet */
const regions = [
  ...['us-east-1', 'eu-west-1', 'ap-southeast-7', 'mx-central-1', 'il-central-1', 'ca-west-1', 'af-south-1'],
  ...['cn-north-1', 'cn-northwest-1', 'eusc-de-east-1', 'us-gov-west-1', 'us-gov-east-1'],
  ...['us-iso-east-1', 'us-isob-west-1', 'eu-isoe-west-1', 'us-isof-south-1'],
  ...['eu-west-12', 'nz-north-1', 'cn-south-3', 'eusc-de-north-2'],
];

describe('the partition of a region', () => {
  const theirs = (region: string) => {
    const { name: id, dnsSuffix } = partition(region);
    return { id, dnsSuffix };
  };
  it.each(regions)("is what the SDK's table says: %s", (region) => {
    expect(region).toMatch(regionPattern);
    expect(partitionOf(region)).toMatchObject(theirs(region));
  });

  it("is what the SDK's table says, for any word that may be one", () => {
    const heads = ['us', 'eu', 'cn', 'eusc', 'eusc-de', 'us-gov', 'us-iso', 'us-isob', 'eu-isoe', 'us-isof', 'zz'];
    const word = fc.constantFrom('east', 'north', 'gov', 'iso', 'de', 'global');
    fc.assert(
      fc.property(fc.constantFrom(...heads), word, fc.integer({ min: 0, max: 99 }), (head, middle, number) => {
        const region = `${head}-${middle}-${number}`;
        expect(partitionOf(region)).toMatchObject(theirs(region));
      }),
    );
  });

  it.each(['x.example.com/', 'eu-west', 'eu west-1', 'EU-WEST-1', 'eu-west-1.', '-west-1', 'e-1'])(
    'is not asked of what is no region: %s',
    (text) => expect(text).not.toMatch(regionPattern),
  );

  it.each(regions)('is in the address, in the policy and in ARNs: %s', async (region) => {
    const { name: id, dnsSuffix } = partition(region);
    const store = createSecretsManagerStore({ name: 'aws', region, development: false });
    expect(store.address).toBe(`https://secretsmanager.${region}.${dnsSuffix}`);
    await store.close();
    const arn = `arn:${id}:secretsmanager:${region}:123456789012:secret:app/x-AbCdEf`;
    expect(awsRules.problems({ name: arn })).toEqual([]);
    expect(awsRules.problems({ name: arn.replace(`:${id}:`, id === 'aws' ? ':aws-cn:' : ':aws:') })).toHaveLength(1);
    expect(iamPolicy('aws', { region, account: '123456789012' }, ['app/x'])).toContain(arn.replace('AbCdEf', '??????'));
  });
});
