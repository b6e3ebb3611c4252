import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Secret } from '../../foundation/secret.ts';
import type { Refusal } from './refusal.ts';
import type { AccessKey } from './signature.ts';

type Answer = { readonly status: number; readonly xml: string };

/** What a role says of a token: nothing where it may take it, else STS's code. */
export type Trust = (token: string) => string | undefined;

export interface Role {
  /** by the ARN of the role */
  readonly trust: Trust | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
  /** told of the key that was made */
  issued(key: AccessKey): void;
}

/** STS is asked at the address of the service that it is for, by another protocol. */
export function isSts(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
}

/** STS's query protocol: a form in, XML out. Who am I? */
export function answerCallerIdentity(
  body: string,
  caller: { readonly account: string; readonly user: string; readonly accessKeyId: string },
): Answer {
  const action = new URLSearchParams(body).get('Action');
  if (action !== 'GetCallerIdentity')
    return failSts(400, 'InvalidAction', `Could not find operation ${action ?? ''} for version 2011-06-15`);
  return answered(
    'GetCallerIdentity',
    `<Arn>${escape(caller.user)}</Arn><UserId>${escape(caller.accessKeyId)}</UserId><Account>${caller.account}</Account>`,
  );
}

/** Gives a role for a token, unsigned as AWS takes it. */
export function answerWebIdentity(body: string, { trust, now, issued }: Role): Answer {
  const form = new URLSearchParams(body);
  const text = (name: string) => form.get(name) ?? '';
  const [, account = ''] = /^arn:[\w-]+:iam::(\d{12}):role\/./.exec(text('RoleArn')) ?? [];
  const seconds = Number(form.get('DurationSeconds') ?? 3_600);
  const name = text('RoleSessionName');
  if (account === '' || !/^[\w+=,.@-]{2,64}$/.test(name) || !(seconds >= 900 && seconds <= 43_200))
    return failSts(400, 'ValidationError', '1 validation error detected');
  const refused = trust === undefined ? 'AccessDenied' : trust(text('WebIdentityToken'));
  if (refused !== undefined)
    return failSts(refused === 'AccessDenied' ? 403 : 400, refused, `Refused: ${text('WebIdentityToken')}`);
  const key = {
    id: `ASIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`,
    secret: new Secret(randomBytes(30).toString('base64')),
    token: new Secret(randomBytes(60).toString('base64')),
    expiresAt: now() + seconds * 1_000,
    account,
    user: text('RoleArn').replace(':iam:', ':sts:').replace(':role/', ':assumed-role/').concat(`/${name}`),
  };
  issued(key);
  return answered(
    'AssumeRoleWithWebIdentity',
    `<Credentials><AccessKeyId>${key.id}</AccessKeyId><SecretAccessKey>${escape(key.secret.reveal())}</SecretAccessKey><SessionToken>${escape(key.token.reveal())}</SessionToken><Expiration>${new Date(key.expiresAt).toISOString()}</Expiration></Credentials>`,
  );
}

function answered(action: string, result: string): Answer {
  return {
    status: 200,
    xml: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>${crypto.randomUUID()}</RequestId></ResponseMetadata></${action}Response>`,
  };
}

/** STS has names of its own for what goes wrong with a signature. */
const codes: Readonly<Record<string, string>> = {
  UnrecognizedClientException: 'InvalidClientTokenId',
  InvalidSignatureException: 'SignatureDoesNotMatch',
  AccessDeniedException: 'AccessDenied',
  ThrottlingException: 'Throttling',
  InternalServiceError: 'InternalFailure',
};

export function failStsAs({ status, type, message }: Refusal): Answer {
  return failSts(status, codes[type] ?? type, message);
}

function failSts(status: number, code: string, message: string): Answer {
  return {
    status,
    xml: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${escape(code)}</Code><Message>${escape(message)}</Message></Error><RequestId>${crypto.randomUUID()}</RequestId></ErrorResponse>`,
  };
}

function escape(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
