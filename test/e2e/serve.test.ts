import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home, type Running } from './home.ts';

/** Without runs, for which each broker would open its database: seconds of work. */
const policy = `default: deny
agents:
  codex:
    allow: [openai.api_key, github.*]
    flows: [orders-token, scim-token]
    deny: [github.admin_token]
`;
let home: Home;
let token: string;
let withoutRuns: string;
const withRuns = () => withoutRuns.replace('scim-token]', 'scim-token, create-order]');

beforeAll(async () => {
  home = createHome(true, 'onepassword-connect');
  home.write('flows/policy.yaml', policy);
  await home.stack();
  token = (await home.flows(['agents', 'add', 'codex'])).stdout.trim();
  if (!/^flows_\w{38}$/.test(token)) throw new Error('flows agents add printed no token');
  withoutRuns = readFileSync(join(home.work, 'flows/policy.yaml'), 'utf8');
});
afterAll(() => home.close());

interface Served {
  readonly url: string;
  readonly running: Running;
}

async function serve(...more: readonly string[]): Promise<Served> {
  const running = home.start(['serve', '--port', '0', ...more]);
  const text = await running.shows(/listening on http:\/\/\S+/);
  return { url: /listening on (\S+)/.exec(text)?.[1] ?? '', running };
}

async function stop({ running }: Served) {
  running.child.kill('SIGTERM');
  return running.ended;
}

interface Answer {
  readonly status: number;
  readonly id: string;
  readonly body: string;
}

function ask(url: string, path: string, { agent, body }: { agent?: Agent; body?: unknown } = {}): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const method = path === '/v1/flows' || path.startsWith('/v1/runs/') ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { method, headers, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject).on('end', () => {
          // an answer that was cut off is none
          if (!response.complete) return reject(new Error('cut off'));
          resolve({ status: response.statusCode ?? 0, id: String(response.headers['x-request-id']), body: text });
        });
      },
    );
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const state = () => join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain');
const trailFile = () => {
  const [name = ''] = readdirSync(join(state(), 'audit/laptop')).filter((each) => /^broker-.*\.jsonl$/.test(each));
  return join(state(), 'audit/laptop', name);
};

interface Line {
  readonly request: string;
  readonly action: string;
  readonly outcome: string;
}

