import { FlowError, type ErrorCode } from '../../../foundation/errors.ts';

interface Row {
  readonly names: readonly string[];
  /** narrows by the service's message, which is matched and never shown */
  readonly saying?: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

const policyHint = 'flows check --setup prints the least policy that a push needs';
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

/** What can deny beside the rights of the credentials themselves, as AWS's messages name it. */
const policies: Readonly<Record<string, string>> = {
  'service control policy': 'a service control policy of the organization',
  'resource control policy': 'a resource control policy of the organization',
  'permissions boundary': 'the permissions boundary of these credentials',
  'session policy': 'the session policy of these credentials',
  'VPC endpoint policy': 'the policy of the VPC endpoint',
  'resource-based policy': 'the resource policy of the secret',
  'identity-based policy': 'a policy of these credentials',
};
const denials = Object.entries(policies).flatMap(([named, policy]): Row[] => [
  {
    names: ['AccessDeniedException', 'AccessDenied'],
    saying: new RegExp(`explicit deny in an? ${named}`, 'i'),
    code: 'denied',
    message: `${policy} denies this explicitly`,
    hint: 'no right that is added elsewhere helps: that one must be changed, or another address, region or role be used',
  },
  ...(named === 'identity-based policy'
    ? []
    : [
        {
          names: ['AccessDeniedException', 'AccessDenied'],
          saying: new RegExp(`because no ${named} allows`, 'i'),
          code: 'denied',
          message: `${policy} does not allow this`,
          hint: `it must allow it too; ${policyHint}`,
        } as const,
      ]),
]);

/** By the error's name, never by its status: AWS answers not-found with 400, other implementations with 404. */
const rows: readonly Row[] = [
  { names: ['AccessDeniedException', 'AccessDenied'], saying: /\bkms\b/i, ...kms },
  ...denials,
  {
    names: ['AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation'],
    code: 'denied',
    message: 'AWS does not allow this to these credentials',
    hint: policyHint,
  },
  {
    names: ['ExpiredTokenException', 'ExpiredToken', 'RequestExpired', 'TokenRefreshRequired'],
    code: 'denied',
    message: 'the AWS credentials have expired',
    hint: 'sign in again, for instance with: aws sso login',
  },
  {
    names: [
      'UnrecognizedClientException',
      'InvalidClientTokenId',
      'InvalidSignatureException',
      'SignatureDoesNotMatch',
      'IncompleteSignatureException',
      'IncompleteSignature',
      'MissingAuthenticationTokenException',
      'MissingAuthenticationToken',
      'InvalidAccessKeyId',
    ],
    code: 'denied',
    message: 'AWS does not accept the credentials',
    hint: 'check the access key, its secret, and the clock of this machine',
  },
  {
    names: ['CredentialsProviderError', 'TokenProviderError', 'ProviderError', 'CredentialsError'],
    code: 'denied',
    message: 'no AWS credentials were found',
    hint: 'sign in, set AWS_PROFILE, or name a profile: in service.yaml',
  },
  {
    names: ['OptInRequired', 'NotSignedUp'],
    code: 'denied',
    message: 'the AWS account has not enabled this service or region',
  },
  {
    names: [
      'ThrottlingException',
      'Throttling',
      'ThrottledException',
      'TooManyRequestsException',
      'RequestLimitExceeded',
      'RequestThrottled',
      'RequestThrottledException',
      'SlowDown',
    ],
    code: 'rate-limited',
    message: 'AWS asks for fewer requests',
    hint: 'run again: what was pushed stays pushed',
  },
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
    names: ['InvalidRequestException'],
    saying: /\breplica\b/i,
    code: 'conflict',
    message: 'is a replica of a secret in another region',
    hint: 'push it to a store of the region that it is copied from',
  },
  {
    names: ['InvalidRequestException', 'AccessDeniedException'],
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
    names: [
      'InvalidParameterException',
      'ValidationException',
      'InvalidTypeException',
      'MalformedPolicyDocumentException',
    ],
    code: 'invalid-value',
    message: 'AWS does not accept what is declared for it',
    hint: 'check its name, description, kms-key and tags',
  },
  { names: ['EncryptionFailure', 'DecryptionFailure', 'EncryptionFailureException'], ...kms },
  {
    names: [
      'InternalServiceError',
      'InternalServiceErrorException',
      'InternalFailure',
      'InternalServerError',
      'ServiceUnavailable',
      'ServiceUnavailableException',
    ],
    code: 'unavailable',
    message: 'AWS failed on its side',
    hint: 'run again',
  },
  {
    names: ['TimeoutError', 'RequestTimeout', 'RequestTimeoutException'],
    code: 'timeout',
    message: 'AWS did not answer in time',
    hint: 'run again',
  },
  {
    names: [
      'ECONNREFUSED',
      'ECONNRESET',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EPIPE',
      'ETIMEDOUT',
      'ERR_STREAM_PREMATURE_CLOSE',
    ],
    code: 'unavailable',
    message: 'AWS cannot be reached',
    hint: 'check the network, the region and endpoint:',
  },
  {
    names: ['ERR_PROXY_TUNNEL'],
    code: 'unavailable',
    message: 'AWS cannot be reached: the proxy does not lead there',
  },
];

