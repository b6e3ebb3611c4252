import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Secret } from '../../../foundation/secret.ts';
import { normaliseSeed } from '../../../foundation/totp.ts';
import type { StoredFactor, UserFields, UserRecord } from '../users.ts';
import { AdminError } from './admin-error.ts';

const markAttribute = 'flows-owner';

const credential = z.object({
  type: z.enum(['password', 'otp']),
  value: z.string().optional(),
  userLabel: z.string().optional(),
  secretData: z.string().optional(),
  credentialData: z.string().optional(),
});
const user = z.object({
  username: z.string().optional(),
  email: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  enabled: z.boolean().optional(),
  attributes: z.record(z.string(), z.array(z.string())).optional(),
  requiredActions: z.array(z.string()).optional(),
  credentials: z.array(credential).optional(),
});
const client = z.object({ secret: z.string().optional(), attributes: z.record(z.string(), z.string()).optional() });
const secretData = z.object({ value: z.string() });
const credentialData = z.object({
  subType: z.literal('totp'),
  digits: z.number().int(),
  period: z.number().int(),
  algorithm: z.enum(['HmacSHA1', 'HmacSHA256', 'HmacSHA512']),
  secretEncoding: z.literal('BASE32'),
});
const algorithms = { HmacSHA1: 'SHA1', HmacSHA256: 'SHA256', HmacSHA512: 'SHA512' } as const;

export const readUser = (body: unknown) => read(user, body);
export const readClient = (body: unknown) => read(client, body);
export type UserRepresentation = z.infer<typeof user>;

/** What of it are fields of a user. */
export function fieldsIn({ email, firstName, lastName, enabled, attributes }: UserRepresentation): Partial<UserFields> {
  return {
    ...(email === undefined ? {} : { email }),
    ...(firstName === undefined ? {} : { givenName: firstName }),
    ...(lastName === undefined ? {} : { familyName: lastName }),
    ...(enabled === undefined ? {} : { active: enabled }),
    ...(attributes === undefined ? {} : { externalId: attributes[markAttribute]?.[0] }),
  };
}

export function passwordIn({ credentials = [] }: UserRepresentation): Secret | undefined {
  const found = credentials.find(({ type }) => type === 'password')?.value;
  return found === undefined ? undefined : new Secret(found);
}

export function factorsIn({ credentials = [] }: UserRepresentation): readonly StoredFactor[] {
  return credentials
    .filter(({ type }) => type === 'otp')
    .map(({ userLabel, ...data }) => {
      const facts = read(credentialData, parse(data.credentialData));
      const secret = normaliseSeed(read(secretData, parse(data.secretData)).value);
      // Keycloak takes any text and never lets its user in: of a double that would only hide the mistake
      if (secret === undefined) throw new AdminError(400, { error: 'no base32' });
      const { digits, period } = facts;
      const seed = { secret: new Secret(secret), algorithm: algorithms[facts.algorithm], digits, period };
      return { id: randomUUID(), label: userLabel, seed };
    });
}

/** As the API shows one: never with a password. */
export function userRepresentation(record: UserRecord, requiredActions: readonly string[]): object {
  const { id, userName, email, givenName, familyName, active, externalId, createdAt, factors } = record;
  return {
    id,
    username: userName,
    email,
    emailVerified: true,
    firstName: givenName,
    lastName: familyName,
    enabled: active,
    createdTimestamp: createdAt,
    totp: factors.length > 0,
    requiredActions,
    ...(externalId === undefined ? {} : { attributes: { [markAttribute]: [externalId] } }),
  };
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new AdminError(400, { error: 'Unrecognized field or value' });
}