/** Whole lines of the trail: a last one that was being written when the process was killed is left out. */
const lines = (): Line[] =>
  readFileSync(trailFile(), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

/** Sixteen agents ask without end for what is in memory and what is not. */
function load(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const answers: Answer[] = [];
  const paths = [
    '/v1/tokens/orders-token',
    '/v1/tokens/orders-token',
    '/v1/flows',
    '/v1/tokens/scim-token',
    '/v1/tokens/not-there',
  ];
  const over = new AbortController();
  const working = Array.from({ length: 16 }, async (_, worker) => {
    for (let count = worker; !over.signal.aborted; count += 1) {
      const path = paths[count % paths.length] ?? '';
      const answer = await ask(url, path, { agent }).catch(() => undefined);
      if (answer === undefined) return;
      answers.push(answer);
    }
  });
  return {
    answers,
    async end() {
      over.abort();
      await Promise.all(working);
      agent.destroy();
    },
  };
}

/** So many that each agent has asked for all of it, however late the disk confirms the trail. */
async function enough(answers: readonly unknown[]): Promise<void> {
  await expect.poll(() => answers.length, { timeout: 150_000 }).toBeGreaterThanOrEqual(160);
}

describe('flows serve', () => {
  test('gives an agent what policy allows it, and its command finds it', async () => {
    const served = await serve();
    const found = readdirSync(state()).find((name) => /^broker-[0-9a-f]{16}\.json$/.test(name)) ?? '';
    expect(statSync(join(state(), found)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(state(), found), 'utf8'))).toMatchObject({
      url: served.url,
      environment: 'development',
    });

    const resolved = await ask(served.url, '/v1/secrets/resolve', { body: { secrets: ['openai.api_key'] } });
    expect(resolved.status).toBe(200);
    const { value } =
      (JSON.parse(resolved.body) as { resolved: Record<string, { value: string }> }).resolved['openai.api_key'] ?? {};
    expect(value).toMatch(/^\S{20,}$/);
    const denied = await ask(served.url, '/v1/secrets/resolve', {
      body: { secrets: ['openai.api_key', 'github.admin_token', 'not.there'] },
    });
    expect([denied.status, JSON.parse(denied.body)]).toMatchObject([
      403,
      { code: 'not-allowed', names: ['github.admin_token', 'not.there'] },
    ]);
    const writes = await ask(served.url, '/v1/flows/seed-runtime', { body: { inputs: {} } });
    expect([writes.status, JSON.parse(writes.body)]).toMatchObject([403, { code: 'not-allowed' }]);

    const { code, stdout, stderr } = await stop(served);
    expect([code, stdout]).toEqual([0, '']);
    expect(existsSync(join(state(), found))).toBe(false);
    for (const secret of [token, value ?? '']) {
      expect(stderr).not.toContain(secret);
      expect(readFileSync(trailFile(), 'utf8')).not.toContain(secret);
    }
  });

  test('an agent makes an order by a run, and never has the token', async () => {
    home.write('flows/policy.yaml', withRuns());
    const served = await serve();
    const inputs = { article: 'Ink', quantity: 3 };
    const begun = await ask(served.url, '/v1/flows/create-order/runs', { body: { inputs } });
    const { id } = JSON.parse(begun.body) as { readonly id: string };
    expect(begun.status).toBe(202);
    const over = await ask(served.url, `/v1/runs/${id}?wait=60`);
    expect([over.status, JSON.parse(over.body)]).toMatchObject([200, { state: 'succeeded' }]);
    const answer = await ask(served.url, `/v1/runs/${id}/output`);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      200,
      { output: { id: expect.stringMatching(/^A-\d+$/), status: 'open' } },
    ]);
    const { stderr } = await stop(served);
    for (const text of [begun.body, over.body, answer.body, stderr, readFileSync(trailFile(), 'utf8')])
      expect(text).not.toMatch(/eyJ/);
    home.write('flows/policy.yaml', withoutRuns);
  });

  test('a right that is taken away ends at once, a broken file keeps the rules and is told', async () => {
    const served = await serve();
    const granted = () => ask(served.url, '/v1/tokens/orders-token').then(({ status }) => status);
    expect(await granted()).toBe(200);
    const current = readFileSync(join(home.work, 'flows/policy.yaml'), 'utf8');
    home.write('flows/policy.yaml', `${current}\n  broken: [`);
    await served.running.shows('policy.yaml:');
    expect(await granted()).toBe(200);
    home.write('flows/policy.yaml', current.replace('flows: [orders-token, scim-token]', 'flows: [scim-token]'));
    await expect.poll(granted).toBe(403);
    home.write('flows/policy.yaml', current);
    await expect.poll(granted).toBe(200);
    await stop(served);
    expect(
      lines()
        .filter(({ action }) => action === 'policy.reload')
        .map(({ outcome }) => outcome),
    ).toEqual(expect.arrayContaining(['failed', 'allowed']));
  });

  test('a flow whose file is wrong is told at the start and by /readyz, and served when it is right', async () => {
    const file = 'flows/scim-token.yaml';
    const text = readFileSync(join(home.work, file), 'utf8');
    home.write(file, text.replace('uses: oauth/client-credentials', 'uses: oauth/client-credential'));
    const served = await serve();
    try {
      await served.running.shows(/scim-token\.yaml:\d+:\d+: unknown step kind/);
      const statusOf = (flow: string) => ask(served.url, `/v1/tokens/${flow}`).then(({ status }) => status);
      expect([await statusOf('scim-token'), await statusOf('orders-token')]).toEqual([403, 200]);
      const ready = async () => (await fetch(`${served.url}/readyz`)).json();
      expect(await ready()).toMatchObject({
        status: 'ok',
        wrong: [expect.stringMatching(/^scim-token\.yaml:\d+:\d+$/)],
      });
      const explained = await home.flows(['policy', 'explain', '--agent', 'codex', '--flow', 'scim-token']);
      expect(explained.stdout).toContain('the file of flow "scim-token" has problems');
      home.write(file, text);
      await expect.poll(() => statusOf('scim-token')).toBe(200);
      expect(await ready()).not.toHaveProperty('wrong');
    } finally {
      home.write(file, text);
      await stop(served);
    }
  });

  test('a hang-up reads the files again and ends nothing', async () => {
    const served = await serve();
    const from = lines().length;
    for (let times = 1; times <= 2; times += 1) served.running.child.kill('SIGHUP');
    await served.running.shows('reading the files again');
    expect((await ask(served.url, '/v1/flows')).status).toBe(200);
    expect((await fetch(`${served.url}/readyz`)).status).toBe(200);
    expect(
      lines()
        .slice(from)
        .filter(({ action }) => action === 'stop'),
    ).toEqual([]);
    expect((await stop(served)).code).toBe(0);
  });

  test('nor does one that comes while it starts', async () => {
    const folder = join(home.work, 'flows');
    const { mode } = statSync(folder);
    // what it warns of is told before it asks the vault for anything
    chmodSync(folder, 0o777);
    const running = home.start(['serve', '--port', '0']);
    try {
      await running.shows(/every user of this machine can write this/);
      running.child.kill('SIGHUP');
      await running.shows('reading the files again');
      const url = /listening on (\S+)/.exec(await running.shows(/listening on http:\/\/\S+/))?.[1] ?? '';
      expect((await ask(url, '/v1/flows')).status).toBe(200);
    } finally {
      chmodSync(folder, mode);
      await stop({ url: '', running });
    }
  });

  test('a second one on the same trail is refused', async () => {
    const served = await serve();
    const second = await home.flows(['serve', '--port', '0']);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain('error: ');
    expect((await ask(served.url, '/v1/flows')).status).toBe(200);
    await stop(served);
  });

  test.each([
    [['--host', '0.0.0.0'], 2],
    [['--port', 'x'], 2],
    [['--port', '70000'], 2],
    [['--log-level', 'loud'], 2],
    [['--socket', '/not/there/broker.sock'], 2],
  ])('%j is refused', async (words, code) => {
    const ended = await home.flows(['serve', ...words]);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(/^error: /m);
    expect(ended.stdout).toBe('');
  });

  test('does not start with a broken policy', async () => {
    const other = createHome();
    other.write('flows/policy.yaml', 'default: allow\n');
    const ended = await other.flows(['serve', '--port', '0'], {
      env: { XDG_STATE_HOME: home.env['XDG_STATE_HOME'] ?? '' },
    });
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringMatching(/policy\.yaml:1:\d+/)]);
    await other.close();
  });
});

