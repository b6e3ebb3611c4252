import { FlowError, oneLine, type ErrorCode } from '../../foundation/errors.ts';
import type { Way } from '../../foundation/proxy.ts';
import type { Secret } from '../../foundation/secret.ts';
import { knownAwsError } from './errors.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

export interface CredentialOptions {
  readonly region: string;
  /** of service.yaml: where roles are asked for too, in development */
  readonly endpoint?: string | undefined;
  /** of the shared configuration files; default: the SDK's default chain */
  readonly profile?: string | undefined;
  readonly credentials?: AwsCredentials | undefined;
  readonly development: boolean;
  /** by which way AWS is reached; default: directly */
  readonly way?: Way | undefined;
}

/** Of the SDK's request handler. */
export function throughProxy(way: Way | undefined) {
  const httpsAgent = way?.agent();
  return httpsAgent === undefined ? {} : { httpsAgent };
}

/** What the SDK calls when it signs, with the client that asks. */
export type Provider = (asking?: Readonly<Record<string, unknown>>) => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}>;

/** Credentials as declared, or as AWS's own tools find them; what goes wrong is told by its kind. @throws FlowError */
export function createCredentials(options: CredentialOptions): Provider {
  const { credentials, profile } = options;
  if (credentials !== undefined) {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    return () =>
      Promise.resolve({
        accessKeyId,
        secretAccessKey: secretAccessKey.reveal(),
        ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
      });
  }
  let made: Promise<Provider> | undefined;
  return async (asking) => {
    const named = profile ?? (process.env['AWS_PROFILE'] || undefined);
    made ??= found(options);
    const given = await made
      .then((provider) => provider(asking))
      .catch(async (error: unknown) => Promise.reject(await told(error, options, named)));
    requireWhole(given);
    return given;
  };
}

/** No request could be signed with them, or none be sent. @throws FlowError invalid */
function requireWhole({ accessKeyId, secretAccessKey, sessionToken = '' }: Awaited<ReturnType<Provider>>): void {
  const parts = { 'access key id': accessKeyId, 'secret access key': secretAccessKey, 'session token': sessionToken };
  for (const [name, value] of Object.entries(parts)) {
    if (!/[^\x21-\x7e]/.test(value)) continue;
    throw new FlowError('invalid', `the AWS ${name} has a line break, a space or another character that none has`, {
      hint: "write it anew where it stands: in AWS's variables, its shared configuration or what a helper program prints",
    });
  }
}

