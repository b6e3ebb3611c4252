import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBearer } from '../../src/broker/authentication/bearer-token.ts';
import { ownCertificate } from '../../src/surfaces/server/own-certificate.ts';
import { arrangeRuns } from '../broker/agent-runs/arrange-runs.ts';
import { sha256 } from '../broker/arrange.ts';
import { json, startAnswering } from '../client/stand.ts';
import { createHome, repository } from '../e2e/home.ts';
import { bearer, canary, memoryTrail, own, standInBroker, startStand } from '../surfaces/server/stand.ts';
import { python } from '../programs.ts';

type Answering = Awaited<ReturnType<typeof startAnswering>>;

const home = createHome();
const example = join(repository, 'infra/examples/agent.py');
const file = join(home.path, 'agent-token');
let api: Answering;
const certificate = join(home.path, 'broker.pem');
/** tokens that the API takes */
const good = new Set<string>();

beforeAll(async () => {
  writeFileSync(file, `${bearer}\n`, { mode: 0o600 });
  writeFileSync(certificate, own.cert);
  api = await startAnswering(({ headers, path }, response) => {
    if (path === '/moved') return response.writeHead(302, { location: '/orders' }).end();
    const known = good.has((headers.authorization ?? '').replace('Bearer ', ''));
    return response.writeHead(known ? 200 : 401).end('orders');
  });
});
afterAll(async () => {
  await api.close();
  await home.close();
});

function run(broker: string, url: string) {
  const program = ['python3', '-I', example, url];
  const env = { FLOWS_BROKER: broker, FLOWS_AGENT_TOKEN_FILE: file, SSL_CERT_FILE: certificate };
  return home.start([], { program, env }).ended;
}