test('SIGUSR1 opens no debugger', async () => {
  const served = await serve();
  served.running.child.kill('SIGUSR1');
  expect((await ask(served.url, '/v1/flows')).status).toBe(200);
  const { code, stderr } = await stop(served);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('ebugger')]);
});

describe('the end of a broker under load, with its database open', () => {
  beforeAll(() => home.write('flows/policy.yaml', withRuns()));

  test('SIGTERM: what was taken is answered, and all of it is on the trail', async () => {
    const served = await serve();
    const { answers, end } = load(served.url);
    await enough(answers);
    const { code } = await stop(served);
    await end();
    expect(code).toBe(0);
    const recorded = new Set(lines().map(({ request }) => request));
    expect(answers.filter(({ id }) => !recorded.has(id))).toEqual([]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 403]));
    expect(lines().at(-1)?.action).toBe('stop');
    expect((await home.flows(['audit', 'verify'])).code).toBe(0);
  });

  test('SIGKILL: whoever was answered is on the trail, and the next one goes on', async () => {
    const served = await serve();
    const { answers, end } = load(served.url);
    await enough(answers);
    served.running.child.kill('SIGKILL');
    await served.running.ended;
    await end();
    const recorded = new Set(lines().map(({ request }) => request));
    expect(answers.filter(({ id }) => !recorded.has(id))).toEqual([]);
    const again = await serve();
    expect((await ask(again.url, '/v1/flows')).status).toBe(200);
    await stop(again);
    const verified = await home.flows(['audit', 'verify']);
    expect([verified.code, verified.stdout + verified.stderr]).toMatchObject([0, expect.any(String)]);
  });
});