/** Addresses in the environment and in profiles do not count for the services that are asked on the way either. */
async function found({ region, endpoint, profile, development, way }: CredentialOptions): Promise<Provider> {
  const { fromIni, fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const clientConfig = { ignoreConfiguredEndpointUrls: true, requestHandler: throughProxy(way) };
  const init = { clientConfig, logger: quiet, ...(development && (await roleAssumers(region, endpoint))) };
  return profile === undefined ? fromNodeProviderChain(init) : fromIni({ ...init, profile });
}

/** The SDK would tell of profiles on stderr. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A server on this machine that stands for AWS gives roles too. */
async function roleAssumers(region: string, endpoint: string | undefined) {
  if (endpoint === undefined) return {};
  const { getDefaultRoleAssumer, getDefaultRoleAssumerWithWebIdentity } = await import('@aws-sdk/client-sts');
  const sts = { region, endpoint };
  return {
    roleAssumer: getDefaultRoleAssumer(sts),
    roleAssumerWithWebIdentity: getDefaultRoleAssumerWithWebIdentity(sts),
  };
}

async function told(thrown: unknown, options: CredentialOptions, named: string | undefined): Promise<FlowError> {
  const known = translateCredentialError(thrown, named);
  if (known !== undefined) return known;
  // the default chain tells of its last link; what stopped the profile stands in the profile
  if (options.profile === undefined && isProviderError(thrown)) {
    const itself = await found({ ...options, profile: named ?? 'default' });
    const own = await itself().catch((reason: unknown) => translateCredentialError(reason, named));
    if (own instanceof FlowError && (named !== undefined || own.message !== absent('default'))) return own;
  }
  const other = knownAwsError(thrown);
  if (other !== undefined) return other;
  // the SDK could make nothing of what stands in the profile
  const which = named ?? 'default';
  return new FlowError('invalid', `no credentials can be made of profile "${oneLine(which, 100)}"`, {
    hint: `see what AWS's own command says of it: aws sts get-caller-identity --profile ${argumentOf(which)}`,
    cause: thrown,
  });
}

interface Row {
  readonly saying: RegExp;
  readonly code: ErrorCode;
  /** @param profile its name in quotes */
  readonly message: (profile: string) => string;
  /** @param profile its name as an argument */
  readonly hint: (profile: string) => string;
}

const absent = (profile: string) =>
  `profile "${profile}" is not in AWS's shared configuration, or names no credentials`;

/** By what the SDK's text says, which is matched and never shown: a helper program's own words are in it. */
const rows: readonly Row[] = [
  {
    saying: /multi-factor authentication/,
    code: 'denied',
    message: (profile) =>
      `the role of profile ${profile} wants a code of multi-factor authentication, which is not asked for here`,
    hint: (profile) =>
      `take the role before: eval "$(aws configure export-credentials ${profile} --format env)", and leave the profile out`,
  },
  {
    saying:
      /invalid SSO credentials|Conflicting SSO|Sso session '.*' (?:could not be found|is missing)|Incomplete configuration|missing required property/,
    code: 'invalid',
    message: (profile) => `the SSO settings of profile ${profile} are not complete`,
    hint: (profile) => `write them anew with: aws configure sso ${profile}`,
  },
  {
    saying: /ForbiddenException|No access/,
    code: 'denied',
    message: (profile) => `SSO gives this user no such role in that account, by profile ${profile}`,
    hint: () => 'check sso_account_id and sso_role_name of the profile, and who is assigned to the account',
  },
  {
    saying: /aws sso login|SSO (?:session|Token|returns)|UnauthorizedException|Token is expired/,
    code: 'denied',
    message: (profile) => `the SSO session of profile ${profile} is over, or was never begun`,
    hint: (profile) => `sign in with: aws sso login ${profile}`,
  },
  {
    saying: /aws login\b/,
    code: 'denied',
    message: (profile) => `the sign-in of profile ${profile} is over, or was never begun`,
    hint: (profile) => `sign in with: aws login ${profile}`,
  },
  {
    saying: /returned expired credentials/,
    code: 'denied',
    message: (profile) => `the helper program of profile ${profile} gave credentials that have ended`,
    hint: (profile) =>
      `sign in anew with what it asks; it is what this prints: aws configure get credential_process ${profile}`,
  },
  {
    saying: /credential_process (?:returned|did not return)/,
    code: 'invalid',
    message: (profile) => `the helper program of profile ${profile} printed no credentials in the form that AWS wants`,
    hint: (profile) => `look at what it prints; it is: aws configure get credential_process ${profile}`,
  },
  {
    saying: /^(?:Command failed|spawn |stdout maxBuffer)/,
    code: 'denied',
    message: (profile) => `the helper program of profile ${profile} failed`,
    hint: (profile) => `run it by itself; it is what this prints: aws configure get credential_process ${profile}`,
  },
  {
    saying: /Detected a cycle|Unsupported credential source/,
    code: 'invalid',
    message: (profile) =>
      `profile ${profile} leads to no credentials: a circle of source_profile, or an unknown credential_source`,
    hint: () => 'correct it in AWS’s shared configuration',
  },
  {
    saying:
      /Could not resolve credentials using profile|could not be found in shared credentials|^Profile .* was not found/,
    code: 'invalid',
    message: (profile) => absent(profile.slice(1, -1)),
    hint: () => 'see the names with: aws configure list-profiles; correct profile: in service.yaml, or AWS_PROFILE',
  },
];

const roleRefusals: readonly {
  readonly names: RegExp;
  readonly saying?: RegExp;
  readonly message: string;
  readonly hint: string;
}[] = [
  {
    names: /^AccessDenied/,
    saying: /sts:AssumeRole/,
    message: 'AWS does not let these credentials take the role',
    hint: 'check role_arn of the profile (or AWS_ROLE_ARN), and whom the trust policy of the role names',
  },
  {
    names: /^(?:InvalidIdentityToken|IDPRejectedClaim|IDPCommunicationError)/,
    message: 'AWS does not accept the web identity token',
    hint: 'check its issuer and audience against the identity provider in IAM, and its age',
  },
];

/** Why there are no credentials, where it can be told. @param named the profile that was chosen; undefined: none was */
export function translateCredentialError(error: unknown, named: string | undefined): FlowError | undefined {
  const { name, message, code, path } = error as { name?: unknown; message?: unknown; code?: unknown; path?: unknown };
  const text = typeof message === 'string' ? message : '';
  if (typeof code === 'string' && /^(?:ENOENT|EACCES|EISDIR|ENOTDIR|EPERM)$/.test(code)) {
    const file = typeof path === 'string' ? oneLine(path, 200) : 'that is named';
    return new FlowError('invalid', `the web identity token file ${file} cannot be read`, {
      hint: 'AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile, names it: is it there, and readable?',
      cause: error,
    });
  }
  const refused = roleRefusals.find(
    (each) => each.names.test(String(name)) && (each.saying === undefined || each.saying.test(text)),
  );
  if (refused !== undefined) return new FlowError('denied', refused.message, { hint: refused.hint, cause: error });
  const row = isProviderError(error) ? rows.find(({ saying }) => saying.test(text)) : undefined;
  if (row === undefined) return undefined;
  const profile = oneLine(named ?? 'default', 100);
  return new FlowError(row.code, row.message(`"${profile}"`), {
    hint: row.hint(`--profile ${argumentOf(profile)}`),
    cause: error,
  });
}

/** One word of a command to paste. */
function argumentOf(profile: string): string {
  return /^[\w.@+-]+$/.test(profile) ? profile : `'${profile.replaceAll("'", String.raw`'\''`)}'`;
}

function isProviderError(error: unknown): boolean {
  return error instanceof Error && /^(?:Credentials|CredentialsProvider|TokenProvider|Provider)Error$/.test(error.name);
}