describe.runIf(python)('the Python example', () => {
  test('takes SSL_CERT_FILE beside the certificates of other brokers of its user', async () => {
    const { broker } = standInBroker(memoryTrail().trail);
    const stand = await startStand({ broker });
    const note = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain', 'broker-0123456789abcdef.json');
    mkdirSync(dirname(note), { recursive: true });
    const another = ownCertificate(Buffer.alloc(32, 'another'), '127.0.0.1');
    writeFileSync(note, JSON.stringify({ certificate: another.cert }), { mode: 0o600 });
    try {
      good.add(`eyJ.${canary}.sig`);
      expect(await run(stand.url, `${api.url}/orders`)).toMatchObject({ code: 0, stderr: '' });
    } finally {
      rmSync(note);
      await stand.server.close();
    }
  });

  test('gets a secret and a token of the real server, over TCP and over its socket', async () => {
    const { trail, events } = memoryTrail();
    const { broker } = standInBroker(trail);
    const path = join(home.path, 'broker.sock');
    const stand = await startStand({ broker, listen: { host: '127.0.0.1', port: 0, socket: path } });
    try {
      good.add(`eyJ.${canary}.sig`);
      const url = `${api.url}/orders`;
      for (const address of [stand.url, `unix:${path}`]) {
        const { code, stdout, stderr } = await run(address, url);
        expect([code, stdout, stderr]).toEqual([
          0,
          `openai.api_key: ${canary.length} characters\n${url}: 200, 6 bytes\n`,
          '',
        ]);
      }
      expect(events.map(({ action, run }) => [action, run])).toEqual([
        ['secrets.resolve', 'example'],
        ['token.issue', 'example'],
        ['secrets.resolve', 'example'],
        ['token.issue', 'example'],
      ]);
    } finally {
      await stand.server.close();
    }
  });

  test('reports a token that is refused, and tries another one once', async () => {
    let turn = 1;
    const broker = await startAnswering(({ path }, response) => {
      if (path === '/v1/secrets/resolve') {
        const expiresAt = new Date(Date.now() + 60_000).toISOString();
        return json(response, { resolved: { 'openai.api_key': { value: 'x', expiresAt } } });
      }
      if (path.endsWith('/rejected')) {
        turn += 1;
        return json(response, { evicted: true });
      }
      const audience = ['https://orders.example', `${api.url}/`];
      return json(response, { access_token: `token-${turn}`, token_type: 'Bearer', expires_in: 600, audience });
    });
    try {
      good.add('token-2');
      expect((await run(broker.url, `${api.url}/orders`)).stdout).toContain('200, 6 bytes');
      expect(broker.asked.map(({ path }) => path)).toEqual([
        '/v1/secrets/resolve',
        '/v1/tokens/orders-token',
        '/v1/tokens/orders-token/rejected',
        '/v1/tokens/orders-token',
      ]);
      // no redirect is followed, and no plain http leaves this machine
      expect(await run(broker.url, `${api.url}/moved`)).toMatchObject({ code: 1, stderr: `${api.url}/moved: 302\n` });
      expect(await run(broker.url, 'http://orders.example/')).toMatchObject({
        code: 1,
        stderr: 'a token goes over https, or plain http to a loopback address\n',
      });
      // nor does it leave the origins of what it is for
      const program = `import sys; sys.path.insert(0, ${JSON.stringify(dirname(example))}); from agent import Broker
broker = Broker(${JSON.stringify(broker.url)}, ${JSON.stringify(file)})
for url in sys.argv[1:]:
    try: print(broker.open('orders-token', url).status)
    except ValueError as error: print(error)`;
      const argv = ['python3', '-I', '-B', '-c', program, `${api.url}/orders`, 'https://orders.example.evil.example/'];
      const { stdout } = await home.start([], { program: argv, env: { SSL_CERT_FILE: certificate } }).ended;
      expect(stdout).toBe(
        '200\nthe token of orders-token is not for https://orders.example.evil.example/: name it in origins, if it is\n',
      );
    } finally {
      await broker.close();
    }
  });

  test('tells the code and the request id of a refusal, and no value', async () => {
    const broker = await startAnswering((_, response) =>
      json(response, { code: 'not-allowed', names: ['openai.api_key'] }, 403),
    );
    try {
      const ended = await run(broker.url, `${api.url}/orders`);
      expect(ended).toMatchObject({ code: 1, stderr: 'broker: not-allowed openai.api_key (request request-1)\n' });
    } finally {
      await broker.close();
    }
    expect((await run(broker.url, `${api.url}/orders`)).stderr).toContain('unreachable');
  });

  test('tells in a line which variable, file or address is wrong', async () => {
    const url = `${api.url}/orders`;
    const broker = await startAnswering(({ path }, response) =>
      path === '/v1/secrets/resolve'
        ? json(response, {
            resolved: { 'openai.api_key': { value: 'x', expiresAt: new Date(Date.now() + 60_000).toISOString() } },
          })
        : json(response, { access_token: 'token', token_type: 'Bearer', expires_in: 600 }),
    );
    const strange = await startAnswering((_, response) => json(response, { resolved: [] }));
    const none = join(home.path, 'none');
    const empty = join(home.path, 'empty');
    const two = join(home.path, 'two');
    writeFileSync(empty, '\n');
    writeFileSync(two, 'one token\nand another\n');
    const addresses = 'FLOWS_BROKER: https, http at a loopback address, or unix:/PATH';
    const cases: readonly (readonly [env: Record<string, string>, url: string, told: string])[] = [
      [{ FLOWS_AGENT_TOKEN_FILE: '' }, url, 'FLOWS_AGENT_TOKEN_FILE: name the file'],
      [{ FLOWS_AGENT_TOKEN_FILE: none }, url, `broker: no-credential (${none}: No such file or directory)`],
      [{ FLOWS_AGENT_TOKEN_FILE: home.path }, url, `broker: no-credential (${home.path}: Is a directory)`],
      [{ FLOWS_AGENT_TOKEN_FILE: empty }, url, `broker: no-credential (${empty} holds no token)`],
      [{ FLOWS_AGENT_TOKEN_FILE: two }, url, `broker: no-credential (${two} holds no token)`],
      [{ FLOWS_BROKER: 'http://127.0.0.1:1' }, url, 'broker: unreachable (http://127.0.0.1:1: Connection refused)'],
      [{ FLOWS_BROKER: `unix:${none}` }, url, `broker: unreachable (unix:${none}: No such file or directory)`],
      [{ FLOWS_BROKER: 'http://10.0.0.1:7700' }, url, addresses],
      [{ FLOWS_BROKER: 'https://127.0.0.1:port' }, url, addresses],
      [{ FLOWS_BROKER: '127.0.0.1:7700' }, url, addresses],
      [{ FLOWS_BROKER: strange.url }, url, 'broker: protocol'],
      [{}, 'http://127.0.0.1:1/orders', 'http://127.0.0.1:1/orders: Connection refused'],
      [{}, 'https://127.0.0.1:port/', 'Port could not be cast'],
      [{}, 'orders', 'a token goes over https'],
    ];
    try {
      for (const [env, target, told] of cases) {
        const program = ['python3', '-I', example, target];
        const usual = { FLOWS_BROKER: broker.url, FLOWS_AGENT_TOKEN_FILE: file, SSL_CERT_FILE: certificate };
        const { code, stderr } = await home.start([], { program, env: { ...usual, ...env } }).ended;
        expect([code, stderr.split('\n').length, stderr]).toEqual([1, 2, expect.stringContaining(told)]);
        expect(stderr.startsWith(told)).toBe(true);
      }
    } finally {
      await broker.close();
      await strange.close();
    }
  });

  test('keeps tokens and leases for as long as they last, through sleep and clocks that are set', async () => {
    const broker = await startAnswering(({ path }, response) =>
      path === '/v1/secrets/resolve'
        ? json(response, { resolved: { a: { value: 'x', expiresAt: '2026-11-29T12:10:00.000Z' } } })
        : json(response, { access_token: 'token', token_type: 'Bearer', expires_in: 600 }),
    );
    const noon = Date.UTC(2026, 10, 29, 12) / 1_000;
    const program = `import json, sys, time; sys.path.insert(0, ${JSON.stringify(dirname(example))}); import agent
broker, clocks = None, []
for steady, wall in json.loads(sys.argv[1]):
    clocks[:] = [steady, ${noon} + wall]
    broker = broker or agent.Broker(${JSON.stringify(broker.url)}, ${JSON.stringify(file)}, clocks=lambda: tuple(clocks))
    broker.token('t'), broker.secrets(['a'])
if hasattr(time, 'CLOCK_BOOTTIME'): assert abs(agent._clocks()[0] - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
assert abs(agent._clocks()[1] - time.time()) < 5`;
    const asked = async (...steps: (readonly [steady: number, wall: number])[]) => {
      const before = broker.asked.length;
      const argv = ['python3', '-I', '-B', '-c', program, JSON.stringify(steps)];
      const env = { SSL_CERT_FILE: certificate };
      expect(await home.start([], { program: argv, env }).ended).toMatchObject({ code: 0, stderr: '' });
      return (broker.asked.length - before) / 2;
    };
    try {
      expect(await asked([0, 0], [300, 300], [560, 560])).toBe(1);
      // slept, by a clock that counts it and by one that does not
      expect(await asked([0, 0], [18_000, 18_000])).toBe(2);
      expect(await asked([0, 0], [1, 18_000])).toBe(2);
      // set back an hour
      expect(await asked([0, 0], [571, -3_029])).toBe(2);
    } finally {
      await broker.close();
    }
  });

  test('works as an agent run, and a run below it, which ends with its work', async () => {
    const token = createBearer().reveal();
    const policy = `agents:\n  codex: { tokens: ['sha256:${sha256(token)}'], allow: [github.*, openai.api_key] }\n`;
    const { broker, authenticator, runs, trail } = await arrangeRuns({ 'policy.yaml': policy });
    const stand = await startStand({ broker, authenticator, agentRuns: runs });
    const own = join(home.path, 'codex-token');
    writeFileSync(own, `${token}\n`, { mode: 0o600 });
    const program = `import sys; sys.path.insert(0, ${JSON.stringify(dirname(example))}); import agent
def code(work):
    try: work()
    except agent.BrokerError as refusal: return refusal.code
broker = agent.Broker(${JSON.stringify(stand.url)}, ${JSON.stringify(own)})
with broker.run(allow=["github.*"], expires=1800, reason="nightly", heartbeat=1) as run:
    print(len(run.secrets(["github.token"])), code(lambda: run.secrets(["openai.api_key"])))
    with run.run(allow=["github.token"]) as child:
        print(len(child.secrets(["github.token"])), code(lambda: child.secrets(["github.write_token"])))
    first = run.credential()
    while run.credential() == first: agent.time.sleep(0.05)
print(code(lambda: run.secrets(["github.write_token"])), code(lambda: child.secrets(["github.token"])))
try:
    with broker.run(): raise KeyError("work")
except KeyError: print(code(lambda: broker.run(allow=["NO"]).__enter__()))`;
    try {
      const argv = ['python3', '-I', '-B', '-c', program];
      const ended = await home.start([], { program: argv, env: { SSL_CERT_FILE: certificate } }).ended;
      expect(ended).toMatchObject({
        stderr: '',
        stdout: '1 not-allowed\n1 not-allowed\nrun-ended run-ended\ninvalid-request\n',
      });
      const [root, child, failed] = trail.events.filter(({ action }) => action === 'agent-run.started');
      expect(root).toMatchObject({ reason: 'nightly', detail: expect.stringContaining('narrowed to github.*') });
      const finished = trail.events.filter(({ action }) => action === 'agent-run.finished');
      expect(finished.map(({ agentRun, detail }) => [agentRun, detail])).toEqual([
        [child?.agentRun, 'succeeded'],
        [root?.agentRun, 'succeeded'],
        [failed?.agentRun, 'failed'],
      ]);
    } finally {
      await stand.server.close();
    }
  });
});
