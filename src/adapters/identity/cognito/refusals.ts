import { again, type AwsRefusal } from '../../aws/errors.ts';
import { markAttribute } from './names.ts';

const itsProof = 'the app client of its proof';

/** What Cognito says besides what every service of AWS may. What a sign-in says of the account itself is read there. */
export const refusals: readonly AwsRefusal[] = [
  {
    names: ['UserNotFoundException'],
    code: 'not-found',
    message: 'the pool has no such user',
    hint: 'is it the user of this pool?',
  },
  {
    names: ['UsernameExistsException', 'AliasExistsException'],
    code: 'conflict',
    message: 'the pool says that the name or address exists',
    hint: 'use another name',
  },
  {
    names: ['InvalidPasswordException', 'PasswordHistoryPolicyViolationException'],
    code: 'invalid-value',
    message: 'the pool refuses the password',
    hint: 'fit the password to the password policy of the pool',
  },
  {
    names: ['InvalidParameterException'],
    saying: /flow (?:is )?not enabled/i,
    code: 'denied',
    message: `the pool does not let ${itsProof} sign in with a password`,
    hint: 'give the app client ALLOW_ADMIN_USER_PASSWORD_AUTH',
  },
  {
    names: ['InvalidParameterException', 'ValidationException', 'SerializationException'],
    code: 'invalid-value',
    message: 'the pool refuses a value',
    hint: `fit it to what the pool takes: has it the attribute ${markAttribute}?`,
  },
  {
    names: ['NotAuthorizedException', 'InvalidParameterException'],
    saying: /secret.?hash|configured (?:with|for) secret/i,
    code: 'denied',
    message: `the pool does not accept the secret of ${itsProof}`,
    hint: 'is it the one that proof: names?',
  },
  {
    names: ['ResourceNotFoundException'],
    code: 'not-found',
    message: 'there is no such pool, or it has no such app client',
    hint: 'check pool: and the ids of its app clients',
  },
  {
    names: ['NotAuthorizedException'],
    code: 'denied',
    message: 'the pool does not allow this',
    hint: 'flows check --setup prints the least policy that this needs',
  },
  {
    names: ['ForbiddenException'],
    code: 'denied',
    message: 'a web ACL (WAF) of the pool does not let the request through',
    hint: 'let the address of this machine through',
  },
  {
    names: ['LimitExceededException', 'TooManyFailedAttemptsException'],
    code: 'rate-limited',
    message: 'the pool has had too many attempts',
    hint: 'try again later',
  },
  {
    names: ['SoftwareTokenMFANotFoundException', 'MFAMethodNotFoundException'],
    code: 'refused',
    message: 'the pool takes no one-time passwords',
    hint: 'let its multi-factor authentication take authenticator apps',
  },
  {
    names: /Lambda/,
    code: 'refused',
    message: 'a Lambda trigger of the pool refuses this, or fails',
    hint: 'look at the log of the trigger',
  },
  {
    names: [
      'OperationNotEnabledException',
      'FeatureUnavailableInTierException',
      'UnsupportedOperationException',
      'InvalidUserPoolConfigurationException',
      'InvalidAction',
      'UnknownOperationException',
    ],
    code: 'refused',
    message: 'the pool, or its feature plan, does not have this',
    hint: 'see the feature plan of the pool',
  },
  {
    names: ['ConcurrentModificationException'],
    code: 'unavailable',
    message: 'somebody else changes the same at the same time',
    hint: again,
  },
  { names: ['InternalErrorException'], code: 'unavailable', message: 'AWS failed on its side', hint: again },
];
