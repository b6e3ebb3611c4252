import { z } from 'zod';
import { pagePaths } from '../../../foundation/wire.ts';
import { isReason } from '../request-claims.ts';
import { jsonAnswer } from '../http-answers.ts';
import { flowAnswer } from './agents.ts';
import { proofGiven, proofWanted } from './page.ts';
import { inputs, personRoute, type Route } from './route.ts';

const flow = z.strictObject({
  name: z.string(),
  description: z.string(),
  inputs: z.record(z.string(), z.unknown()).describe('JSON Schema of what it takes'),
  accounts: z.array(z.string()).describe('users that a drill signs in as, with what it gives'),
  close: z.string().optional().describe('the flow that a use of it owes'),
});
const wish = z.strictObject({
  inputs,
  reason: z.string().max(200).refine(isReason).describe('why: told to people, and kept on the audit trail'),
});

/** What of break-glass the page shows to a person whom policy names: for nobody else, and for no agent. */
export const revealRoutes: readonly Route[] = [
  personRoute({
    method: 'GET',
    path: pagePaths.reveals,
    id: 'reveals',
    summary: 'Break-glass flows whose code this person may see',
    answer: z.strictObject({ flows: z.array(flow) }),
    problems: ['not-authenticated'],
    handle: ({ page: { reveals } }, person) => Promise.resolve(jsonAnswer({ flows: reveals.list(person) })),
  }),
  personRoute({
    method: 'POST',
    path: pagePaths.revealChallenge,
    id: 'revealChallenge',
    summary: 'What would be signed to see a code, and the challenge that is made of it',
    // all of it comes back with the ticket
    body: { schema: wish, required: true, largest: 4_096 },
    answer: proofWanted.extend({
      bound: z.string().describe('canonical JSON of what the statement has the digest of'),
    }),
    problems: [
      ...(['not-authenticated', 'not-allowed', 'invalid-request', 'rate-limited', 'overloaded'] as const),
      ...(['audit-unavailable', 'upstream-unavailable', 'upstream-refused'] as const),
    ],
    handle: async ({ page, asked, params, body }, person) => {
      const given = { inputs: body.inputs ?? {}, reason: body.reason };
      const { wanted, ...challenge } = await page.reveals.challenge(asked, person, params['flow'] ?? '', given);
      return jsonAnswer({ ...challenge, ...wanted });
    },
  }),
  personRoute({
    method: 'POST',
    path: pagePaths.reveal,
    id: 'reveal',
    summary:
      'The one-time code, once, by what the passkey signed or the sign-in that was made for it; a password never',
    body: { schema: proofGiven, required: true },
    answer: flowAnswer.pick({ output: true, as: true }),
    problems: [
      ...(['not-authenticated', 'not-allowed', 'approval-stale', 'passkey-counter'] as const),
      ...(['audit-unavailable', 'upstream-unavailable', 'upstream-refused'] as const),
    ],
    handle: async ({ page, asked, params, body: { ticket, ...given } }, person) =>
      jsonAnswer(await page.reveals.reveal(asked, person, params['flow'] ?? '', ticket, given)),
  }),
];
