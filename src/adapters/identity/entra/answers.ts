import { z } from 'zod';
import { answerReader } from '../answer-reader.ts';

/** What Graph answers. This file loads zod, so it is loaded only when a directory is asked for something. */
const user = z.object({
  id: z.string().min(1),
  userPrincipalName: z.string().min(1),
  accountEnabled: z.boolean().nullish(),
  onPremisesExtensionAttributes: z.record(z.string(), z.unknown()).nullish(),
});
export type DirectoryUser = z.infer<typeof user>;

const credential = z.object({
  keyId: z.string().min(1),
  hint: z.string().nullish(),
  startDateTime: z.string().nullish(),
  endDateTime: z.string().nullish(),
});
export type PasswordCredential = z.infer<typeof credential>;

const application = z.object({ id: z.string().min(1), appId: z.string(), passwordCredentials: z.array(credential) });
export type Application = z.infer<typeof application>;

const method = z.object({
  id: z.string().min(1),
  device: z.object({ id: z.string().min(1), displayName: z.string().nullish(), status: z.string().nullish() }),
});

const text = z.string().optional().catch(undefined);
const failure = z.object({
  error: z.object({
    code: text,
    message: text,
    details: z
      .array(z.object({ code: text, target: text, message: text }))
      .nullish()
      .catch(undefined),
  }),
});

/** Each gives undefined where an answer is none of its kind. */
export const parsers = {
  user: answerReader(user),
  application: answerReader(application),
  added: answerReader(credential.extend({ secretText: z.string().min(1) })),
  methods: answerReader(z.object({ value: z.array(method) })),
};

const readFailure = answerReader(failure);

/** What an error answer says, and of its details the first: what it is about, and what is wrong with it. */
export interface Said {
  readonly message: string;
  readonly detail: string;
  readonly target: string | undefined;
}

export function parseFailure(body: string): Said {
  const { message = '', details } = readFailure(body)?.error ?? {};
  const [first] = details ?? [];
  return { message, detail: first?.code ?? '', target: first?.target };
}
