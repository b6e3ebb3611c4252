import type { AwsRefusal } from '../../aws/errors.ts';

const kms = {
  code: 'denied',
  message: 'AWS could not use the KMS key',
  hint: 'check that kms-key names an enabled key of this region and that the credentials may use kms:GenerateDataKey and kms:Decrypt with it',
} as const;
const deletion = {
  code: 'conflict',
  message: 'is scheduled for deletion',
  hint: 'restore it with: aws secretsmanager restore-secret --secret-id NAME',
} as const;

/** What Secrets Manager says besides what every service of AWS may. */
export const refusals: readonly AwsRefusal[] = [
  // a secret or a role may have it in its name
  { names: ['AccessDeniedException', 'AccessDenied'], saying: /\bkms:\w|\baccess to kms\b|\bkms key/i, ...kms },
  { names: /^(?:KMS|EncryptionFailure|DecryptionFailure)/, ...kms },
  {
    names: ['LimitExceededException'],
    code: 'denied',
    message: 'a quota of AWS Secrets Manager is reached (secrets, versions, labels or tags)',
    hint: 'see the quotas of Secrets Manager in the AWS console',
  },
  {
    names: ['ResourceNotFoundException'],
    code: 'not-found',
    message: 'does not exist in AWS Secrets Manager',
  },
  {
    names: ['ResourceExistsException'],
    code: 'conflict',
    message: 'exists already in AWS Secrets Manager with another value',
    hint: 'run again with --strict, which looks at each secret by itself',
  },
  {
    names: ['InvalidRequestException'],
    saying: /already scheduled for deletion/i,
    ...deletion,
    hint: `${deletion.hint}; where it was deleted by force just now, run again in some seconds`,
  },
  { names: ['InvalidRequestException'], saying: /(?:marked|scheduled) for deletion/i, ...deletion },
  {
    names: ['InvalidParameterException', 'InvalidRequestException'],
    saying: /delete .*replica|replica.* delete/i,
    code: 'conflict',
    message: 'has replicas, and AWS deletes none that has',
    hint: 'end them with: aws secretsmanager remove-regions-from-replication --secret-id NAME --remove-replica-regions REGION',
  },
  {
    names: ['PublicPolicyException'],
    code: 'invalid-value',
    message: 'its resource policy lets everybody in',
    hint: 'name who may read it under Principal',
  },
  {
    names: ['MalformedPolicyDocumentException'],
    code: 'invalid-value',
    message: 'its resource policy is none that AWS takes',
    hint: 'see what is wrong with: aws secretsmanager validate-resource-policy; a principal in it may not exist',
  },
  {
    names: ['InvalidRequestException'],
    saying: /\breplica\b/i,
    code: 'conflict',
    message: 'is a replica of a secret in another region',
    hint: 'push it to a store of the region that it is copied from',
  },
  {
    names: ['InvalidRequestException'],
    saying: /\bmanaged (?:by|secret)|\bowning service\b/i,
    code: 'conflict',
    message: 'is managed by a service of AWS, which alone writes it',
    hint: 'give the secret that is pushed another name',
  },
  {
    names: ['InvalidRequestException'],
    code: 'conflict',
    message: 'its present state does not allow this',
    hint: 'look at it with: aws secretsmanager describe-secret --secret-id NAME',
  },
  {
    names: ['InvalidParameterException', 'ValidationException', 'InvalidTypeException'],
    code: 'invalid-value',
    message: 'AWS does not accept what is declared for it',
    hint: 'check its name, description, kms-key, tags and replicas',
  },
];
