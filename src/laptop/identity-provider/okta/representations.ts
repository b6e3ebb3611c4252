import { z } from 'zod';
import type { UserRecord, Users } from '../users.ts';
import { invalid, missing } from './api-error.ts';

const markKey = 'flowsOwner';
/** Milliseconds after its making in which a user is being activated. */
const activation = 300;

const password = z.strictObject({ password: z.strictObject({ value: z.string() }) });
export const newUser = z.strictObject({
  profile: z.strictObject({
    login: z.string(),
    email: z.string(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    [markKey]: z.string().optional(),
  }),
  credentials: password,
  groupIds: z.array(z.string()).optional(),
});
export const userChange = z.strictObject({ credentials: password });
export const newFactor = z.strictObject({
  factorType: z.literal('token:software:totp'),
  provider: z.literal('GOOGLE'),
});
export const passCode = z.strictObject({ passCode: z.string() });
export const newSecret = z.strictObject({
  client_secret: z.string().optional(),
  status: z.enum(['ACTIVE', 'INACTIVE']).optional(),
});

/** A request's body. @throws OrgError in the words of the API */
export function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const property = String(result.error.issues[0]?.path.at(-1) ?? 'body');
  throw invalid(property, `${property}: The field has a value that is not allowed.`);
}

/** 20 characters that begin with the kind. */
export function orgId(kind: '00u' | 'opf', id: string): string {
  return `${kind}${id.replaceAll('-', '').slice(0, 17)}`;
}

/** By id or login, as the API takes both. */
export function userOf(users: Users, idOrLogin: string): UserRecord {
  const user = users.all().find(({ id }) => orgId('00u', id) === idOrLogin) ?? users.byUserName(idOrLogin);
  if (user === undefined) throw missing(idOrLogin, 'User');
  return user;
}

export function markIn({ profile }: z.infer<typeof newUser>): string | undefined {
  return profile[markKey];
}

/** As the API shows one: never with a password. */
export function userRepresentation(user: UserRecord, now: number): object {
  const { id, userName, email, givenName, familyName, active, externalId, createdAt } = user;
  const activating = active && now < createdAt + activation;
  return {
    id: orgId('00u', id),
    status: activating ? 'STAGED' : active ? 'ACTIVE' : 'SUSPENDED',
    transitioningToStatus: activating ? 'ACTIVE' : null,
    created: new Date(createdAt).toISOString(),
    profile: {
      login: userName,
      email: email ?? userName,
      firstName: givenName,
      lastName: familyName,
      ...(externalId === undefined ? {} : { [markKey]: externalId }),
    },
    credentials: { provider: { type: 'OKTA', name: 'OKTA' } },
  };
}

/** Whether the org is done with what it was asked for at the making of a user. */
export function isActive(user: UserRecord, now: number): boolean {
  return user.active && now >= user.createdAt + activation;
}
