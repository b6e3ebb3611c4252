import { z } from 'zod';
import { answerReader } from '../answer-reader.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { ListedSecret, NewUser, User } from '../contract.ts';

/** Bodies of SCIM 2.0 (RFC 7643, RFC 7644). This file loads zod, so it is loaded only when a provider is called. */
export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** RFC 7643 has no word for a locked account. Oracle's servers have this one, and so has the laptop's. */
const stateSchema = 'urn:ietf:params:scim:schemas:oracle:idcs:extension:userState:User';

// attributes that are not named here are dropped, a password that a server echoes above all
const user = z
  .object({
    // RFC 7643 has texts and true or false here; some have numbers and texts
    id: z.union([z.string().min(1), z.number().int().safe().transform(String)]),
    userName: z.string().min(1),
    externalId: z.string().nullish(),
    active: z
      .union([z.boolean(), z.stringFormat('active', /^(?:true|false)$/i).transform((text) => /^true$/i.test(text))])
      .nullish(),
    [stateSchema]: z
      .object({ locked: z.object({ on: z.boolean() }) })
      .optional()
      .catch(undefined),
  })
  .transform(({ id, userName, externalId, active, [stateSchema]: state }): User => ({
    id,
    userName,
    mark: externalId ?? undefined,
    // a server that does not speak of it has no disabled users
    active: active ?? true,
    locked: state?.locked.on,
  }));

const list = z.object({
  totalResults: z
    .union([z.number().int().nonnegative(), z.stringFormat('count', /^\d{1,9}$/).transform(Number)])
    .nullish(),
  Resources: z.array(z.unknown()).nullish(),
});

const named = z.object({ userName: z.string().min(1) });

const text = z.string().optional().catch(undefined);
const failure = z.object({
  schemas: z.array(z.string()).optional().catch(undefined),
  scimType: text,
  detail: text,
  // of servers whose errors are not SCIM's: Keycloak, Okta, others
  error_description: text,
  errorSummary: text,
  message: text,
});

/** Users as a list has them. */
export interface UserList {
  readonly total: number;
  readonly users: readonly User[];
  /** the names of those that cannot be read; undefined: not even that */
  readonly unreadable: readonly (string | undefined)[];
}

export function parseUser(body: string): User | undefined {
  return answerReader(user)(body);
}

export function parseUsers(body: string): UserList | undefined {
  const found = answerReader(list)(body);
  // one of the two is what makes it a list
  if (found === undefined || (found.totalResults === undefined && found.Resources === undefined)) return undefined;
  const each = (found.Resources ?? []).map((one) => ({ one, parsed: user.safeParse(one) }));
  return {
    total: found.totalResults ?? each.length,
    users: each.flatMap(({ parsed }) => (parsed.success ? [parsed.data] : [])),
    unreadable: each.flatMap(({ one, parsed }) => (parsed.success ? [] : [named.safeParse(one).data?.userName])),
  };
}

const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:error';

/** Whether it is an error answer of SCIM, and not of something else at that address. */
export function isScimError(body: string): boolean {
  return answerReader(failure)(body)?.schemas?.some((each) => each.toLowerCase() === errorSchema) === true;
}

/** What an error answer says (RFC 7644, section 3.12); nothing where it is no error that is known. */
export function parseFailure(body: string): { readonly scimType?: string | undefined; readonly detail: string } {
  const found = answerReader(failure)(body);
  const { detail, error_description: description, errorSummary, message } = found ?? {};
  return { scimType: found?.scimType, detail: detail ?? description ?? errorSummary ?? message ?? '' };
}

export function newUserBody({ userName, mark, givenName, familyName, email, password }: NewUser): string {
  return JSON.stringify({
    schemas: [userSchema],
    userName,
    externalId: mark,
    name: { givenName, familyName },
    emails: [{ value: email, primary: true }],
    active: true,
    password: password.reveal(),
  });
}

/** A resource type of a service's own: the value of a client secret is only ever written. */
const clientSecret = z
  .object({
    id: z.string().min(1),
    clientId: z.string(),
    sha256: z.string(),
    meta: z.object({ created: z.string().optional() }).optional(),
  })
  .transform(({ id, clientId, sha256, meta }): { readonly clientId: string; readonly listed: ListedSecret } => {
    const created = Date.parse(meta?.created ?? '');
    const createdAt = Number.isNaN(created) ? undefined : created;
    return { clientId, listed: { id, createdAt, is: (secret) => secret.hash() === sha256 } };
  });
const clientSecrets = z.object({ Resources: z.array(clientSecret) });

export const parseClientSecret = (body: string) => answerReader(clientSecret)(body);
export const parseClientSecrets = (body: string) => answerReader(clientSecrets)(body)?.Resources;

export function newClientSecretBody(clientId: string, value: Secret | undefined): string {
  return JSON.stringify({ clientId, value: value?.reveal() });
}

export const disableBody = JSON.stringify({
  schemas: [patchSchema],
  Operations: [{ op: 'replace', path: 'active', value: false }],
});
