import { z } from 'zod';
import { approvalForm, pagePaths } from '../../../foundation/wire.ts';
import { shownOf } from '../../../broker/approvals/approval.ts';
import type { SignedIn } from '../../../broker/people/people.ts';
import { BrokerRefusal } from '../../../broker/refusal.ts';
import { bearerToken } from '../../../broker/authentication/authenticate.ts';
import { eventStream, jsonAnswer } from '../http-answers.ts';
import { card, state } from './approvals.ts';
import { pageRoute, personRoute, type Route } from './route.ts';

const text = z.string().max(16_384);
const options = z.record(z.string(), z.unknown()).describe("for the browser's own parse…OptionsFromJSON");
const ticket = text.describe('good once, for two minutes; for ten where a person signs in elsewhere');
const place = z.strictObject({
  issuer: text,
  client: text.describe('client id: the `audience` of `trust:`'),
});
const authorize = z.string().describe('where the browser goes');
const callback = text.describe('the query with which it comes back');
const challenge = z.strictObject({ ticket, options });
const person = z.strictObject({
  approver: z.string().optional().describe('absent: who came by `flows page` looks, and answers nothing'),
  name: z.string(),
  by: z.enum(['passkey', 'oidc', 'link']),
  place: place.optional().describe('of `oidc`: where they signed in'),
});
const signedIn = z.strictObject({
  session: z.string().describe('Authorization: Bearer, kept in sessionStorage'),
  expiresIn: z.number().describe('seconds'),
  person,
});
const assertion = z.strictObject({
  id: text,
  clientDataJSON: text,
  authenticatorData: text,
  signature: text,
});
const registration = z.strictObject({
  id: text,
  clientDataJSON: text,
  authenticatorData: text,
  publicKey: text.describe('getPublicKey(): SPKI, base64url'),
  publicKeyAlgorithm: z.number().int(),
});
/** What proves a statement, and what it says. */
export const proofWanted = z.strictObject({
  ticket,
  statement: z.string().describe('the text that is signed'),
  options: options.optional().describe('of who came by a passkey'),
  authorize: authorize.optional().describe('of who came by an issuer'),
});
/** … and what comes back. */
export const proofGiven = z.union([z.strictObject({ ticket, assertion }), z.strictObject({ ticket, callback })]);
const choice = z.strictObject({
  decision: z.enum(['approve', 'deny']),
  scope: z.enum(['call', 'run', 'session']).optional().describe('no more than was asked for'),
  uses: z.number().int().min(1).optional(),
  lasts: z.number().int().min(1).optional().describe('seconds'),
});

const signedInAnswer = ({ session, expiresIn, person: who }: SignedIn) =>
  jsonAnswer({ session, expiresIn, person: who });
const body = <B>(schema: z.ZodType<B>) => ({ schema, required: true }) as const;
const idIn = (params: Readonly<Record<string, string>>): string => {
  const id = params['id'] ?? '';
  if (!approvalForm.test(id)) throw new BrokerRefusal('not-allowed');
  return id;
};

