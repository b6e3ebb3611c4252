import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { type Boundary, killedAt } from '../e2e/boundaries.ts';
import { createHome, type Home, type Running } from '../e2e/home.ts';
import { someOf } from '../long/amounts.ts';

const policy = `default: deny
approvers: { ann: {} }
agents:
  codex: { flows: [new-user, seed-runtime] }
  careful:
    flows: [new-user]
    approve: [{ flows: [new-user], scope: call, by: [ann] }]
`;

/** A broker that serves runs of the laptop's flows. */
export interface ServedHome {
  readonly home: Home;
  readonly stack: RunningStack;
  /** starts the broker, or another one on the same database */
  serve(env?: Readonly<Record<string, string>>): Promise<ServingBroker>;
  close(): Promise<void>;
}

export interface ServingBroker {
  readonly running: Running;
  /** @param agent default `codex` */
  ask(method: 'GET' | 'POST', path: string, body?: unknown, agent?: string): Promise<Record<string, unknown>>;
}

/** @param prepare puts into the home what its broker needs */
export async function serveRuns(prepare: (home: Home) => Promise<void> | void): Promise<ServedHome> {
  const home = createHome();
  home.write('flows/policy.yaml', policy);
  await prepare(home);
  const stack = await home.stack();
  const tokens = new Map<string, string>();
  for (const agent of ['codex', 'careful'])
    tokens.set(agent, (await home.flows(['agents', 'add', agent])).stdout.trim());
  return {
    home,
    stack,
    async serve(env = {}) {
      const running = home.start(['serve', '--port', '0'], { env });
      const url = /listening on (\S+)/.exec(await running.shows(/listening on http:\/\/\S+/))?.[1] ?? '';
      return {
        running,
        async ask(method, path, body, agent = 'codex') {
          const headers = { authorization: `Bearer ${tokens.get(agent) ?? ''}`, 'content-type': 'application/json' };
          const sent = body === undefined ? {} : { body: JSON.stringify(body) };
          const answer = await fetch(`${url}${path}`, { method, headers, ...sent });
          return (await answer.json()) as Record<string, unknown>;
        },
      };
    },
    close: () => home.close(),
  };
}

const requests = {
  'the item is written': [/^PATCH \/api\/v3\/vault\/\w+\/\d+\/items/, 1],
  'the user is made': [/^POST \/scim\/v2\/Users/, 1],
  'the seed is written': [/^PATCH \/api\/v3\/vault\/\w+\/\d+\/items/, 2],
  'the enrolment is confirmed': [/^POST \/interaction\/[\w-]+\/enrol/, 1],
  'the sign-in ended': [/^POST \/session\/end\/confirm/, 1],
} as const;

const boundaries = Object.entries(requests).flatMap(([what, [request, nth]]) =>
  (['start', 'finish'] as const).map((when) => ({
    what: `${when}: ${what}`,
    at: { request, nth, when } satisfies Boundary,
  })),
);

/** What a broker's runs survive, whatever database keeps them. */
export function killedRunsContract(title: string, prepare: (home: Home) => Promise<void> | void): void {
  // oxlint-disable-next-line vitest/valid-title -- named by whoever runs the suite
  describe(title, () => {
    let served: ServedHome;
    beforeAll(async () => {
      served = await serveRuns(prepare);
    });
    afterAll(() => served?.close());

    const over = async (broker: ServingBroker, id: unknown) => {
      for (let tries = 0; tries < 6; tries += 1) {
        const run = await broker.ask('GET', `/v1/runs/${String(id)}?wait=30`);
        if (run['finished'] !== undefined) return run;
      }
      throw new Error('it does not end');
    };

    /** One of each: nothing was done twice. */
    function expectOne(email: string): void {
      const { stack } = served;
      const items = stack.vault.dump().filter(({ title }) => title === email);
      expect([email, items.map(({ state }) => state)]).toEqual([email, ['active']]);
      const codes = (items[0]?.fields ?? []).filter(({ value }) => value.startsWith('otpauth://'));
      expect([email, codes.length]).toEqual([email, 1]);
      const users = stack.identityProvider.users().filter(({ userName }) => userName === email);
      expect([email, users.length]).toEqual([email, 1]);
    }

    test('killed at any request of a step, a run goes on where it was, and does nothing twice', async () => {
      let broker = await served.serve();
      for (const { what, at } of someOf(boundaries, 'kills of a served run')) {
        const email = `${randomUUID().slice(0, 8)}@example.com`;
        const { id } = await broker.ask('POST', '/v1/flows/new-user/runs', { inputs: { email } });
        const { signal, stderr } = await killedAt(broker.running, served.stack, at);
        expect([what, signal, signal === null ? stderr : '']).toEqual([what, 'SIGKILL', '']);
        broker = await served.serve();
        expect([what, await over(broker, id)]).toEqual([what, expect.objectContaining({ state: 'succeeded' })]);
        expectOne(email);
      }
      broker.running.child.kill('SIGKILL');
      await broker.running.ended;
    }, 600_000);

    test('killed right after it was begun, and in the middle of a push, a run is not lost', async () => {
      let broker = await served.serve();
      const email = `${randomUUID().slice(0, 8)}@example.com`;
      const begun = await broker.ask('POST', '/v1/flows/new-user/runs', { inputs: { email } });
      broker.running.child.kill('SIGKILL');
      await broker.running.ended;
      broker = await served.serve();
      expect(await over(broker, begun['id'])).toMatchObject({ state: 'succeeded' });
      expectOne(email);
      const push = await broker.ask('POST', '/v1/flows/seed-runtime/runs', {});
      await killedAt(broker.running, served.stack, {
        request: /secretsmanager\.CreateSecret$/,
        nth: 2,
        when: 'finish',
      });
      broker = await served.serve();
      expect(await over(broker, push['id'])).toMatchObject({ state: 'succeeded' });
      const secrets = served.stack.secretsManager.dump().map(({ versions }) => versions.length);
      expect(secrets).toEqual([1, 1, 1]);
      broker.running.child.kill('SIGKILL');
      await broker.running.ended;
    }, 240_000);

    test('killed while it waits for people, a run still waits, for the same approval', async () => {
      let broker = await served.serve();
      const inputs = { email: `${randomUUID().slice(0, 8)}@example.com` };
      const { id } = await broker.ask('POST', '/v1/flows/new-user/runs', { inputs }, 'careful');
      const state = async () => (await broker.ask('GET', `/v1/runs/${String(id)}`, undefined, 'careful'))['state'];
      await expect.poll(state).toBe('waiting');
      broker.running.child.kill('SIGKILL');
      await broker.running.ended;
      broker = await served.serve();
      await expect.poll(state).toBe('waiting');
      const ended = await broker.ask('POST', `/v1/runs/${String(id)}/cancel`, undefined, 'careful');
      expect(ended['code']).toBeUndefined();
      await expect.poll(state).toBe('cancelled');
      expect(served.stack.vault.dump().filter(({ title }) => title === inputs.email)).toEqual([]);
      broker.running.child.kill('SIGTERM');
      await broker.running.ended;
    });
  });
}
