import { z } from 'zod';
import type { UserRecord } from '../users.ts';
import { bad } from './api-error.ts';

/** The extension attribute that has the ownership mark. */
const markKey = 'extensionAttribute15';

const passwordProfile = z.strictObject({ password: z.string(), forceChangePasswordNextSignIn: z.boolean() });
export const newUser = z.strictObject({
  accountEnabled: z.boolean(),
  displayName: z.string().min(1),
  mailNickname: z.string().min(1).max(64),
  userPrincipalName: z.string(),
  passwordProfile,
  givenName: z.string().optional(),
  surname: z.string().optional(),
  onPremisesExtensionAttributes: z.strictObject({ [markKey]: z.string().optional() }).optional(),
});
export const userChange = z.strictObject({
  accountEnabled: z.boolean().optional(),
  passwordProfile: passwordProfile.optional(),
});
export const newDevice = z.strictObject({
  serialNumber: z.string().regex(/^[\w-]{1,64}$/),
  manufacturer: z.string().min(1),
  model: z.string().min(1),
  secretKey: z.string().regex(/^[A-Z2-7]+$/),
  timeIntervalInSeconds: z.union([z.literal(30), z.literal(60)]),
  hashFunction: z.enum(['hmacsha1', 'hmacsha256']),
});
export const activation = z.strictObject({
  serialNumber: z.string(),
  verificationCode: z.string(),
  displayName: z.string().optional(),
});
export const newSecret = z.strictObject({ passwordCredential: z.strictObject({ displayName: z.string() }) });
export const secretId = z.strictObject({ keyId: z.string() });

/** A request's body. @throws GraphError in the words of Graph */
export function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const target = result.error.issues[0]?.path.join('.') ?? '';
  throw bad(`Invalid value specified for property '${target}' of resource.`, { code: 'InvalidValue', target });
}

export function markIn({ onPremisesExtensionAttributes: extension }: z.infer<typeof newUser>): string | undefined {
  return extension?.[markKey];
}

/** As Graph shows one: what is selected, and otherwise not whether it is enabled. */
export function userRepresentation(user: UserRecord, select: unknown): object {
  const { id, userName, givenName, familyName, active, externalId } = user;
  const all: Readonly<Record<string, unknown>> = {
    id,
    userPrincipalName: userName,
    displayName: [givenName, familyName].filter(Boolean).join(' '),
    givenName,
    surname: familyName,
    accountEnabled: active,
    onPremisesExtensionAttributes: { [markKey]: externalId ?? null },
  };
  const usual = 'id,userPrincipalName,displayName,givenName,surname';
  const names = (typeof select === 'string' ? select : usual).split(',');
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
