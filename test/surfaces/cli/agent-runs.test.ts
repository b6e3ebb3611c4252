import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHome, type Home, type Running } from '../../e2e/home.ts';

const policy = `default: deny
agents:
  codex: { allow: [openai.api_key, github.*], flows: [orders-token] }
`;
let home: Home;
let serving: Running;
let url: string;
let token: string;

interface Begun {
  readonly run: string;
  readonly token: string;
}

async function ask(bearer: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body ?? {}) });
  return (await answer.json()) as Record<string, unknown>;
}
const begin = async (bearer: string, body?: unknown) => (await ask(bearer, '/v1/agent-runs', body)) as unknown as Begun;

beforeAll(async () => {
  home = createHome(true, 'onepassword-connect');
  home.write('flows/policy.yaml', policy);
  await home.stack();
  token = (await home.flows(['agents', 'add', 'codex'])).stdout.trim();
  serving = home.start(['serve', '--port', '0']);
  url = /listening on (\S+)/.exec(await serving.shows(/listening on http:\/\/\S+/))?.[1] ?? '';
});
afterAll(() => home.close());

describe('flows agent-runs', () => {
  it('lists tasks, shows what one and those below it asked for, and ends them', async () => {
    const root = await begin(token, { allow: ['github.*'], reason: 'nightly report' });
    const child = await begin(root.token, { allow: ['github.token'] });
    await ask(child.token, '/v1/secrets/resolve', { secrets: ['github.token'] });
    await ask(child.token, '/v1/secrets/resolve', { secrets: ['openai.api_key'] });

    const list = await home.flows(['agent-runs']);
    expect(list).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
    expect(list.stdout).toContain(`${root.run}  codex  running`);
    expect(list.stdout).toContain('narrowed to github.*; reason: nightly report');

    const one = await home.flows(['agent-runs', 'show', root.run]);
    expect(one.stdout).not.toContain(child.run);
    expect(one.stderr).toContain('1 below it: add --tree');
    const tree = await home.flows(['agent-runs', 'show', root.run, '--tree']);
    const lines = tree.stdout.split('\n');
    expect(lines[0]).toContain(root.run);
    expect(lines.find((line) => line.includes(child.run))).toMatch(/^ {2}ar-/);
    expect(tree.stdout).toMatch(/secrets\.resolve +allowed +github\.token/);
    expect(tree.stdout).toMatch(/secrets\.resolve +denied +openai\.api_key +not-allowed; agent run ar-\w+ is narrowed/);

    const ended = await home.flows(['agent-runs', 'end', root.run]);
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining('ended 2 agent runs') });
    expect(await ask(child.token, '/v1/secrets/resolve', { secrets: ['github.token'] })).toMatchObject({
      code: 'run-ended',
    });
    expect((await home.flows(['agent-runs', '--state', 'running'])).stderr).toContain('no agent runs');
    const json = JSON.parse((await home.flows(['agent-runs', 'show', child.run, '--json'])).stdout) as unknown[];
    expect(json).toMatchObject([{ run: child.run, outcome: 'cancelled', requests: expect.any(Array) }]);
  });

  it('asks as a run by its token, and tells of the proven run apart from the claimed one', async () => {
    const run = await begin(token, { allow: ['github.*'], reason: 'nightly report' });
    const env = { FLOWS_AGENT_TOKEN: run.token, FLOWS_AGENT_RUN_ID: 'said' };
    expect(await home.flows(['read', 'github.token'], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/.+/),
    });
    expect(await home.flows(['read', 'openai.api_key'], { env })).toMatchObject({ code: 77, stdout: '' });
    const own = await home.flows(['audit', '--agent-run', run.run]);
    const lines = own.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines.slice(1))
      expect(line).toContain(`reason: nightly report; agent run ${run.run}; run said (claimed)`);
    expect((await home.flows(['audit', '--run', run.run])).stdout).toBe('');
    expect((await home.flows(['audit', '--agent-run', 'said'])).stdout).toBe('');
    const ended = await ask(run.token, `/v1/agent-runs/${run.run}/finish`, { outcome: 'succeeded' });
    expect(ended).toMatchObject({ ended: 1 });
    const late = await home.flows(['read', 'github.token'], { env });
    expect(late).toMatchObject({ code: 77, stderr: expect.stringContaining('the agent run has ended') });
  });

  it('go on where their broker is killed and started again', async () => {
    const run = await begin(token, { allow: ['github.*'] });
    serving.child.kill('SIGKILL');
    await serving.ended;
    serving = home.start(['serve', '--port', '0']);
    url = /listening on (\S+)/.exec(await serving.shows(/listening on http:\/\/\S+/))?.[1] ?? '';
    const resolved = await ask(run.token, '/v1/secrets/resolve', { secrets: ['github.token'] });
    expect(resolved).toHaveProperty(['resolved', 'github.token']);
    expect(await ask(run.token, '/v1/secrets/resolve', { secrets: ['openai.api_key'] })).toMatchObject({
      code: 'not-allowed',
    });
    expect((await home.flows(['agent-runs', 'end', run.run])).stderr).toContain('ended 1 agent run');
  });

  it.each([
    [['agent-runs', 'nothing'], 2, 'unknown word "nothing"'],
    [['agent-runs', 'show'], 2, 'an agent run is missing'],
    [['agent-runs', 'show', 'ar-none'], 66, 'agent run "ar-none": the broker knows of no such thing'],
    [['agent-runs', '--state', 'runing'], 2, 'unknown state "runing"'],
    [['agent-runs', '--since', 'now'], 2, '--since takes a length of time or a time'],
    [['agent-runs', '--dir', 'elsewhere'], 2, 'elsewhere'],
  ])('%j ends with %i', async (words, code, told) => {
    const ended = await home.flows(words);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(told)]);
  });
});
