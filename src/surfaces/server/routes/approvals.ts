import { z } from 'zod';
import { approvalForm, approvalStates, longestWait, operatorPaths, paths } from '../../../foundation/wire.ts';
import { type Approval, shownOf } from '../../../broker/approvals/approval.ts';
import { BrokerRefusal } from '../../../broker/refusal.ts';
import { jsonAnswer } from '../http-answers.ts';
import { agentRoute, operatorRoute, requestId, type Route, type Serving } from './route.ts';

export const state = z.enum(approvalStates);
const scope = z.enum(['call', 'run', 'session']);

/** What an agent sees of its own approval: no person, no rule, no reference. */
const own = z.strictObject({
  id: z.string(),
  state,
  names: z.array(z.string()).describe('what it is for'),
  scope,
  until: z.string().describe('RFC 3339: it waits for an answer until then'),
  ends: z.string().optional().describe('RFC 3339: what was approved is good until then'),
  requestId,
});

/** All that is bound, for who looks at it. */
export const card = z.strictObject({
  id: z.string(),
  state,
  agent: z.string(),
  kind: z.enum(['secrets', 'flow', 'run', 'step']),
  names: z.array(z.string()),
  for: z.string().describe('the agent run that it is for'),
  scope,
  uses: z.number().nullable(),
  lasts: z.number().describe('seconds that a yes is good for'),
  digest: z.string().describe('SHA-256 of `bound`, base64url: what is signed'),
  bound: z.string().describe('canonical JSON of all that is approved'),
  rules: z.array(
    z.strictObject({ location: z.string(), by: z.array(z.string()), needs: z.number(), self: z.boolean() }),
  ),
  answers: z.array(
    z.strictObject({
      approver: z.string(),
      decision: z.enum(['approve', 'deny']),
      by: z.enum(['passkey', 'oidc']).optional().describe('what proved that it is theirs'),
    }),
  ),
  asked: z
    .strictObject({
      names: z.array(z.string()),
      by: z.string(),
      request: z.string(),
      address: z.string(),
      agentRun: z.string().optional(),
      above: z.array(z.string()).optional().describe('the agents whose runs are above it'),
      run: z.string().optional().describe('claimed'),
      reason: z.string().optional().describe('claimed'),
    })
    .describe('what the agent said when it asked: bound to nothing'),
  opened: z.string(),
  until: z.string(),
  decided: z.string().optional(),
  ends: z.string().optional(),
  used: z.number(),
});

const id = z.string().regex(approvalForm);
const over = ['approval-over', 'audit-unavailable', 'upstream-unavailable'] as const;

/** @throws BrokerRefusal not-allowed, where nothing can be approved, or it is no id */
function ledgerOf({ approvals }: Serving, given: string | undefined) {
  if (approvals === undefined || !id.safeParse(given).success) throw new BrokerRefusal('not-allowed');
  return { approvals, id: given ?? '' };
}

const ownAnswer = (approval: Approval, request: string) => {
  const { state: now, names, scope: granted, until, ends } = shownOf(approval);
  return jsonAnswer({ id: approval.id, state: now, names, scope: granted, until, ends, requestId: request });
};

/** What waits for people: an agent sees and ends its own; the operator sees all, and may say no. */
export const approvalRoutes: readonly Route[] = [
  agentRoute({
    method: 'GET',
    path: paths.approval,
    id: 'approval',
    summary: 'What became of an approval; held back until it is decided, for as long as `wait` says',
    action: 'approval.look',
    query: z.strictObject({ wait: z.coerce.number().int().min(0).max(longestWait).default(0) }),
    answer: own,
    problems: ['not-allowed', 'restarting', 'upstream-unavailable'],
    handle: async ({ serving, params, query, gone }, caller) => {
      const { approvals, id: which } = ledgerOf(serving, params['id']);
      return ownAnswer(await approvals.look(caller, which, query.wait, gone), caller.request);
    },
  }),
  agentRoute({
    method: 'POST',
    path: paths.cancelApproval,
    id: 'cancelApproval',
    summary: 'Takes back what was asked for, before anybody answers',
    action: 'approval.cancelled',
    answer: own,
    problems: ['not-allowed', ...over],
    handle: async ({ serving, params }, caller) => {
      const { approvals, id: which } = ledgerOf(serving, params['id']);
      return ownAnswer(await approvals.cancel(caller, which), caller.request);
    },
  }),
  operatorRoute({
    method: 'GET',
    path: operatorPaths.approvals,
    id: 'approvals',
    summary: 'What waits for people, or another state of it',
    action: 'operator.look',
    query: z.strictObject({ state: state.optional() }),
    answer: z.strictObject({ approvals: z.array(card), requestId }),
    problems: ['audit-unavailable', 'upstream-unavailable'],
    handle: async ({ serving: { approvals }, query }, caller) => {
      await approvals?.sweep();
      const found = await (await approvals?.ledger())?.list({ states: [query.state ?? 'pending'] });
      return jsonAnswer({ approvals: (found ?? []).map(shownOf), requestId: caller.request });
    },
  }),
  operatorRoute({
    method: 'GET',
    path: operatorPaths.approval,
    id: 'approvalCard',
    summary: 'All that one is bound to',
    action: 'operator.look',
    answer: card.extend({ url: z.string().optional(), requestId }),
    problems: ['not-found', 'audit-unavailable', 'upstream-unavailable'],
    handle: async ({ serving, params }, caller) => {
      const { approvals, id: which } = ledgerOf(serving, params['id']);
      await approvals.sweep();
      const found = await (await approvals.ledger()).find(which);
      if (found === undefined) throw new BrokerRefusal('not-allowed');
      return jsonAnswer({ ...shownOf(found), url: approvals.urlOf(which), requestId: caller.request });
    },
  }),
  operatorRoute({
    method: 'POST',
    path: operatorPaths.denyApproval,
    id: 'denyApproval',
    summary: 'Says no, or takes back a yes. Nobody can say yes this way',
    action: 'approval.denied',
    answer: card.extend({ requestId }),
    problems: ['not-found', ...over],
    handle: async ({ serving, params }, caller) => {
      const { approvals, id: which } = ledgerOf(serving, params['id']);
      return jsonAnswer({ ...shownOf(await approvals.deny(caller, which)), requestId: caller.request });
    },
  }),
];
