import { z } from 'zod';
import { Secret } from '../../../foundation/secret.ts';
import { Refusal } from '../../aws/refusal.ts';
import { acceptablePassword } from '../passwords.ts';
import type { UserRecord, Users } from '../users.ts';

/** What an operation gets and gives. */
export type Operations = Readonly<Record<string, (body: unknown) => object | Promise<object>>>;

const text = z.string().min(1);
const attribute = z.strictObject({ Name: text, Value: z.string() });
export const userForm = z.strictObject({ UserPoolId: text, Username: z.string().regex(/^\S{1,128}$/) });
export const clientForm = z.strictObject({ UserPoolId: text, ClientId: text });
export const newUserForm = userForm.extend({
  MessageAction: z.literal('SUPPRESS'),
  TemporaryPassword: text,
  UserAttributes: z.array(attribute).default([]),
});

/** A request's members. @throws Refusal in the words of the API */
export function read<T>(form: z.ZodType<T>, body: unknown): T {
  const result = form.safeParse(body);
  if (result.success) return result.data;
  const member = String(result.error.issues[0]?.path[0] ?? 'request');
  throw invalid(`1 validation error detected: Value at '${member}' failed to satisfy constraint`);
}

export const invalid = (message: string) => new Refusal('InvalidParameterException', message);
export const notAuthorized = (message: string) => new Refusal('NotAuthorizedException', message);

/** By the name that the pool knows, or by what else may stand there: the `sub`. */
export function userOf(users: Users, name: string): UserRecord {
  const user = users.byUserName(name) ?? users.get(name);
  if (user === undefined) throw new Refusal('UserNotFoundException', 'User does not exist.');
  return user;
}

export function fitting(password: string): Secret {
  const given = new Secret(password);
  if (acceptablePassword(given)) return given;
  const why = 'Password did not conform with policy: Password not long enough';
  throw new Refusal('InvalidPasswordException', why);
}
