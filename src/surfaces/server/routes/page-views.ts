import { z } from 'zod';
import { troubleCodes } from '../../../audit/break-glass-state.ts';
import { pagePaths, runForm } from '../../../foundation/wire.ts';
import { EdgeRefusal } from '../edge-refusal.ts';
import { jsonAnswer } from '../http-answers.ts';
import { mostListed, outcome, told, toldOf } from './agent-runs.ts';
import { operatorRun, operatorStep, schedule } from './operator.ts';
import { overview, personRoute, type Route } from './route.ts';
import { runState } from './runs.ts';

/** lines of the trail that one answer holds */
const mostLines = 100;

const line = z.strictObject({ text: z.string(), at: z.string().describe('`policy.yaml:7:13`') });
const agent = z.strictObject({
  name: z.string(),
  allow: z.array(line),
  flows: z.array(line),
  vaultPaths: z.array(line),
  deny: z.array(line),
  approve: z.array(
    z.strictObject({
      what: z.array(z.string()),
      scope: z.enum(['call', 'run', 'session']),
      by: z.array(z.string()),
      needs: z.number(),
      wait: z.number().describe('seconds'),
      expires: z.number().describe('seconds'),
      uses: z.number().optional(),
      self: z.boolean(),
      at: z.string(),
    }),
  ),
  tokens: z.array(z.strictObject({ issued: z.number().optional(), expires: z.number().optional() })),
  trust: z.array(z.strictObject({ issuer: z.string(), claims: z.record(z.string(), z.string()) })),
  rate: z.strictObject({ count: z.number(), per: z.number() }).optional(),
  maxTtl: z.number().optional(),
  requireReason: z.boolean(),
  requireRun: z.boolean(),
});
const approver = z.strictObject({
  name: z.string(),
  passkeys: z.array(
    z.strictObject({
      id: z.string().describe('its first characters'),
      algorithm: z.string(),
      synced: z.boolean(),
      added: z.string().optional(),
      software: z.literal(true).optional().describe('a key of the laptop, which proves nobody'),
    }),
  ),
  trust: z.array(z.string()).describe('issuers whose sign-ins prove this person'),
  ownerOf: z.array(z.string()),
  reveal: z.array(line).describe('break-glass flows whose code this person may see here'),
});
const limits = z.strictObject({ hour: z.number(), hourWrites: z.number(), day: z.number() });
const quota = z.strictObject({
  entry: z.number().describe('which entry of `vault:`, from 1'),
  used: limits,
  limits: limits.optional(),
  reserve: z.number(),
  circuit: z.enum(['closed', 'open', 'half-open']),
});
const breakGlass = z.strictObject({
  accounts: z.array(
    z.strictObject({
      username: z.string(),
      provider: z.string(),
      flow: z.string(),
      drill: z.string(),
      proven: z.string().optional().describe('RFC 3339'),
      failed: z.string().optional().describe('RFC 3339, of a drill after that'),
    }),
  ),
  troubles: z
    .array(z.strictObject({ code: z.enum(troubleCodes), subject: z.string(), why: z.string(), hint: z.string() }))
    .describe('what a person must see to'),
});
const wanted = z.string().min(1).max(200).optional();

/** What people see besides approvals. Whoever is signed in may look; nothing here changes anything, and nothing is a value. */
export const pageViewRoutes: readonly Route[] = [
  personRoute({
    method: 'GET',
    path: pagePaths.overview,
    id: 'pageOverview',
    summary: 'How the broker is, what vaults may still be asked, and whether break-glass is proven',
    answer: overview.extend({ quotas: z.array(quota), breakGlass }),
    problems: ['not-authenticated'],
    handle: async ({ page: { overview, sights } }) => {
      const [shown, state] = await Promise.all([overview(), sights.breakGlass()]);
      return jsonAnswer({ ...shown, quotas: sights.quotas(), breakGlass: state });
    },
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.policy,
    id: 'pagePolicy',
    summary: 'Who may what: the rules in force, each with its line',
    answer: z.strictObject({ version: z.string(), agents: z.array(agent), approvers: z.array(approver) }),
    problems: ['not-authenticated'],
    handle: ({ page: { sights } }) => Promise.resolve(jsonAnswer(sights.policy())),
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.trail,
    id: 'pageTrail',
    summary: 'The trail, the newest first',
    query: z.strictObject({
      agent: wanted,
      action: wanted,
      outcome: z.enum(['allowed', 'denied', 'failed']).optional(),
      name: wanted,
      request: wanted,
      agentRun: wanted,
      approval: wanted,
      since: z.coerce.number().int().optional().describe('epoch milliseconds'),
      until: z.coerce.number().int().optional().describe('epoch milliseconds: for what is older'),
    }),
    answer: z.strictObject({
      lines: z.array(z.record(z.string(), z.unknown())).describe('without what was signed'),
      complete: z.boolean().describe('there is nothing older'),
    }),
    problems: ['not-authenticated'],
    handle: async ({ page: { sights }, query }) => {
      const { lines, complete } = await sights.trail(query, mostLines);
      return jsonAnswer({
        lines: lines.map((each) => ({ ...each, signed: undefined, evidence: undefined })),
        complete,
      });
    },
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.runs,
    id: 'pageRuns',
    summary: 'Runs of flows, the newest first: at most a hundred; and when those by a schedule come next',
    query: z.strictObject({ flow: wanted, agent: wanted, state: runState.optional() }),
    answer: z.strictObject({ runs: z.array(operatorRun), schedules: z.array(schedule) }),
    problems: ['not-authenticated', 'runs-unavailable'],
    handle: async ({ page: { runs }, query }) => jsonAnswer((await runs.list(query)).value),
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.run,
    id: 'pageRun',
    summary: 'A run and its steps',
    answer: operatorRun.extend({ steps: z.array(operatorStep) }),
    problems: ['not-authenticated', 'runs-unavailable', 'no-such-run'],
    handle: async ({ page: { runs }, params: { run = '' } }) => jsonAnswer((await runs.show(run)).value),
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.agentRuns,
    id: 'pageAgentRuns',
    summary: 'Agent runs, the newest first',
    query: z.strictObject({
      agent: wanted,
      state: z.union([z.literal('running'), outcome]).optional(),
    }),
    answer: z.strictObject({ runs: z.array(told) }),
    problems: ['not-authenticated'],
    handle: async ({ page: { agentRuns }, query }) => {
      const runs = await agentRuns?.ledger.list({ ...query, most: mostListed });
      return jsonAnswer({ runs: (runs ?? []).map(toldOf) });
    },
  }),
  personRoute({
    method: 'GET',
    path: pagePaths.agentRun,
    id: 'pageAgentRun',
    summary: 'The whole tree that an agent run is in, those above before those below',
    answer: z.strictObject({ runs: z.array(told) }),
    problems: ['not-authenticated', 'not-found'],
    handle: async ({ page: { agentRuns }, params: { run = '' } }) => {
      const chain = runForm.test(run) ? await agentRuns?.ledger.chain(run) : undefined;
      const root = chain?.at(-1)?.run;
      if (root === undefined) throw new EdgeRefusal('not-found');
      return jsonAnswer({ runs: ((await agentRuns?.ledger.tree(root)) ?? []).map(toldOf) });
    },
  }),
];
