import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FlowAnswer } from '../../../src/broker/contract.ts';
import { BrokerRefusal } from '../../../src/broker/refusal.ts';
import { announceBroker } from '../../../src/surfaces/server/announcement.ts';
import { createHome, type Ended, type Start } from '../../e2e/home.ts';
import {
  authorized,
  bearer,
  canary,
  memoryTrail,
  own,
  standInBroker,
  startStand,
  type Stand,
} from '../server/stand.ts';
import { python } from '../../programs.ts';

const home = createHome();
const { broker: standIn, callers } = standInBroker(memoryTrail().trail);
let given: Readonly<Record<string, unknown>>[] = [];
let stand: Stand;
let env: Readonly<Record<string, string>>;

const token = { access_token: canary, token_type: 'Bearer', expires_in: 600, expires_at: 1_900_000_000, scope: 'a b' };
const answers: Readonly<Record<string, FlowAnswer>> = {
  'orders-token': { output: token, as: 'token' },
  'break-glass': {
    output: { username: 'ada', password: canary, code: { code: '012345', valid_for: 20 }, list: [1, 'b'] },
    as: { username: 'plain', password: 'secret', code: 'one-time-code', list: 'plain' },
  },
  'scim-token': { output: canary, as: 'secret' },
  'break-glass-drill': { output: {}, as: 'none' },
};

beforeAll(async () => {
  const broker = {
    ...standIn,
    async run(caller: Parameters<typeof standIn.run>[0], flow: string, inputs: Readonly<Record<string, unknown>>) {
      callers.push(caller);
      given.push(inputs);
      if (flow === 'seed-runtime') throw new BrokerRefusal('write-not-served', { names: [flow] });
      if (flow === 'limited') throw new BrokerRefusal('rate-limited', { names: [flow], retryAfter: 7 });
      const answer = answers[flow];
      if (answer === undefined) throw new BrokerRefusal('not-allowed', { names: [flow] });
      if (Object.hasOwn(inputs, 'wrong')) throw new BrokerRefusal('invalid-request', { names: [flow] });
      return Promise.resolve(answer);
    },
  };
  stand = await startStand({ broker });
  const file = join(home.path, 'agent-token');
  writeFileSync(file, `${bearer}\n`, { mode: 0o600 });
  const certificate = join(home.path, 'broker.pem');
  writeFileSync(certificate, own.cert);
  env = { FLOWS_BROKER: stand.url, FLOWS_AGENT_TOKEN_FILE: file, NODE_EXTRA_CA_CERTS: certificate };
});
afterAll(async () => {
  await stand.server.close();
  await home.close();
});
beforeEach(() => {
  given = [];
  callers.length = 0;
});

const flows = (line: string, options: Start = {}): Promise<Ended> =>
  home.flows(line.split(' '), { ...options, env: { ...env, ...options.env } });

