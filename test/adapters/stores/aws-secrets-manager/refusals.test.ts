import { describe, expect, it } from 'vitest';
import { translateAwsError } from '../../../../src/adapters/aws/errors.ts';
import { refusals } from '../../../../src/adapters/stores/aws-secrets-manager/refusals.ts';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';

const named = (name: string, message = 'value-of-the-secret', status = 400) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const translated = (error: unknown) => translateAwsError(error, { name: 'Secrets Manager', refusals }, 'app/x');

describe('an error of Secrets Manager becomes', () => {
  const cases: readonly (readonly [what: string, error: unknown, code: ErrorCode])[] = [
    ['KMS denied', named('AccessDeniedException', 'Access to KMS is not allowed'), 'denied'],
    ['a KMS key that is not', named('EncryptionFailure', 'Failed to encrypt'), 'denied'],
    ['a disabled KMS key', named('KMSInvalidStateException'), 'denied'],
    ['not found with 400', named('ResourceNotFoundException'), 'not-found'],
    ['not found with 404', named('ResourceNotFoundException', '', 404), 'not-found'],
    ['exists', named('ResourceExistsException'), 'conflict'],
    ['marked for deletion', named('InvalidRequestException', '…because it was marked for deletion.'), 'conflict'],
    ['scheduled for deletion', named('InvalidRequestException', '…is already scheduled for deletion.'), 'conflict'],
    ['a replica', named('InvalidRequestException', 'Operation not permitted on a replica secret.'), 'conflict'],
    ['a managed secret', named('InvalidRequestException', 'The secret is managed by another service.'), 'conflict'],
    ['another state', named('InvalidRequestException', 'rotation'), 'conflict'],
    ['a parameter', named('InvalidParameterException'), 'invalid-value'],
    ['a name', named('ValidationException'), 'invalid-value'],
    ['too many versions', named('LimitExceededException'), 'denied'],
  ];
  it.each(cases)('%s', (_, error, code) => {
    const found = translated(error);
    expect(found).toMatchObject({ code, place: { subject: 'app/x' } });
    expect(found.line()).not.toContain('value-of-the-secret');
    expect(found.message).toMatch(/^(?:[a-z]|AWS)/);
  });

  it('keeps a KMS denial apart from a policy that does not allow the call', () => {
    const [kms, policy] = [
      'Access to KMS is not allowed',
      'not authorized to perform: secretsmanager:PutSecretValue',
    ].map((text) => translated(named('AccessDeniedException', text)));
    expect(kms?.hint).not.toBe(policy?.hint);
  });

  it.each([
    [true, 'User: arn:aws:iam::1:user/a is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:…'],
    [false, 'User: arn:aws:iam::1:user/kms-pusher is not authorized to perform: secretsmanager:PutSecretValue'],
    [false, 'not authorized to perform: secretsmanager:CreateSecret on resource: prod/kms/token'],
  ])('is about a KMS key (%s) by what may not be done, never by a name: %s', (is, text) => {
    const { message } = translated(named('AccessDeniedException', text));
    expect(message === 'AWS could not use the KMS key').toBe(is);
  });
});
