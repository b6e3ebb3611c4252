import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHome, type Home, type Running } from '../../e2e/home.ts';

const policy = `default: deny
agents:
  codex: { flows: [new-user] }
  schedule: { flows: [break-glass-drill] }
`;
const drill = `description: d
schedule: { cron: '0 3 * * 1', time-zone: Europe/Berlin }
steps:
  - { id: read, uses: vault/read, with: { reference: op://Agents/OpenAI/credential } }
`;
let home: Home;
let serving: Running;
let url: string;
let token: string;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function ask(method: 'GET' | 'POST', path: string, body?: unknown, headers = {}): Promise<Answer> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}

beforeAll(async () => {
  home = createHome(true, 'onepassword-connect');
  home.write('flows/policy.yaml', policy);
  home.write('flows/break-glass-drill.yaml', drill);
  await home.stack();
  token = (await home.flows(['agents', 'add', 'codex'])).stdout.trim();
  serving = home.start(['serve', '--port', '0']);
  url = /listening on (\S+)/.exec(await serving.shows(/listening on http:\/\/\S+/))?.[1] ?? '';
});
afterAll(() => home.close());

describe('flows runs', () => {
  it('lists what agents began over HTTP, with its steps, and what schedules do next', async () => {
    const inputs = { email: 'ada@example.com' };
    const plan = await ask('POST', '/v1/flows/new-user/plan', { inputs });
    expect(plan).toMatchObject({
      status: 200,
      body: { wouldChange: true, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const request = { inputs, plan: plan.body['hash'], reason: 'ticket 7' };
    const begun = await ask('POST', '/v1/flows/new-user/runs', request, { 'idempotency-key': 'one' });
    const id = String(begun.body['id']);
    expect([begun.status, begun.headers.get('location'), begun.headers.get('retry-after')]).toEqual([
      202,
      `/v1/runs/${id}`,
      '1',
    ]);
    expect((await ask('POST', '/v1/flows/new-user/runs', request, { 'idempotency-key': 'one' })).body['id']).toBe(id);
    expect(await ask('GET', `/v1/runs/${id}?wait=30`)).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect((await ask('GET', `/v1/runs/${id}/output`)).body).toMatchObject({ as: { item: 'reference' } });
    expect((await ask('POST', `/v1/runs/${id}/cancel`)).body).toMatchObject({ code: 'run-over' });
    expect((await ask('POST', '/v1/flows/new-user', { inputs })).body).toMatchObject({ code: 'write-not-served' });

    const list = await home.flows(['runs']);
    expect(list.stdout).toMatch(new RegExp(`^${id} +new-user +codex +succeeded +\\S+ +reason: ticket 7`));
    expect(list.stderr).toMatch(/schedule of break-glass-drill: last never, next \d{4}-\d\d-\d\dT0[12]:00Z/);
    const shown = await home.flows(['runs', 'show', id]);
    expect(shown.stdout).toMatch(/login +vault\/create-login +done/);
    expect(JSON.parse((await home.flows(['runs', 'show', id, '--json'])).stdout)).toMatchObject({
      id,
      steps: expect.any(Array),
    });
    const json = JSON.parse(
      (await home.flows(['runs', '--flow', 'new-user', '--since', '1h', '--json'])).stdout,
    ) as object;
    expect(json).toMatchObject({
      runs: [{ id }],
      schedules: [
        { flow: 'break-glass-drill' },
        { flow: 'break-glass-second-drill' },
        { flow: 'rotate-orders-client' },
      ],
    });
  });

  it('lets a run that failed go on', async () => {
    const { body } = await ask('POST', '/v1/flows/new-user/runs', {
      inputs: { email: 'eve@example.com' },
      plan: 'f'.repeat(64),
    });
    const id = String(body['id']);
    expect((await ask('GET', `/v1/runs/${id}?wait=30`)).body).toMatchObject({ state: 'failed', code: 'aborted' });
    expect((await home.flows(['runs', '--state', 'failed'])).stdout).toContain('not what was agreed to');
    expect(await home.flows(['runs', 'resume', id])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('it goes on'),
    });
    expect((await ask('GET', `/v1/runs/${id}?wait=30`)).body).toMatchObject({ state: 'failed', code: 'aborted' });
    expect(await home.flows(['runs', 'cancel', id])).toMatchObject({
      code: 73,
      stderr: expect.stringContaining('it is over already'),
    });
  });

  it.each<[readonly string[], number, string]>([
    [['runs', 'nothing'], 2, 'unknown word "nothing"'],
    [['runs', 'show'], 2, 'a run is missing'],
    [['runs', 'show', 'none'], 66, 'run "none": the broker knows of no such thing'],
    [['runs', '--state', 'runing'], 2, 'unknown state "runing"'],
    [['runs', '--since', 'now'], 2, '--since takes a length of time or a time'],
  ])('%j is answered with %d', async (words, code, said) => {
    expect(await home.flows(words)).toMatchObject({ code, stderr: expect.stringContaining(said), stdout: '' });
  });
});
