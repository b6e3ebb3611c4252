import { type ErrorCode, FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Provider } from './credentials.ts';

/** A role that is taken with a token of an OIDC provider which IAM knows: no key of AWS anywhere. */
export interface WebIdentity {
  /** its ARN */
  readonly role: string;
  /** as CloudTrail shows who it was */
  readonly sessionName: string;
  /** the JWT; told which one was refused, another one where there is one */
  readonly token: (refused?: Secret) => Promise<Secret>;
  /** epoch milliseconds */
  readonly now: () => number;
}

/** What STS is asked for. */
export interface RoleRequest {
  readonly RoleArn: string;
  readonly RoleSessionName: string;
  readonly WebIdentityToken: string;
  readonly DurationSeconds: number;
}

/** What it answers, as far as it matters. */
interface RoleAnswer {
  readonly Credentials?:
    | {
        readonly AccessKeyId?: string | undefined;
        readonly SecretAccessKey?: string | undefined;
        readonly SessionToken?: string | undefined;
        readonly Expiration?: Date | undefined;
      }
    | undefined;
}

/** seconds, the least that STS gives: a push takes less, and a longer one takes the role again */
const lifetime = 900;

/**
 * Credentials of the role, shared by all clients and taken again when four fifths of their life are over. The token is
 * sent to STS and stands nowhere else.
 * @param ask STS, with the deadline of a call
 */
export function createWebIdentity(
  { role, sessionName, token, now }: WebIdentity,
  ask: (request: RoleRequest) => Promise<RoleAnswer>,
): Provider {
  let current: Promise<{ readonly made: Awaited<ReturnType<Provider>>; readonly renewAt: number }> | undefined;

  async function takeWith(given: Secret) {
    const asked = now();
    const { Credentials: told } = await ask({
      RoleArn: role,
      RoleSessionName: sessionName,
      WebIdentityToken: given.reveal(),
      DurationSeconds: lifetime,
    }).catch((error: unknown) => {
      throw refusalOf(error, role) ?? error;
    });
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = told ?? {};
    const expiration = told?.Expiration;
    if (!accessKeyId || !secretAccessKey || !sessionToken || !(expiration instanceof Date)) throw noCredentials();
    const made = { accessKeyId, secretAccessKey, sessionToken, expiration };
    return { made, renewAt: asked + (expiration.getTime() - asked) * 0.8 };
  }

  async function take() {
    const given = await token();
    try {
      return await takeWith(given);
    } catch (error) {
      if (!(error instanceof FlowError) || error.code !== 'denied') throw error;
      // what is kept of the flow may have ended by AWS's clock
      const other = await token(given);
      if (other.equals(given)) throw error;
      return takeWith(other);
    }
  }

  return async () => {
    const seen = current;
    const known = await seen?.catch(() => undefined);
    // whoever came first has asked already
    if ((known === undefined || now() >= known.renewAt) && current === seen) current = take();
    return (await (current ?? take())).made;
  };
}

interface Row {
  readonly names: RegExp;
  readonly code: ErrorCode;
  readonly message: (role: string) => string;
  readonly hint: string;
}

const rows: readonly Row[] = [
  {
    names: /^ExpiredToken/,
    code: 'denied',
    message: (role) => `the token for ${role} has ended by AWS’s clock`,
    hint: 'see how long the issuer lets it live, and whether something keeps it',
  },
  {
    names: /^InvalidIdentityToken/,
    code: 'denied',
    message: (role) => `the token for ${role} is none that AWS accepts`,
    hint: 'IAM must have an identity provider of its issuer with its audience, in the account of the role, and the issuer must publish the key that signed it',
  },
  {
    names: /^IDPRejectedClaim/,
    code: 'denied',
    message: (role) => `the issuer of the token for ${role} does not stand for it any more`,
    hint: 'it may be revoked: make another one',
  },
  {
    names: /^AccessDenied/,
    code: 'denied',
    message: (role) => `AWS does not let this token take ${role}`,
    hint: 'compare iss, aud and sub of the token with the trust policy of the role: flows check --setup prints one',
  },
  {
    names: /^IDPCommunicationError/,
    code: 'unavailable',
    message: (role) => `AWS does not reach the keys of the issuer of the token for ${role}`,
    hint: 'its discovery document and its keys must be public; run again',
  },
  {
    names: /^RegionDisabled/,
    code: 'denied',
    message: (role) => `STS is not activated in this region for the account of ${role}`,
    hint: 'activate it in the account settings of IAM',
  },
];

/** By the error's name: what STS says besides may repeat what is in the token. */
function refusalOf(error: unknown, role: string): FlowError | undefined {
  if (!(error instanceof Error) || error instanceof FlowError) return undefined;
  const row = rows.find(({ names }) => names.test(error.name));
  return row && new FlowError(row.code, row.message(role), { hint: row.hint, cause: error });
}

function noCredentials(): FlowError {
  return new FlowError('protocol', 'AWS gave no credentials of the role', { hint: 'check the region and endpoint:' });
}
