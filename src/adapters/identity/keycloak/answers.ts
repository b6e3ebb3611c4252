import { z } from 'zod';
import { answerReader } from '../answer-reader.ts';

/** What the Admin REST API answers. This file loads zod, so it is loaded only when a realm is asked for something. */
const user = z.object({
  id: z.string().min(1),
  username: z.string().min(1),
  enabled: z.boolean(),
  attributes: z.record(z.string(), z.array(z.string())).nullish(),
  requiredActions: z.array(z.string()).nullish(),
});
export type RealmUser = z.infer<typeof user>;

const credential = z.object({ id: z.string().min(1), type: z.string(), userLabel: z.string().nullish() });
export type Credential = z.infer<typeof credential>;

const bruteForce = z.object({
  disabled: z.boolean().catch(false),
  failedLoginNotBefore: z.number().catch(0),
  numFailures: z.number().catch(0),
  numSecondaryAuthFailures: z.number().catch(0),
});
export type BruteForce = z.infer<typeof bruteForce>;

const consent = z.object({
  clientId: z.string().min(1),
  additionalGrants: z.array(z.object({ key: z.string() })).nullish(),
});
export type Consent = z.infer<typeof consent>;

const client = z.object({
  id: z.string().min(1),
  clientId: z.string(),
  secret: z.string().nullish(),
  clientAuthenticatorType: z.string().nullish(),
  attributes: z.record(z.string(), z.string()).nullish(),
});
export type RealmClient = z.infer<typeof client>;

const keySet = z.object({ keys: z.array(z.looseObject({ kid: z.string().optional() })) });
export type KeySet = z.infer<typeof keySet>;

const token = z.object({ access_token: z.string().min(1), refresh_token: z.string().optional() });
export type TokenAnswer = z.infer<typeof token>;

const text = z.string().optional().catch(undefined);
const wrongField = z.object({ errorMessage: text, field: text });
const failure = wrongField.extend({
  error: text,
  error_description: text,
  // where more than one value is refused
  errors: z.array(wrongField).optional().catch(undefined),
});

/** Each gives undefined where an answer is none of its kind. */
export const parsers = {
  user: answerReader(user),
  users: answerReader(z.array(user)),
  credentials: answerReader(z.array(credential)),
  bruteForce: answerReader(bruteForce),
  consents: answerReader(z.array(consent)),
  clients: answerReader(z.array(client)),
  keySet: answerReader(keySet),
  token: answerReader(token),
};

const readFailure = answerReader(failure);

export function parseFailure(body: string) {
  const { error = '', error_description: description, errors = [], ...alone } = readFailure(body) ?? {};
  const { errorMessage, field } = errors[0] ?? alone;
  return { error, field, detail: description ?? errorMessage ?? error };
}
