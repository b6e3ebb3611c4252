import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killedRunsContract, type ServedHome, serveRuns, type ServingBroker } from '../contracts/killed-runs.ts';
import { onceAt } from '../e2e/boundaries.ts';
import type { Home } from '../e2e/home.ts';
import { startPostgresql } from './postgresql.ts';

const server = await startPostgresql();
afterAll(() => server.close());

/** Gives the home's broker a database of its own, and each broker a trail where TRAIL says. */
function onPostgresql({ work, write }: Home): string {
  const address = server.fresh();
  write('address', `${address}\n`);
  const service = readFileSync(join(work, 'flows/service.yaml'), 'utf8');
  const keys = `runs: { database: { file: ${join(work, 'address')} } }\n    audit: { file: '\${{ env.TRAIL }}' }`;
  write('flows/service.yaml', service.replace(/^  development:(?: \{\})?$/m, `  development:\n    ${keys}`));
  return address;
}

const login = `description: Makes a login
inputs: { name: { type: string, description: its name } }
steps:
  - { id: login, uses: vault/create-login, with: { vault: Accounts, title: '\${{ inputs.name }}', username: of-two } }
output: \${{ steps.login.item }}
`;

killedRunsContract('runs on PostgreSQL', (home) => {
  onPostgresql(home);
  Object.assign(home.env, { TRAIL: join(home.work, 'trail.jsonl') });
});

describe('two brokers on one PostgreSQL', () => {
  let served: ServedHome;
  let address: string;
  let brokers: readonly [ServingBroker, ServingBroker];
  const trail = (name: string) => ({ TRAIL: join(served.home.work, `${name}.jsonl`) });
  beforeAll(async () => {
    served = await serveRuns((home) => {
      address = onPostgresql(home);
      home.write('flows/login.yaml', login);
      const policy = readFileSync(join(home.work, 'flows/policy.yaml'), 'utf8');
      home.write('flows/policy.yaml', policy.replace('flows: [new-user, seed-runtime]', 'flows: [login, new-user]'));
      Object.assign(home.env, { TRAIL: join(home.work, 'commands.jsonl') });
    });
    brokers = await Promise.all([served.serve(trail('one')), served.serve(trail('two'))]);
  });
  afterAll(() => served?.close());

  const name = (index: number) => `of two ${index}`;
  const made = (title: string) => served.stack.vault.dump().filter((item) => item.title === title).length;

  test('each run is at one of them, and is seen at both', async () => {
    const begun = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const [broker, other] = index % 2 === 0 ? brokers : [brokers[1], brokers[0]];
        const run = await broker.ask('POST', '/v1/flows/login/runs', { inputs: { name: name(index) } });
        expect(run).toMatchObject({ flow: 'login' });
        return { id: String(run['id']), other };
      }),
    );
    for (const { id, other } of begun) {
      let run = await other.ask('GET', `/v1/runs/${id}?wait=30`);
      while (run['finished'] === undefined) run = await other.ask('GET', `/v1/runs/${id}?wait=30`);
      expect(run).toMatchObject({ state: 'succeeded' });
    }
    for (const [index] of begun.entries()) {
      expect([index, made(name(index))]).toEqual([index, 1]);
    }
    const lives = server.sql('select lives, count(*) from flows_runs group by 1', new URL(address).pathname.slice(1));
    expect(lives).toBe('1|8\n');
  }, 240_000);

  test('one that dies leaves its runs to the other within ten seconds', async () => {
    const inputs = { email: 'careful@example.com' };
    const { id } = await brokers[0].ask('POST', '/v1/flows/new-user/runs', { inputs }, 'careful');
    const state = async () => (await brokers[1].ask('GET', `/v1/runs/${String(id)}`, undefined, 'careful'))['state'];
    await expect.poll(state).toBe('waiting');
    const takenOver = () =>
      server.sql(
        `select updated from flows_runs where id = '${String(id)}' and lives = 2`,
        new URL(address).pathname.slice(1),
      );
    brokers[0].running.child.kill('SIGKILL');
    await brokers[0].running.ended;
    const died = Date.now();
    await expect.poll(takenOver).not.toBe('');
    expect(Number(takenOver()) - died).toBeLessThan(10_000);
    await brokers[1].ask('POST', `/v1/runs/${String(id)}/cancel`, undefined, 'careful');
    await expect.poll(state).toBe('cancelled');
  });

  test('one that stood still meanwhile does no more for them, also where it was in the middle of a step', async () => {
    const other = brokers[1];
    const email = 'stood-still@example.com';
    const stopped = Promise.withResolvers<undefined>();
    // locks of one machine would let nobody else at the item: they are two machines
    const state = join(served.home.path, 'second state');
    cpSync(served.home.env['XDG_STATE_HOME'] ?? '', state, { recursive: true });
    const still = await served.serve({ ...trail('three'), XDG_STATE_HOME: state });
    using _ = onceAt(served.stack, { request: /^POST \/scim\/v2\/Users/, nth: 1, when: 'finish' }, () => {
      still.running.child.kill('SIGSTOP');
      stopped.resolve(undefined);
    });
    const { id } = await still.ask('POST', '/v1/flows/new-user/runs', { inputs: { email } });
    await stopped.promise;
    const life = () =>
      server.sql(`select lives from flows_runs where id = '${String(id)}'`, new URL(address).pathname.slice(1));
    await expect.poll(life, { interval: 10 }).toBe('2\n');
    still.running.child.kill('SIGCONT');
    let run = await other.ask('GET', `/v1/runs/${String(id)}?wait=30`);
    while (run['finished'] === undefined) run = await other.ask('GET', `/v1/runs/${String(id)}?wait=30`);
    expect(run).toMatchObject({ state: 'succeeded' });
    const users = served.stack.identityProvider.users().filter(({ userName }) => userName === email);
    expect([made(email), users.length]).toEqual([1, 1]);
    // it still answers, and knows how the run ended
    expect(await still.ask('GET', `/v1/runs/${String(id)}`)).toMatchObject({ state: 'succeeded' });
    still.running.child.kill('SIGTERM');
    expect(await still.running.ended).toMatchObject({ code: 0 });
  });

  test('a database that goes away is told, and runs go on when it is back', async () => {
    const broker = brokers[1];
    const begin = (index: number) => broker.ask('POST', '/v1/flows/login/runs', { inputs: { name: name(index) } });
    await server.restart();
    await expect.poll(async () => (await begin(100))['state']).toBe('planned');
    const { id } = await begin(200);
    expect(await broker.ask('GET', `/v1/runs/${String(id)}?wait=30`)).toMatchObject({ state: 'succeeded' });
    expect(made(name(200))).toBe(1);
  });
});
