import { z } from 'zod';

/**
 * What Cognito answers, held to its form: the SDK hands on whatever came with status 200. This file loads zod, so it is
 * loaded only when a pool is asked for something.
 */
const attributes = z
  .array(z.object({ Name: z.string(), Value: z.string().nullish() }))
  .nullish()
  .transform((all) => new Map((all ?? []).map(({ Name, Value }) => [Name, Value ?? ''])));
const facts = { Username: z.string().min(1), Enabled: z.boolean(), UserStatus: z.string() };

/** A user as the pool has it. */
export interface PoolUser {
  /** what every operation names it by; in a pool that signs in by address, one of the pool's own making */
  readonly id: string;
  readonly enabled: boolean;
  readonly status: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** the second factors that are in force */
  readonly factors: readonly string[];
}

type Facts = z.infer<z.ZodObject<typeof facts>>;
const userOf = (of: Facts, found: ReadonlyMap<string, string>, factors?: readonly string[] | null): PoolUser => ({
  id: of.Username,
  enabled: of.Enabled,
  status: of.UserStatus,
  attributes: found,
  factors: factors ?? [],
});
const user = z
  .object({ ...facts, UserAttributes: attributes, UserMFASettingList: z.array(z.string()).nullish() })
  .transform((of) => userOf(of, of.UserAttributes, of.UserMFASettingList));
const made = z
  .object({ User: z.object({ ...facts, Attributes: attributes }) })
  .transform(({ User }) => userOf(User, User.Attributes));

const tokens = z.object({ AccessToken: z.string().min(1), RefreshToken: z.string().nullish() });
export type Tokens = z.infer<typeof tokens>;

/** Where a sign-in stands: it is complete, or something more is asked for. */
const stage = z.union([
  z.object({ AuthenticationResult: tokens }),
  z.object({ ChallengeName: z.string().min(1), Session: z.string().nullish() }),
]);

const secret = z.object({ ClientSecretId: z.string().min(1), ClientSecretCreateDate: z.date().nullish() });
export type PoolSecret = z.infer<typeof secret>;

export const forms = {
  user,
  made,
  stage,
  begun: z.object({ SecretCode: z.string().min(1), Session: z.string().nullish() }),
  verified: z.object({ Status: z.string(), Session: z.string().nullish() }),
  secret: z.object({ ClientSecretDescriptor: secret }),
  secrets: z.object({ ClientSecrets: z.array(secret) }),
};
