import { z } from 'zod';
import { answerReader } from '../answer-reader.ts';

/** What the API of an org answers. This file loads zod, so it is loaded only when an org is asked for something. */
const user = z.object({
  id: z.string().min(1),
  status: z.string(),
  transitioningToStatus: z.string().nullish(),
  profile: z.looseObject({ login: z.string().min(1) }),
});
export type OrgUser = z.infer<typeof user>;

const factor = z.object({ id: z.string().min(1), factorType: z.string(), provider: z.string(), status: z.string() });
export type OrgFactor = z.infer<typeof factor>;

/** A factor that waits for its first code, with the seed that is shown this once. */
const begun = z.object({
  id: z.string().min(1),
  _embedded: z.object({
    activation: z.object({ sharedSecret: z.string().min(1), timeStep: z.number() }),
  }),
});

const secret = z.object({
  id: z.string().min(1),
  status: z.string(),
  client_secret: z.string().nullish(),
  created: z.string().nullish(),
});
export type OrgSecret = z.infer<typeof secret>;

const text = z.string().optional().catch(undefined);
const failure = z.object({
  errorCode: text,
  errorSummary: text,
  errorCauses: z
    .array(z.object({ errorSummary: text }))
    .optional()
    .catch(undefined),
});

/** Each gives undefined where an answer is none of its kind. */
export const parsers = {
  user: answerReader(user),
  factors: answerReader(z.array(factor)),
  begun: answerReader(begun),
  secret: answerReader(secret),
  secrets: answerReader(z.array(secret)),
};

const readFailure = answerReader(failure);

/** What an error answer says: its code, and what it is about, each `login: …`. */
export interface Said {
  readonly code: string;
  readonly summary: string;
  readonly causes: readonly string[];
}

export function parseFailure(body: string): Said {
  const { errorCode: code = '', errorSummary: summary = '', errorCauses = [] } = readFailure(body) ?? {};
  return { code, summary, causes: errorCauses.flatMap(({ errorSummary: cause }) => cause ?? []) };
}
