import { form, optional, withDefault, type InputOf, type Keys } from '../../language/forms.ts';
import { urlForm } from '../../language/url.ts';
import { bearerKeys, bearerOf, type BearerServices } from '../bearer.ts';
import type { KeyProblem, Services } from '../declaration.ts';
import { partitionOf } from './partitions.ts';
import type { WebIdentity } from './web-identity.ts';

/** The keys that say as whom a service of AWS is asked, and where. */
export const connectionKeys = {
  account: optional(
    form.text({ pattern: /^\d{12}$/, expects: "an account's 12 digits, in quotes" }),
    'verified before anything else',
    { example: "'123456789012'" },
  ),
  endpoint: optional(
    urlForm,
    "another address than AWS's own, for STS too; no variable and no profile of AWS can set it instead",
  ),
  profile: optional(form.text(), "a profile of AWS's shared configuration; without it the default credential chain"),
} satisfies Keys;

const roleArn = /^arn:(aws(?:-[a-z]+)*):iam::(\d{12}):role\/[\w+=,.@/-]{1,576}$/;

/** The keys that say which role is taken with a token of an OIDC provider. */
export const webIdentityKeys = {
  role: optional(
    form.text({ pattern: roleArn, expects: 'the ARN of a role' }),
    'the ARN of a role that is taken with the JWT which `token-flow` or `token` gives, by AssumeRoleWithWebIdentity',
    { example: 'arn:aws:iam::123456789012:role/pusher' },
  ),
  'session-name': withDefault(
    form.text({ pattern: /^[\w+=,.@-]{2,64}$/, expects: '2–64 letters, digits and _+=,.@-' }),
    'auth-chain',
    'how CloudTrail names who took the role',
  ),
  'token-flow': { ...bearerKeys['token-flow'], description: 'name of a flow whose output is that JWT' },
  token: {
    ...bearerKeys.token,
    description: 'that JWT: a reference, or where it is, read again where it was refused',
    example: '{ file: /var/run/secrets/aws/token }',
  },
} satisfies Keys;

type RoleSettings = Partial<InputOf<typeof webIdentityKeys>> & {
  readonly region?: string | undefined;
  readonly account?: string | undefined;
};

/** What is wrong with a role: who takes it, and whether it is of this account and part of AWS. */
export function webIdentityProblems(
  { role, region, account }: RoleSettings,
  given: ReadonlySet<string>,
): readonly KeyProblem[] {
  const found: KeyProblem[] = [];
  const tokens = (['token-flow', 'token'] as const).filter((key) => given.has(key));
  if (!given.has('role')) {
    const hint = 'add role: ARN, or leave it out';
    return [...tokens, ...(given.has('session-name') ? (['session-name'] as const) : [])].map((key) => ({
      key,
      problem: 'stands there without role',
      hint,
    }));
  }
  if (tokens.length === 0)
    found.push({ key: 'role', problem: 'has no token that it is taken with', hint: 'add token-flow: FLOW, or token:' });
  if (tokens.length > 1) found.push({ key: 'token', problem: 'stands beside token-flow', hint: 'keep one of them' });
  if (given.has('profile'))
    found.push({
      key: 'profile',
      problem: 'stands beside role',
      hint: 'keep one of them: each says as whom AWS is asked',
    });
  const [, partition, owner] = roleArn.exec(role ?? '') ?? [];
  if (owner !== undefined && account !== undefined && owner !== account)
    found.push({
      key: 'role',
      problem: `is of account ${owner}, and account is ${account}`,
      hint: 'correct one of them',
    });
  if (partition !== undefined && region !== undefined && partition !== partitionOf(region).id) {
    const hint = `it begins with arn:${partitionOf(region).id}:`;
    found.push({ key: 'role', problem: `is of the partition ${partition}, and ${region} is not in it`, hint });
  }
  return found;
}

/** For the laptop, where no role is taken. */
export const withoutRole = {
  role: undefined,
  'session-name': 'auth-chain',
  'token-flow': undefined,
  token: undefined,
} as const;

/** The role that those keys name; undefined where they name none. */
export function webIdentityOf(
  { role, 'session-name': sessionName, token }: InputOf<typeof webIdentityKeys>,
  services: BearerServices & Services,
): WebIdentity | undefined {
  if (role === undefined) return undefined;
  return { role, sessionName: sessionName ?? 'auth-chain', token: bearerOf({ token }, services), now: services.now };
}
