import { expect, test } from 'vitest';
import { runSchema } from '../../../src/durable/runs/run-tables.ts';
import { emptiedDatabase } from '../database/fresh-database.ts';
import { watchedPlans } from '../database/watched-plans.ts';
import { arrangeFlows, arrangeRuns } from './arrange.ts';

const many = 10_000;
const flow = `description: d
steps:
  - { id: a, uses: test/write, with: { name: one, value: x } }
output: \${{ steps.a.name }}
`;

test('ten thousand runs that are over cost neither a start nor a list a look at each of them', async () => {
  const { app } = await arrangeFlows({ 'report.yaml': flow });
  const whole = await emptiedDatabase(runSchema);
  await whole.query(
    `insert into flows_runs (id, flow, environment, agent, proven_by, request, inputs, binding, state, asked, broker, created,
       updated, finished)
     select 'r-' || n, case when n % 100 = 0 then 'rare' else 'report' end, 'development',
       case when n % 1000 = 0 then 'seldom' else 'codex' end, 'token', 'q', '{}', 'b',
       case when n % 500 = 0 then 'failed' else 'succeeded' end, 'a', 'gone', n, n, n from generate_series(1, ${many}) n`,
  );
  await whole.query('analyze');
  const { database, wholeReadsOf } = watchedPlans(whole);
  const { runs, begin } = await arrangeRuns(app, { database });
  const all = await runs.list({});
  expect(all.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, at) => `r-${many - at}`));
  expect(await runs.list({ state: 'failed' })).toHaveLength(20);
  expect(await runs.list({ agent: 'seldom' })).toHaveLength(10);
  expect(await runs.list({ flow: 'rare', most: 1_000 })).toHaveLength(100);
  expect(await runs.list({ since: many })).toHaveLength(1);
  await runs.schedules();
  const { id } = await begin('report');
  expect(await runs.wait(id, 30_000)).toMatchObject({ state: 'succeeded' });
  expect((await runs.list({}))[0]).toMatchObject({ id });
  expect(await wholeReadsOf('flows_runs')).toEqual([]);
});
