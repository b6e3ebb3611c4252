import { expect, test } from 'vitest';
import { iamPolicy } from '../../../../src/adapters/stores/aws-secrets-manager/iam-policy.ts';

const place = { region: 'cn-north-1', account: '123456789012' };
const policy = (...duties: Parameters<typeof iamPolicy>[3] extends ReadonlySet<infer D> | undefined ? D[] : never) => {
  const text = iamPolicy('aws', place, ['app/a', undefined], new Set(duties));
  return JSON.parse(text.replace(/^#.*\n/, '')) as { Statement: { Sid: string; Action: unknown }[] };
};

test('replicas, resource policies and keys are allowed where a flow declares them', () => {
  expect(JSON.stringify(policy())).not.toMatch(/Replicate|ResourcePolicy|kms/);
  const text = JSON.stringify(policy('replicas', 'resource-policy', 'kms'));
  expect(text).toContain('"secretsmanager:ReplicateSecretToRegions","secretsmanager:GetResourcePolicy"');
  expect(text).toContain('"kms:ViaService":"secretsmanager.*.amazonaws.com.cn"');
});

test('a role comes with whom it is to trust', () => {
  const text = iamPolicy('aws', { ...place, role: 'arn:aws-cn:iam::123456789012:role/pusher' }, ['app/a']);
  expect(text).toContain('# trust policy of arn:aws-cn:iam::123456789012:role/pusher\n{');
  expect(text).toContain('"Federated": "arn:aws-cn:iam::123456789012:oidc-provider/ISSUER"');
  expect(iamPolicy('aws', place, ['app/a'])).not.toContain('trust policy');
});

test('a push may not delete, unless a flow prunes: then what bears its tag alone, whatever its name', () => {
  expect(JSON.stringify(policy())).not.toMatch(/Delete|Restore/);
  expect(policy('delete').Statement.find(({ Sid }) => Sid === 'DeleteWhatWasPushed')).toEqual({
    Sid: 'DeleteWhatWasPushed',
    Effect: 'Allow',
    Action: ['secretsmanager:DeleteSecret', 'secretsmanager:DescribeSecret', 'secretsmanager:RestoreSecret'],
    Resource: 'arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:*',
    Condition: { StringLike: { 'secretsmanager:ResourceTag/flows-owner': '?*' } },
  });
});
