import { z } from 'zod';
import { Secret } from '../../foundation/secret.ts';
import { ScimError } from './scim-errors.ts';
import type { UserChange, UserFields, UserRecord } from './users.ts';

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const stateSchema = 'urn:ietf:params:scim:schemas:oracle:idcs:extension:userState:User';
export const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

const text = z.string().max(1000);
const name = z.object({ givenName: text.optional(), familyName: text.optional() });
const emails = z.array(z.object({ value: text.min(1), primary: z.boolean().optional() })).max(20);

// a server ignores attributes that it does not know (RFC 7644, section 3.3)
const newUser = z.object({
  schemas: z.array(z.string()).refine((schemas) => schemas.includes(userSchema)),
  userName: text.min(1),
  externalId: text.min(1).optional(),
  name: name.optional(),
  emails: emails.optional(),
  active: z.boolean().optional(),
  password: z.string().optional(),
});

const patch = z.object({
  schemas: z.array(z.string()).refine((schemas) => schemas.includes(patchSchema)),
  Operations: z
    .array(z.object({ op: z.string(), path: z.string().optional(), value: z.unknown().optional() }))
    .min(1)
    .max(100),
});

/** A user of a create request. @throws ScimError invalidValue */
export function parseNewUser(body: unknown): { fields: UserFields; password: Secret | undefined } {
  const { userName, externalId, name, emails, active, password } = parsed(newUser, body);
  return {
    fields: {
      userName,
      externalId,
      givenName: name?.givenName,
      familyName: name?.familyName,
      email: primary(emails),
      active: active ?? true,
    },
    password: password === undefined ? undefined : new Secret(password),
  };
}

/** What each attribute that can be replaced does to the user; paths are compared without case. */
const attributes: ReadonlyMap<string, (value: unknown) => UserChange> = new Map<string, (value: unknown) => UserChange>(
  [
    ['active', (value) => ({ active: parsed(z.boolean(), value) })],
    ['externalid', (value) => ({ externalId: parsed(text.min(1), value) })],
    ['password', (value) => ({ password: new Secret(parsed(z.string(), value)) })],
    ['emails', (value) => ({ email: primary(parsed(emails, value)) })],
    ['name', (value) => parsed(name, value)],
    ['name.givenname', (value) => ({ givenName: parsed(text, value) })],
    ['name.familyname', (value) => ({ familyName: parsed(text, value) })],
  ],
);

/** The change of a patch request (RFC 7644, section 3.5.2): add and replace. @throws ScimError */
export function parsePatch(body: unknown): UserChange {
  const { Operations } = parsed(patch, body);
  let change: UserChange = {};
  for (const { op, path, value } of Operations) {
    if (!['add', 'replace'].includes(op.toLowerCase())) {
      throw new ScimError(400, 'only add and replace are supported', 'invalidSyntax');
    }
    const changes =
      path === undefined ? Object.entries(parsed(z.record(z.string(), z.unknown()), value)) : [[path, value] as const];
    for (const [name, given] of changes) {
      const attribute = attributes.get(name.toLowerCase());
      if (attribute === undefined) throw new ScimError(400, 'the attribute cannot be changed', 'invalidPath');
      change = { ...change, ...attribute(given) };
    }
  }
  return change;
}

/** A user as SCIM shows one: never with a password. @param locked told as Oracle's servers do: RFC 7643 has no word for it */
export function userResource(user: UserRecord, location: string, locked: boolean): object {
  const named = user.givenName !== undefined || user.familyName !== undefined;
  return {
    schemas: [userSchema, ...(locked ? [stateSchema] : [])],
    ...(locked ? { [stateSchema]: { locked: { on: true } } } : {}),
    id: user.id,
    externalId: user.externalId,
    userName: user.userName,
    ...(named ? { name: { givenName: user.givenName, familyName: user.familyName } } : {}),
    emails: user.email === undefined ? undefined : [{ value: user.email, primary: true }],
    active: user.active,
    meta: {
      resourceType: 'User',
      created: new Date(user.createdAt).toISOString(),
      lastModified: new Date(user.changedAt).toISOString(),
      location,
      version: versionTag(user),
    },
  };
}

export function versionTag(user: UserRecord): string {
  return `W/"${user.version}"`;
}

function primary(given: z.infer<typeof emails> | undefined): string | undefined {
  return (given?.find((email) => email.primary === true) ?? given?.[0])?.value;
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // names of attributes only: a value could be a password
  const paths = result.error.issues.map((issue) => issue.path.join('.') || 'the value');
  throw new ScimError(400, `not valid: ${[...new Set(paths)].join(', ')}`, 'invalidValue');
}
