import { describe, expect, it } from 'vitest';
import { FlowError, type ErrorCode } from '../../../src/foundation/errors.ts';
import { translateAwsError } from '../../../src/adapters/aws/errors.ts';

const service = { name: 'Everything', refusals: [] };

const named = (name: string, message = 'value-of-the-secret', status = 400) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });

describe('an error of the SDK becomes', () => {
  const cases: readonly (readonly [what: string, error: unknown, code: ErrorCode])[] = [
    ['denied', named('AccessDeniedException'), 'denied'],
    ['expired', named('ExpiredTokenException'), 'denied'],
    ['unknown key', named('UnrecognizedClientException'), 'denied'],
    ['wrong signature', named('InvalidSignatureException'), 'denied'],
    ['no credentials', named('CredentialsProviderError'), 'denied'],
    ['throttled, unmodelled', named('ThrottlingException'), 'rate-limited'],
    ['their fault', named('InternalServiceError', '', 500), 'unavailable'],
    ['HTML with 500', Object.assign(new SyntaxError('<'), { $response: { statusCode: 500 } }), 'unavailable'],
    ['XML with 403', Object.assign(new SyntaxError('<'), { $response: { statusCode: 403 } }), 'denied'],
    ['HTML with 200', Object.assign(new SyntaxError('<'), { $response: { statusCode: 200 } }), 'protocol'],
    ['a redirect', Object.assign(new Error('x'), { $metadata: { httpStatusCode: 307 } }), 'protocol'],
    ['429 of a proxy', Object.assign(new Error('x'), { $metadata: { httpStatusCode: 429 } }), 'rate-limited'],
    ['a hanging answer', named('TimeoutError'), 'timeout'],
    ['one that is late', Object.assign(named('TimeoutError'), { code: 'ETIMEDOUT' }), 'timeout'],
    ['a connection that ended', Object.assign(named('TimeoutError'), { code: 'ECONNRESET' }), 'unavailable'],
    ['refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'unavailable'],
    ['unknown host', Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'unavailable'],
    ['foreign certificate', Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }), 'protocol'],
    ['something new', named('BrandNewException'), 'protocol'],
    ['no error at all', 'text', 'protocol'],
  ];
  it.each(cases)('%s', (_, error, code) => {
    const translated = translateAwsError(error, service, 'app/x');
    expect(translated).toBeInstanceOf(FlowError);
    expect(translated.code).toBe(code);
    expect(translated.place.subject).toBe('app/x');
    expect(translated.line()).not.toContain('value-of-the-secret');
    expect(translated.message).toMatch(/^(?:[a-z]|AWS)/);
  });

  it.each([
    named('RequestExpired'),
    named('InvalidSignatureException', 'Signature expired: 20261130T101010Z is now earlier than 20261130T110000Z'),
    named('SignatureDoesNotMatch', 'Signature not yet current: 20261130T101010Z is still later than 20261130T090000Z'),
  ])('a word about the clock of this machine: %s', (error) => {
    expect(translateAwsError(error, service)).toMatchObject({ code: 'denied', hint: 'set the clock of this machine' });
  });

  const may = 'User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: secretsmanager:PutSecretValue';
  const denials: readonly (readonly [told: string, named: string])[] = [
    ['with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-x/p-y', 'service control'],
    ['with an explicit deny in a resource control policy', 'resource control'],
    ['with an explicit deny in a permissions boundary', 'permissions boundary of these'],
    ['with an explicit deny in a session policy', 'session policy of'],
    ['with an explicit deny in a VPC endpoint policy', 'policy of the VPC endpoint'],
    ['on resource: x with an explicit deny in a resource-based policy', 'resource policy of what is asked for'],
    ['with an explicit deny in an identity-based policy', 'a policy of these credentials'],
    ['because no service control policy allows the secretsmanager:PutSecretValue action', 'service control'],
    ['because no permissions boundary allows the secretsmanager:PutSecretValue action', 'permissions boundary of'],
    ['because no session policy allows the secretsmanager:PutSecretValue action', 'session policy'],
  ];
  it.each(denials)('a denial by its name: %s', (told, name) => {
    const lacks = translateAwsError(
      named('AccessDeniedException', `${may} because no identity-based policy allows it`),
      service,
    );
    const denied = translateAwsError(named('AccessDeniedException', `${may} ${told} value-of-the-secret`), service);
    expect(denied).toMatchObject({ code: 'denied', message: expect.stringContaining(name) });
    expect(denied.message).toMatch(told.includes('explicit') ? /explicitly/ : /does not allow/);
    expect(denied.hint).not.toBe(lacks.hint);
    expect(denied.line()).not.toMatch(/value-of-the-secret|assumed-role|p-y/);
  });

  it('what the service says of its own, before what every service may say', () => {
    const refusals = [
      { names: ['AccessDeniedException'], saying: /of ours/, code: 'conflict', message: 'is ours', hint: 'see NAME' },
      { names: /^Own/, code: 'refused', message: 'is its own' },
    ] as const;
    const own = (error: unknown) => translateAwsError(error, { name: 'Ours', refusals }, 'x');
    expect(own(named('AccessDeniedException', 'one of ours'))).toMatchObject({ code: 'conflict', hint: 'see x' });
    expect(own(named('AccessDeniedException'))).toMatchObject({ code: 'denied' });
    expect(own(named('OwnException'))).toMatchObject({ code: 'refused' });
    expect(own(named('NobodysException')).message).toContain('not one of Ours');
  });

  it('itself, if it is ours already', () => {
    const ours = new FlowError('refused', 'no');
    expect(translateAwsError(ours, service)).toBe(ours);
    expect(translateAwsError(ours, service, 'app/x').place.subject).toBe('app/x');
  });
});