const statuses: readonly {
  readonly from: number;
  readonly to: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}[] = [
  {
    from: 300,
    to: 399,
    code: 'protocol',
    message: 'the address answered with a redirect, which is not followed',
    hint: 'check endpoint:',
  },
  { from: 401, to: 403, code: 'denied', message: 'AWS does not allow this to these credentials', hint: policyHint },
  { from: 429, to: 429, code: 'rate-limited', message: 'AWS asks for fewer requests', hint: 'run again' },
  { from: 500, to: 599, code: 'unavailable', message: 'AWS failed on its side', hint: 'run again' },
];

/** Whatever the SDK throws, as a FlowError. The service's own text is never shown: it may repeat what was sent. */
export function translateAwsError(error: unknown, subject?: string): FlowError {
  const known = knownAwsError(error, subject);
  if (known !== undefined) return known;
  return new FlowError('protocol', 'AWS gave an answer that is not one of Secrets Manager', {
    hint: 'check the region and endpoint:',
    place: subject === undefined ? undefined : { subject },
    cause: error,
  });
}

/** What can be told of whatever the SDK throws; undefined: nothing. */
export function knownAwsError(error: unknown, subject?: string): FlowError | undefined {
  if (error instanceof FlowError) return subject === undefined ? error : error.at({ subject });
  const facts = factsOf(error);
  const place = subject === undefined ? undefined : { subject };
  const row = rows.find(
    (each) =>
      facts.names.some((name) => each.names.includes(name) || (/^KMS/.test(name) && each === kmsRow)) &&
      (each.saying === undefined || each.saying.test(facts.message)),
  );
  const found = row ?? statuses.find((each) => facts.status >= each.from && facts.status <= each.to);
  if (found !== undefined) {
    return new FlowError(found.code, found.message, {
      hint: found.hint?.replace('NAME', subject ?? 'NAME'),
      place,
      cause: error,
    });
  }
  if (facts.names.some((name) => /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(name))) {
    return new FlowError('protocol', 'the certificate of the address is not one that this machine trusts', {
      place,
      cause: error,
    });
  }
  return undefined;
}

const kmsRow = rows.find((each) => each.names.includes('EncryptionFailure'));

interface Facts {
  readonly names: readonly string[];
  readonly message: string;
  /** 0 where there was no answer */
  readonly status: number;
}

function factsOf(error: unknown): Facts {
  if (typeof error !== 'object' || error === null) return { names: [], message: '', status: 0 };
  const of = error as {
    name?: unknown;
    code?: unknown;
    message?: unknown;
    $metadata?: { httpStatusCode?: unknown };
    $response?: { statusCode?: unknown };
  };
  const status = of.$metadata?.httpStatusCode ?? of.$response?.statusCode;
  return {
    names: [of.name, of.code].filter((name) => typeof name === 'string'),
    message: typeof of.message === 'string' ? of.message : '',
    status: typeof status === 'number' ? status : 0,
  };
}
