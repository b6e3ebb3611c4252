import { expect, it } from 'vitest';
import { createLedger as createAgentRuns } from '../../../src/broker/agent-runs/ledger.ts';
import { createLedger } from '../../../src/broker/approvals/ledger.ts';
import { emptiedDatabase } from '../../durable/database/fresh-database.ts';
import { watchedPlans } from '../../durable/database/watched-plans.ts';
import { schema } from './stand.ts';

it('ten thousand agent runs that are over cost neither a sweep nor a list a look at each of them', async () => {
  const whole = await emptiedDatabase(schema);
  await whole.query(
    `insert into flows_agent_runs (id, root, depth, agent, begun_by, proven_by, begun, expires, silence, heard, ended, outcome)
     select 'ar-' || n, 'ar-' || n, 1, 'codex', 'codex', 'token', n, n, 1, n, n, 'succeeded' from generate_series(1, 10000) n`,
  );
  await whole.query(
    `insert into flows_approvals (id, state, agent, subject, kind, names, digest, bound, rules, scope, lasts, asked, opened, until)
     select 'a-' || n, case when n > 9998 then 'pending' else 'used' end, 'codex',
       'run ' || case when n = 9999 then 'ar-other' else 'ar-' || n end, 'secrets', '[]', 'd' || n, '{}', '[]', 'call', 1, '{}',
       ${Date.now()}, ${Date.now() + 600_000} from generate_series(1, 10000) n`,
  );
  await whole.query('analyze');
  const { database, wholeReadsOf } = watchedPlans(whole);
  const ledger = createLedger(database, Date.now);
  expect((await ledger.sweep()).map(({ id, state }) => [id, state])).toEqual([['a-10000', 'cancelled']]);
  const agentRuns = createAgentRuns(() => Promise.resolve(database));
  expect((await agentRuns.list({ most: 2 })).map(({ run }) => run)).toEqual(['ar-10000', 'ar-9999']);
  expect(await wholeReadsOf('flows_agent_runs')).toEqual([]);
  expect(await wholeReadsOf('flows_approvals')).toEqual([]);
});