/** What the page asks for: enrolment, sign-in, approvals. Only a signed answer to a challenge decides anything. */
export const pageRoutes: readonly Route[] = [
  pageRoute({
    method: 'POST',
    path: pagePaths.enrolOptions,
    id: 'enrolOptions',
    summary: 'Uses up a link of `flows approvers add`, and begins an enrolment',
    body: body(z.strictObject({ approver: z.string().max(63), link: text })),
    answer: challenge,
    problems: ['not-authenticated', 'audit-unavailable'],
    handle: async ({ page, asked, body: { approver, link } }) =>
      jsonAnswer(await page.people.enrolOptions(asked, approver, link)),
  }),
  pageRoute({
    method: 'POST',
    path: pagePaths.enrol,
    id: 'enrol',
    summary: 'Keeps a passkey beside a name in policy.yaml, and signs its owner in',
    body: body(z.strictObject({ ticket, registration })),
    answer: signedIn,
    problems: ['not-authenticated', 'audit-unavailable'],
    handle: async ({ page, asked, body: given }) =>
      signedInAnswer(await page.people.enrol(asked, given.ticket, given.registration)),
  }),
  pageRoute({
    method: 'POST',
    path: pagePaths.loginOptions,
    id: 'loginOptions',
    summary: 'A challenge to sign in with, and where people may sign in instead',
    answer: challenge.extend({ places: z.array(place) }),
    problems: [],
    handle: ({ page }) => Promise.resolve(jsonAnswer(page.people.loginOptions())),
  }),
  pageRoute({
    method: 'POST',
    path: pagePaths.authorize,
    id: 'authorize',
    summary: 'Begins a sign-in at an issuer that policy trusts for a person',
    body: body(place),
    answer: z.strictObject({ ticket, authorize }),
    problems: ['not-allowed', 'upstream-unavailable', 'upstream-refused'],
    handle: async ({ page, body: at }) => jsonAnswer(await page.people.authorize(at)),
  }),
  pageRoute({
    method: 'POST',
    path: pagePaths.login,
    id: 'login',
    summary: 'Signs somebody in: by a passkey, a link of `flows page`, or an issuer',
    body: body(
      z.union([
        z.strictObject({ ticket, assertion }),
        z.strictObject({ link: text }),
        z.strictObject({ ticket, callback }),
      ]),
    ),
    answer: signedIn,
    problems: ['not-authenticated', 'audit-unavailable', 'upstream-unavailable', 'upstream-refused'],
    handle: async ({ page: { people }, asked, body: given }) => {
      if ('link' in given) return signedInAnswer(await people.loginByLink(asked, given.link));
      if ('callback' in given) return signedInAnswer(await people.loginByIssuer(asked, given.ticket, given.callback));
      return signedInAnswer(await people.login(asked, given.ticket, given.assertion));
    },
  }),
  personRoute({
    method: 'POST',
    path: pagePaths.logout,
    id: 'logout',
    summary: 'Ends the session',
    answer: z.strictObject({}),
    problems: ['not-authenticated'],
    handle: async ({ page, headers }) => {
      await page.people.logout(bearerToken(headers.authorization) ?? '');
      return jsonAnswer({});
    },
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.person,
    id: 'person',
    summary: 'Who is signed in',
    answer: person,
    problems: ['not-authenticated'],
    handle: (_, who) => Promise.resolve(jsonAnswer(who)),
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.approvals,
    id: 'pageApprovals',
    summary: 'What waits for people, or another state of it: newest first',
    query: z.strictObject({ state: state.optional() }),
    answer: z.strictObject({ approvals: z.array(card) }),
    problems: ['not-authenticated'],
    handle: async ({ page: { approvals }, query }) => {
      await approvals.sweep();
      const found = await (await approvals.ledger()).list(query.state === undefined ? {} : { states: [query.state] });
      return jsonAnswer({ approvals: found.map(shownOf) });
    },
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.approval,
    id: 'pageApproval',
    summary: 'All that one is bound to',
    answer: card,
    problems: ['not-authenticated', 'not-allowed'],
    handle: async ({ page: { approvals }, params }) => {
      await approvals.sweep();
      const found = await (await approvals.ledger()).find(idIn(params));
      if (found === undefined) throw new BrokerRefusal('not-allowed');
      return jsonAnswer(shownOf(found));
    },
  }),
  personRoute({
    method: 'POST',
    path: pagePaths.challenge,
    id: 'challenge',
    summary: 'What would be signed by this decision, and the challenge that is made of it',
    body: body(choice),
    answer: proofWanted,
    problems: ['not-authenticated', 'not-allowed', 'approval-over', 'upstream-unavailable', 'upstream-refused'],
    handle: async ({ page, params, body: chosen }, who) => {
      const { wanted, ...asked } = await page.decisions.challenge(who, idIn(params), chosen);
      return jsonAnswer({ ...asked, ...wanted });
    },
  }),
  personRoute({
    method: 'POST',
    path: pagePaths.decision,
    id: 'decision',
    summary: 'Decides, by what the passkey signed, or the sign-in that was made for it',
    body: body(proofGiven),
    answer: card,
    problems: [
      ...(['not-authenticated', 'not-allowed', 'approval-over', 'passkey-counter'] as const),
      ...(['audit-unavailable', 'upstream-unavailable', 'upstream-refused'] as const),
    ],
    handle: async ({ page, asked, body: { ticket: mine, ...given }, params }, who) =>
      jsonAnswer(shownOf(await page.decisions.decide(asked, who, idIn(params), mine, given))),
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.events,
    id: 'events',
    summary:
      'Server-sent events, by fetch: `approval` with its id, whenever one changes; `trail` with what happened; `signed-out`',
    answer: 'text/event-stream',
    problems: ['not-authenticated'],
    handle: ({ page: { approvals, people, sights }, headers }) => {
      const session = bearerToken(headers.authorization) ?? '';
      return Promise.resolve(
        eventStream((emit, end) => {
          // a session may end while somebody listens, or its owner leave policy.yaml
          const tell = (event: string, data: unknown) =>
            void people.person(session).then(
              (who) => (who === undefined ? emit('signed-out', {}) : emit(event, data)),
              // nobody can say now who it is: the page connects again, and then looks at all that it shows
              end,
            );
          const stops = [
            approvals.watch((id) => tell('approval', { id })),
            sights.watch((actions) => tell('trail', { actions })),
          ];
          return () => stops.forEach((stop) => stop());
        }),
      );
    },
  }),
];
