import { z } from 'zod';
import { answerReader } from '../answer-reader.ts';

/** What the Management API answers. This file loads zod, so it is loaded only when a tenant is asked for something. */
const user = z.object({
  user_id: z.string().min(1),
  email: z.string(),
  blocked: z.boolean().nullish(),
  app_metadata: z.record(z.string(), z.unknown()).nullish(),
  identities: z.array(z.object({ connection: z.string() })).nullish(),
});
export type TenantUser = z.infer<typeof user>;

const method = z.object({
  id: z.string().min(1),
  type: z.string(),
  name: z.string().nullish(),
  confirmed: z.boolean().nullish(),
});

const client = z.object({
  client_id: z.string(),
  client_secret: z.string().nullish(),
  token_endpoint_auth_method: z.string().nullish(),
  client_authentication_methods: z
    .object({ private_key_jwt: z.object({ credentials: z.array(z.object({ id: z.string() })) }).nullish() })
    .nullish(),
});
export type TenantClient = z.infer<typeof client>;

const credential = z.object({ id: z.string().min(1), kid: z.string().nullish(), created_at: z.string().nullish() });
export type ClientCredential = z.infer<typeof credential>;

const text = z.string().optional().catch(undefined);
const failure = z.object({ message: text, error: text, error_description: text });

/** Each gives undefined where an answer is none of its kind. */
export const parsers = {
  user: answerReader(user),
  users: answerReader(z.array(user)),
  methods: answerReader(z.array(method)),
  client: answerReader(client),
  credential: answerReader(credential),
  credentials: answerReader(z.array(credential)),
};

const readFailure = answerReader(failure);

export function parseFailure(body: string) {
  const { message, error = '', error_description: description } = readFailure(body) ?? {};
  return { detail: message ?? description ?? error };
}
