import { z } from 'zod';
import type { NewUser, User } from '../contract.ts';

/** Bodies of SCIM 2.0 (RFC 7643, RFC 7644). This file loads zod, so it is loaded only when a provider is called. */
export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

// attributes that are not named here are dropped, a password that a server echoes above all
const user = z
  .object({
    id: z.string().min(1),
    userName: z.string().min(1),
    externalId: z.string().nullish(),
    active: z.boolean().nullish(),
  })
  .transform(({ id, userName, externalId, active }): User => ({
    id,
    userName,
    externalId: externalId ?? undefined,
    // a server that does not speak of it has no disabled users
    active: active ?? true,
  }));

const list = z.object({
  totalResults: z.number().int().nonnegative(),
  Resources: z.array(user).nullish(),
});

const failure = z.object({ scimType: z.string().optional(), detail: z.string().optional() });

export function parseUser(body: string): User | undefined {
  return read(user, body);
}

export function parseUsers(body: string): { readonly total: number; readonly users: readonly User[] } | undefined {
  const found = read(list, body);
  return found === undefined ? undefined : { total: found.totalResults, users: found.Resources ?? [] };
}

/** What an error answer says (RFC 7644, section 3.12); nothing where it is no SCIM. */
export function parseFailure(body: string): { readonly scimType?: string | undefined; readonly detail: string } {
  const found = read(failure, body);
  return { scimType: found?.scimType, detail: found?.detail ?? '' };
}

export function newUserBody({ userName, externalId, givenName, familyName, email, password }: NewUser): string {
  return JSON.stringify({
    schemas: [userSchema],
    userName,
    externalId,
    name: { givenName, familyName },
    emails: [{ value: email, primary: true }],
    active: true,
    password: password.reveal(),
  });
}

export const disableBody = JSON.stringify({
  schemas: [patchSchema],
  Operations: [{ op: 'replace', path: 'active', value: false }],
});

function read<T>(schema: z.ZodType<T>, body: string): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(body));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
