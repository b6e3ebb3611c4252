import { z } from 'zod';
import type { UserRecord, Users } from '../users.ts';
import { missing, TenantError } from './api-error.ts';

export const connection = 'Username-Password-Authentication';
const prefix = 'auth0|';
const markKey = 'flows_owner';

const metadata = z.object({ [markKey]: z.string().optional() });

export const newUser = z.strictObject({
  connection: z.literal(connection),
  email: z.email(),
  email_verified: z.boolean().optional(),
  verify_email: z.boolean().optional(),
  given_name: z.string().optional(),
  family_name: z.string().optional(),
  password: z.string(),
  app_metadata: metadata.optional(),
});
export const userChange = z.strictObject({
  connection: z.literal(connection).optional(),
  password: z.string().optional(),
  blocked: z.boolean().optional(),
});
export const newMethod = z.strictObject({
  type: z.literal('totp'),
  name: z.string().optional(),
  totp_secret: z.string().regex(/^[A-Z2-7]+$/),
});
export const clientChange = z.strictObject({
  client_secret: z.string().optional(),
  client_authentication_methods: z
    .strictObject({ private_key_jwt: z.strictObject({ credentials: z.array(z.strictObject({ id: z.string() })) }) })
    .optional(),
});
export const newCredential = z.strictObject({
  credential_type: z.literal('public_key'),
  name: z.string().optional(),
  pem: z.string(),
  alg: z.enum(['RS256', 'RS384', 'PS256']),
  kid: z.string().regex(/^[\w-]{10,64}$/),
});

/** A request's body. @throws TenantError in the words of the Management API */
export function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const property = result.error.issues[0]?.path.join('.') ?? '';
  throw new TenantError(400, `Payload validation error: 'Object didn't pass validation' on property ${property}.`, {
    code: 'invalid_body',
  });
}

export function userOf(users: Users, id: unknown): UserRecord {
  const text = typeof id === 'string' ? id : '';
  if (!text.includes('|')) throw new TenantError(400, 'Invalid user id.', { code: 'invalid_uri' });
  const user = text.startsWith(prefix) ? users.get(text.slice(prefix.length)) : undefined;
  if (user === undefined) throw missing('inexistent_user', 'The user does not exist.');
  return user;
}

export function byEmail(users: Users, email: string): UserRecord | undefined {
  return users.all().find((user) => emailOf(user) === email.toLowerCase());
}

function emailOf({ email, userName }: UserRecord): string {
  return (email ?? userName).toLowerCase();
}

export function markIn({ app_metadata: data }: z.infer<typeof newUser>): string | undefined {
  return data?.[markKey];
}

/** As the API shows one: never with a password. */
export function userRepresentation(user: UserRecord): object {
  const { id, givenName, familyName, active, externalId, createdAt, changedAt } = user;
  return {
    user_id: `${prefix}${id}`,
    email: emailOf(user),
    email_verified: true,
    given_name: givenName,
    family_name: familyName,
    name: emailOf(user),
    identities: [{ connection, user_id: id, provider: 'auth0', isSocial: false }],
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(changedAt).toISOString(),
    ...(externalId === undefined ? {} : { app_metadata: { [markKey]: externalId } }),
    ...(active ? {} : { blocked: true }),
  };
}
