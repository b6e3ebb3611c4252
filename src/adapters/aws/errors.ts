import { FlowError, type ErrorCode } from '../../foundation/errors.ts';

/** What an error of AWS means. */
export interface AwsRefusal {
  readonly names: readonly string[] | RegExp;
  /** narrows by the service's message, which is matched and never shown */
  readonly saying?: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
  /** `NAME` in it is the subject */
  readonly hint?: string;
}

/** A service of AWS, as far as its errors are its own. */
export interface AwsErrorTable {
  /** for messages: `Secrets Manager` */
  readonly name: string;
  /** looked at before what every service may answer */
  readonly refusals: readonly AwsRefusal[];
}

const policyHint = 'flows check --setup prints the least policy that this needs';
/** After a failure that may pass. */
export const again = 'run again: what was done stays done';
/** What can deny beside the rights of the credentials themselves, as AWS's messages name it. */
const policies: Readonly<Record<string, string>> = {
  'service control policy': 'a service control policy of the organization',
  'resource control policy': 'a resource control policy of the organization',
  'permissions boundary': 'the permissions boundary of these credentials',
  'session policy': 'the session policy of these credentials',
  'VPC endpoint policy': 'the policy of the VPC endpoint',
  'resource-based policy': 'the resource policy of what is asked for',
  'identity-based policy': 'a policy of these credentials',
};
const denials = Object.entries(policies).flatMap(([named, policy]): AwsRefusal[] => [
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

/** The SDK has tried again by the clock of the answer: that one is off too, or a proxy keeps requests. */
const skewed = {
  code: 'denied',
  message: 'AWS takes the request for one of another time',
  hint: 'set the clock of this machine',
} as const;

/** By the error's name, never by its status: AWS answers not-found with 400, other implementations with 404. */
const rows: readonly AwsRefusal[] = [
  ...denials,
  { names: ['RequestExpired', 'RequestInTheFuture', 'RequestTimeTooSkewed'], ...skewed },
  {
    names: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
    saying: /^signature (?:expired|not yet current)/i,
    ...skewed,
  },
  {
    names: ['AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation'],
    code: 'denied',
    message: 'AWS does not allow this to these credentials',
    hint: policyHint,
  },
  {
    names: ['ExpiredTokenException', 'ExpiredToken', 'TokenRefreshRequired'],
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
    hint: again,
  },
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
    // first: the SDK calls a connection that ended a timeout, and leaves the network's code beside that
    names: [
      'ECONNREFUSED',
      'ECONNRESET',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EPIPE',
      'ERR_STREAM_PREMATURE_CLOSE',
    ],
    code: 'unavailable',
    message: 'AWS cannot be reached',
    hint: 'check the network, the region and endpoint:',
  },
  {
    names: ['TimeoutError', 'ETIMEDOUT', 'RequestTimeout', 'RequestTimeoutException'],
    code: 'timeout',
    message: 'AWS did not answer in time',
    hint: 'run again',
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
export function translateAwsError(error: unknown, service: AwsErrorTable, subject?: string): FlowError {
  const known = knownAwsError(error, service.refusals, subject);
  if (known !== undefined) return known;
  return new FlowError('protocol', `AWS gave an answer that is not one of ${service.name}`, {
    hint: 'check the region and endpoint:',
    place: subject === undefined ? undefined : { subject },
    cause: error,
  });
}

/**
 * What can be told of whatever the SDK throws; undefined: nothing.
 * @param own what the service says besides what all of them may
 */
export function knownAwsError(
  error: unknown,
  own: readonly AwsRefusal[] = [],
  subject?: string,
): FlowError | undefined {
  if (error instanceof FlowError) return subject === undefined ? error : error.at({ subject });
  const facts = factsOf(error);
  const place = subject === undefined ? undefined : { subject };
  const row = [...own, ...rows].find(
    ({ names, saying }) =>
      facts.names.some((name) => (names instanceof RegExp ? names.test(name) : names.includes(name))) &&
      (saying === undefined || saying.test(facts.message)),
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
