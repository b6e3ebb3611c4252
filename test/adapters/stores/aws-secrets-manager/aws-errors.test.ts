import { describe, expect, it } from 'vitest';
import { FlowError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { translateAwsError } from '../../../../src/adapters/stores/aws-secrets-manager/aws-errors.ts';

const named = (name: string, message = 'value-of-the-secret', status = 400) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });

describe('an SDK error becomes', () => {
  const cases: readonly (readonly [what: string, error: unknown, code: ErrorCode])[] = [
    ['denied', named('AccessDeniedException'), 'denied'],
    ['KMS denied', named('AccessDeniedException', 'Access to KMS is not allowed'), 'denied'],
    ['a KMS key that is not', named('EncryptionFailure', 'Failed to encrypt'), 'denied'],
    ['a disabled KMS key', named('KMSInvalidStateException'), 'denied'],
    ['expired', named('ExpiredTokenException'), 'denied'],
    ['unknown key', named('UnrecognizedClientException'), 'denied'],
    ['wrong signature', named('InvalidSignatureException'), 'denied'],
    ['no credentials', named('CredentialsProviderError'), 'denied'],
    ['throttled, unmodelled', named('ThrottlingException'), 'rate-limited'],
    ['not found with 400', named('ResourceNotFoundException'), 'not-found'],
    ['not found with 404', named('ResourceNotFoundException', '', 404), 'not-found'],
    ['exists', named('ResourceExistsException'), 'conflict'],
    ['marked for deletion', named('InvalidRequestException', '…because it was marked for deletion.'), 'conflict'],
    ['scheduled for deletion', named('InvalidRequestException', '…is already scheduled for deletion.'), 'conflict'],
    ['another state', named('InvalidRequestException', 'rotation'), 'conflict'],
    ['a parameter', named('InvalidParameterException'), 'invalid-value'],
    ['a name', named('ValidationException'), 'invalid-value'],
    ['too many versions', named('LimitExceededException'), 'denied'],
    ['their fault', named('InternalServiceError', '', 500), 'unavailable'],
    ['HTML with 500', Object.assign(new SyntaxError('<'), { $response: { statusCode: 500 } }), 'unavailable'],
    ['XML with 403', Object.assign(new SyntaxError('<'), { $response: { statusCode: 403 } }), 'denied'],
    ['HTML with 200', Object.assign(new SyntaxError('<'), { $response: { statusCode: 200 } }), 'protocol'],
    ['a redirect', Object.assign(new Error('x'), { $metadata: { httpStatusCode: 307 } }), 'protocol'],
    ['429 of a proxy', Object.assign(new Error('x'), { $metadata: { httpStatusCode: 429 } }), 'rate-limited'],
    ['a hanging answer', named('TimeoutError'), 'timeout'],
    ['refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'unavailable'],
    ['unknown host', Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'unavailable'],
    ['foreign certificate', Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }), 'protocol'],
    ['something new', named('BrandNewException'), 'protocol'],
    ['no error at all', 'text', 'protocol'],
  ];
  it.each(cases)('%s', (_, error, code) => {
    const translated = translateAwsError(error, 'app/x');
    expect(translated).toBeInstanceOf(FlowError);
    expect(translated.code).toBe(code);
    expect(translated.place.subject).toBe('app/x');
    expect(translated.line()).not.toContain('value-of-the-secret');
    expect(translated.message).toMatch(/^(?:[a-z]|AWS)/);
  });

  it('itself, if it is ours already', () => {
    const ours = new FlowError('refused', 'no');
    expect(translateAwsError(ours)).toBe(ours);
    expect(translateAwsError(ours, 'app/x').place.subject).toBe('app/x');
  });

  it('keeps a KMS denial apart from a policy that does not allow the call', () => {
    const [kms, policy] = [
      'Access to KMS is not allowed',
      'not authorized to perform: secretsmanager:PutSecretValue',
    ].map((text) => translateAwsError(named('AccessDeniedException', text)));
    expect(kms?.hint).not.toBe(policy?.hint);
  });
});
