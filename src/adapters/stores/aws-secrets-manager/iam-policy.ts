import { partitionOf } from '../../aws/partitions.ts';
import { trustPolicyText } from '../../aws/trust-policy.ts';
import type { PushDuty } from '../contract.ts';

interface Place {
  readonly region: string;
  readonly account?: string | undefined;
  readonly role?: string | undefined;
}

/** The least IAM policy for what flows push: it can write under these names and never read a value back. */
export function iamPolicy(
  store: string,
  { region, account = 'ACCOUNT', role }: Place,
  names: readonly (string | undefined)[],
  duties: ReadonlySet<PushDuty> = new Set(),
): string {
  const resources = new Set(names.map((name) => arnFor(name, region, account)));
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'PushSecrets',
        Effect: 'Allow',
        Action: [
          'CreateSecret',
          'PutSecretValue',
          'DescribeSecret',
          'ListSecretVersionIds',
          'UpdateSecret',
          'UpdateSecretVersionStage',
          'TagResource',
          ...(duties.has('replicas') ? ['ReplicateSecretToRegions'] : []),
          ...(duties.has('resource-policy') ? ['GetResourcePolicy', 'PutResourcePolicy'] : []),
        ].map(prefixed),
        Resource: [...resources].toSorted(),
      },
      ...(duties.has('kms') ? [encrypts(region, account)] : []),
      ...(duties.has('delete') ? [deletes(region, account)] : []),
      { Sid: 'SeeWhatIsThere', Effect: 'Allow', Action: prefixed('ListSecrets'), Resource: '*' },
      {
        Sid: 'NeverReadBack',
        Effect: 'Deny',
        Action: ['GetSecretValue', 'BatchGetSecretValue'].map(prefixed),
        Resource: '*',
      },
    ],
  };
  return `# IAM policy for store ${store}\n${JSON.stringify(policy, undefined, 2)}\n${trustPolicyText(role)}`;
}

/** By Secrets Manager alone, of whatever region a replica is in. */
function encrypts(region: string, account: string) {
  const { id, dnsSuffix } = partitionOf(region);
  return {
    Sid: 'EncryptByOwnKeys',
    Effect: 'Allow',
    Action: ['kms:GenerateDataKey', 'kms:Decrypt', 'kms:Encrypt', 'kms:DescribeKey'],
    Resource: `arn:${id}:kms:*:${account}:key/*`,
    Condition: { StringLike: { 'kms:ViaService': `secretsmanager.*.${dnsSuffix}` } },
  };
}

/** What is to be deleted is declared no more, so no name tells it: what bears the tag that a push leaves does. */
function deletes(region: string, account: string) {
  return {
    Sid: 'DeleteWhatWasPushed',
    Effect: 'Allow',
    Action: ['DeleteSecret', 'DescribeSecret', 'RestoreSecret'].map(prefixed),
    Resource: arnFor(undefined, region, account),
    Condition: { StringLike: { [prefixed('ResourceTag/flows-owner')]: '?*' } },
  };
}

function prefixed(action: string): string {
  return `secretsmanager:${action}`;
}

/** AWS ends each ARN with a hyphen and six characters of its own. */
function arnFor(name: string | undefined, region: string, account: string): string {
  if (name?.startsWith('arn:') === true) return name;
  return `arn:${partitionOf(region).id}:secretsmanager:${region}:${account}:secret:${name === undefined ? '*' : `${name}-??????`}`;
}