describe('what only reads is asked for at the broker, and shown as if it had run here', () => {
  test.each([
    ['orders-token', `${canary}\n`],
    ['run orders-token', `${canary}\n`],
    ['orders-token --json', `${JSON.stringify(token)}\n`],
    ['orders-token --header', `Authorization: Bearer ${canary}\n`],
    ['scim-token', `${canary}\n`],
    ['scim-token --json', `"${canary}"\n`],
    ['break-glass', `username: ada\npassword: ${canary}\ncode: 012345\nlist: [1,"b"]\n`],
    ['break-glass-drill', ''],
    ['read openai.api_key', `${canary}\n`],
    ['read openai.api_key --no-newline', canary],
  ])('flows %s', async (line, stdout) => {
    const ended = await flows(line);
    expect(ended).toMatchObject({ code: 0, stdout });
    expect(ended.stderr).not.toContain(canary);
    expect(ended.stderr.includes(`broker ${stand.url}`)).toBe(!line.startsWith('read'));
  });

  test.runIf(python)('on a terminal secrets are hidden', async () => {
    const running = home.start(['break-glass'], { terminal: true, env });
    const text = await running.shows('valid for');
    expect(text).toMatch(/password\s+\S*••••/);
    expect(text).toContain('012 345');
    expect(text).not.toContain(canary);
    running.child.kill('SIGTERM');
    await running.ended;
  });

  test.runIf(python)(
    'a person whose break-glass flow an agent’s token denies is told how to ask the vault',
    async () => {
      const asked = (flow: string, options: Start = {}) =>
        home.start([flow], { terminal: true, env, ...options }).ended;
      home.write('flows/last-resort.yaml', readFileSync(join(home.work, 'flows/break-glass.yaml'), 'utf8'));
      const denied = await asked('last-resort');
      expect([denied.code, denied.stdout]).toEqual([
        77,
        expect.stringContaining(
          'ask the vault yourself: env -u FLOWS_BROKER -u FLOWS_AGENT_TOKEN_FILE flows last-resort',
        ),
      ]);
      // an agent, and any other flow: the denial is the answer
      const agent = await home.flows(['last-resort'], { env });
      expect([agent.code, agent.stderr]).toEqual([77, expect.not.stringContaining('ask the vault')]);
      home.write(
        'flows/plain.yaml',
        'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/B/c } }]\n',
      );
      expect((await asked('plain')).stdout).not.toContain('ask the vault');
      const away = await asked('last-resort', { env: { ...env, FLOWS_BROKER: 'http://127.0.0.1:1' } });
      expect([away.code, away.stdout]).toEqual([69, expect.stringContaining('ask the vault yourself')]);
      rmSync(join(home.work, 'flows/last-resort.yaml'));
      rmSync(join(home.work, 'flows/plain.yaml'));
    },
  );

  test.each([
    [
      'orders-token --day 1 --all --no-cache --text=--x --n -5',
      { day: '1', all: true, cache: false, text: '--x', n: '-5' },
    ],
    ['orders-token --all --json', { all: true }],
    ['orders-token', {}],
  ])('inputs: flows %s', async (line, inputs) => {
    expect((await flows(line)).code).toBe(0);
    expect(given).toEqual([inputs]);
  });

  test('run id and reason go along; X-Agent-Id is the server’s to judge', async () => {
    await flows('orders-token', { env: { FLOWS_AGENT_RUN_ID: 'run-42', FLOWS_REASON: 'release 7' } });
    expect(callers).toMatchObject([{ agent: 'codex', run: 'run-42', reason: 'release 7' }]);
  });

  test('the token may come in a variable, which no child sees', async () => {
    const own = { FLOWS_AGENT_TOKEN_FILE: '', FLOWS_AGENT_TOKEN: bearer };
    expect(await flows('orders-token', { env: own })).toMatchObject({ code: 0, stdout: `${canary}\n` });
  });

  test('a token file that others can read is told', async () => {
    const file = join(home.path, 'open-token');
    writeFileSync(file, bearer);
    chmodSync(file, 0o644);
    const ended = await flows('orders-token', { env: { FLOWS_AGENT_TOKEN_FILE: file } });
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: .*chmod 600/) });
  });
});

describe('never here instead', () => {
  test.each([
    ['a name that is denied', 'read stripe.live_key', 77, /stripe\.live_key.*policy explain --request [0-9a-f-]{36}/],
    ['a reference', 'read op://Agents/OpenAI/credential', 2, /by their names/],
    ['a flow that is denied', 'scim-other', 77, /policy does not allow/],
    ['too often', 'limited', 75, /wait 7 s/],
    ['an option of flows that write', 'orders-token --yes', 2, /unknown option --yes/],
    ['an input that is wrong', 'orders-token --wrong 1', 2, /unknown option --wrong/],
    ['no token', 'scim-token --header', 2, /not a token/],
    ['two answers', 'orders-token --json --header', 2, /two answers/],
    ['an extra word', 'orders-token more', 2, /unexpected word/],
    ['another environment', 'orders-token --environment production', 2, /one environment/],
  ])('%s: flows %s', async (_, line, code, stderr) => {
    const ended = await flows(line);
    expect([ended.stdout, ended.code]).toEqual(['', code]);
    expect(ended.stderr).toMatch(stderr);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test.each([
    ['nobody answers', { FLOWS_BROKER: 'http://127.0.0.1:1' }, 69],
    ['an unsafe address', { FLOWS_BROKER: 'http://broker.example' }, 2],
    ['a wrong token', { FLOWS_AGENT_TOKEN_FILE: '', FLOWS_AGENT_TOKEN: `${bearer}x` }, 77],
    ['no file', { FLOWS_AGENT_TOKEN_FILE: '/nowhere/token' }, 77],
    ['no token at all', { FLOWS_AGENT_TOKEN_FILE: '' }, 2],
    ['no broker for the folder', { FLOWS_BROKER: '' }, 69],
  ])('%s', async (_, own, code) => {
    const ended = await flows('orders-token', { env: own });
    expect([ended.stdout, ended.code]).toEqual(['', code]);
    expect(ended.stderr).toMatch(/^error: [^\n]+\n$/);
  });

  test('where it cannot be asked, what stands in the way is told', async () => {
    const path = join(home.path, 'no.sock');
    const missing = await flows('orders-token', { env: { FLOWS_BROKER: `unix:${path}` } });
    expect(missing.stderr).toContain(
      `the broker does not answer: there is no ${path} (is \`flows serve\` running there?)`,
    );
    writeFileSync(path, '');
    const file = await flows('orders-token', { env: { FLOWS_BROKER: `unix:${path}` } });
    expect([file.code, file.stderr]).toEqual([
      2,
      `error: flow "orders-token": ${path} is not a socket (nothing was sent)\n`,
    ]);
  });

  test('a plan and help ask nobody', async () => {
    expect(await flows('orders-token --plan')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing would'),
    });
    expect(await flows('orders-token --help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('only reads'),
    });
    expect(callers).toEqual([]);
  });
});

describe('what writes runs here, and says so', () => {
  // no stack runs here: it fails, after it has said where
  test.each(['seed-runtime', 'new-user --email ada@example.com'])('flows %s --yes', async (line) => {
    const ended = await flows(`${line} --yes`);
    expect(ended.stderr).toContain(
      `${line.split(' ')[0]} writes: it runs here, in environment development, not at the`,
    );
    expect(ended.code).toBe(69);
    expect(callers).toEqual([]);
  });

  test.each(['seed-runtime', 'new-user --email ada@example.com'])(
    'flows %s, which the broker is asked for first',
    async (line) => {
      const ended = await flows(line);
      expect(ended.stderr).toContain('runs here');
      // without a terminal to ask on
      expect(ended.code).toBe(2);
      expect(callers).toHaveLength(1);
    },
  );
});

describe('the broker that runs for the folder', () => {
  const found = { FLOWS_BROKER: '', NODE_EXTRA_CA_CERTS: '' };
  beforeAll(() => {
    process.env['XDG_STATE_HOME'] = home.env['XDG_STATE_HOME'];
  });
  const announced = async (work: () => Promise<void>) => {
    const place = { url: stand.url, socket: undefined, certificate: own.cert };
    const address = { pid: process.pid, environment: 'development', ...place };
    const silence = await announceBroker(join(home.work, 'flows'), address);
    await work().finally(silence);
  };

  test('is found', () =>
    announced(async () => {
      expect(await flows('orders-token', { env: found })).toMatchObject({ code: 0, stdout: `${canary}\n` });
      expect(await flows('orders-token --environment development', { env: found })).toMatchObject({ code: 0 });
    }));

  test('is not asked for another environment’s values', () =>
    announced(async () => {
      expect(await flows('orders-token --environment production', { env: found })).toMatchObject({
        code: 2,
        stdout: '',
      });
      expect(await flows('orders-token', { env: { ...found, FLOWS_ENVIRONMENT: 'production' } })).toMatchObject({
        code: 2,
      });
      expect(callers).toEqual([]);
    }));

  test('is not asked without an agent’s token: the command runs the flow itself', () =>
    announced(async () => {
      const ended = await flows('orders-token', { env: { FLOWS_BROKER: '', FLOWS_AGENT_TOKEN_FILE: '' } });
      expect(ended).toMatchObject({ code: 69, stderr: expect.stringContaining('development stack') });
      expect(callers).toEqual([]);
    }));
});

test('a page cannot do what the command does', async () => {
  const headers = { ...authorized, origin: 'http://127.0.0.1' };
  expect((await fetch(`${stand.url}/v1/flows/orders-token`, { method: 'POST', headers })).status).toBe(403);
});
