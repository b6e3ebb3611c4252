import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { bearerHash } from '../../../src/broker/authentication/bearer-token.ts';
import { createHome } from '../../e2e/home.ts';

const home = createHome();
afterAll(() => home.close());

home.write('wrong/policy.yaml', 'agents: { codex: { allow: [a.b] } }\n');
// the shipped folder, with a token for its agent
cpSync(join(home.work, 'flows'), join(home.work, 'proven'), { recursive: true });
home.write(
  'proven/policy.yaml',
  readFileSync(join(home.work, 'flows/policy.yaml'), 'utf8').replace(
    '  codex:\n',
    `  codex:\n    tokens: ['sha256:${'a'.repeat(64)}']\n`,
  ),
);

const policyFile = (dir: string) => readFileSync(join(home.work, dir, 'policy.yaml'), 'utf8');
const only = (dir: string) => home.write(`${dir}/policy.yaml`, '# ours\ndefault: deny # always\n');

describe('flows agents', () => {
  it('gives a token once, keeps its hash, and everything else as it was', async () => {
    const before = policyFile('flows');
    const { code, stdout, stderr } = await home.flows(['agents', 'add', 'codex', '--expires', '90d']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^flows_[0-9A-Za-z]{38}\n$/)]);
    const hash = bearerHash(stdout.trim()) ?? '';
    const after = policyFile('flows');
    expect(after).toContain(hash);
    expect(after).not.toContain(stdout.trim());
    expect(stderr).not.toContain(stdout.trim());
    expect(after.split('\n').filter((line) => !line.includes('tokens:'))).toEqual(before.split('\n'));
    const listed = await home.flows(['agents', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toEqual([
      {
        name: 'codex',
        tokens: [{ sha256: hash.slice(0, 12), expires: expect.stringMatching(/^20\d\d-/) as string, expired: false }],
        trust: [],
      },
    ]);
    expect((await home.flows(['agents'])).stdout).toMatch(
      new RegExp(`^codex  token sha256:${hash.slice(0, 12)}…, until `),
    );
    expect((await home.flows(['check'])).code).toBe(0);
  });

  it('replaces and ends tokens', async () => {
    only('own');
    chmodSync(join(home.work, 'own/policy.yaml'), 0o640);
    const run = async (...words: string[]) => {
      const ended = await home.flows(['agents', ...words, '--dir', 'own']);
      return { ...ended, hash: bearerHash(ended.stdout.trim()) ?? '' };
    };
    const first = await run('add', 'ada');
    expect(first.stderr).toContain('is new and may have nothing yet');
    const second = await run('add', 'ada');
    expect((await run('add', 'ada')).code).toBe(73);
    const third = await run('rotate', 'ada');
    expect(third.stderr).toContain('1 older token is worth nothing any more');
    const hashes = () => [first, second, third].map(({ hash }) => policyFile('own').includes(hash));
    expect(hashes()).toEqual([false, true, true]);
    expect((await run('revoke', 'ada')).code).toBe(2);
    expect((await run('revoke', 'ada', '--token', `sha256:${second.hash.slice(0, 12)}`)).code).toBe(0);
    expect(hashes()).toEqual([false, false, true]);
    expect((await run('revoke', 'ada', '--all')).code).toBe(0);
    expect(hashes()).toEqual([false, false, false]);
    expect(policyFile('own')).toMatch(/^# ours\ndefault: deny # always\n/);
    expect(statSync(join(home.work, 'own/policy.yaml')).mode & 0o777).toBe(0o640);
  });

  it('rotates a token that ends to one that lives as long, and says so', async () => {
    only('lasting');
    const run = (...words: string[]) => home.flows(['agents', ...words, '--dir', 'lasting']);
    const lives = async () => {
      const { stdout } = await run('list', '--json');
      const [ada] = JSON.parse(stdout) as readonly {
        readonly tokens: readonly { readonly expires: string | null }[];
      }[];
      return ada?.tokens.map(({ expires }) =>
        expires === null ? 'for ever' : Math.round((Date.parse(expires) - Date.now()) / 3_600_000),
      );
    };
    await run('add', 'ada', '--expires', '36h');
    const rotated = await run('rotate', 'ada');
    expect(rotated.stderr).toMatch(/^it ends at 20\S+Z, as long a life as the one before it had$/m);
    expect(await lives()).toEqual([36, 36]);
    // an end that a person wrote, who did not write when it began
    home.write('lasting/policy.yaml', policyFile('lasting').replaceAll(/issued: [^,]+, /g, ''));
    const unknown = await run('rotate', 'ada');
    expect([unknown.code, unknown.stdout]).toEqual([2, '']);
    expect(unknown.stderr).toContain('--expires 90d, or --expires never');
    await run('rotate', 'ada', '--expires', '2h');
    const endless = await run('rotate', 'ada', '--expires', 'never');
    expect(endless.stderr).toContain('it does not end');
    expect(await lives()).toEqual([2, 'for ever']);
  });

  test.each<[string, number, RegExp]>([
    ['agents ad codex', 2, /did you mean "add"/],
    ['agents add', 2, /an agent is wanted/],
    ['agents add Codex', 2, /is not an agent's name/],
    ['agents add ../x', 2, /is not an agent's name/],
    ['agents add unknown', 2, /is not an agent's name/],
    ['agents add codex extra', 2, /unexpected word "extra"/],
    ['agents add codex --expires soon', 2, /--expires takes a time to come/],
    ['agents add codex --expires 2001-01-01T00:00:00Z', 2, /--expires takes a time to come/],
    ['agents rotate codxe', 2, /did you mean "codex"/],
    ['agents revoke nobody-at-all', 2, /has no agent/],
    ['agents revoke codex --all --token aaa', 2, /two things/],
    ['agents list --jsn', 2, /--json/],
    ['agents --environment nowhere', 2, /unknown environment "nowhere"/],
    ['agents add codex --environment nowhere', 2, /unknown environment "nowhere"/],
    ['agents add codex --dir nowhere', 2, /no folder/],
  ])('%s', async (line, code, told) => {
    const ended = await home.flows(line.split(' '));
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(told);
  });

  it('leaves the file whole wherever it is killed, and the next one goes on', async () => {
    home.write('killed/policy.yaml', '# ours\ndefault: deny # always\nagents: { ada: { max-ttl: 15m } }\n');
    const whole = async () => {
      const { stdout, code } = await home.flows(['agents', 'list', '--json', '--dir', 'killed']);
      const [ada] = JSON.parse(stdout) as readonly { readonly tokens: readonly unknown[] }[];
      expect([code, policyFile('killed').startsWith('# ours\ndefault: deny # always\n')]).toEqual([0, true]);
      return ada?.tokens.length ?? 0;
    };
    let tokens = 0;
    // from before the file is read to after the answer; how long that takes here, a whole run tells
    const started = performance.now();
    expect((await home.flows(['agents', 'rotate', 'ada', '--dir', 'killed'])).code).toBe(0);
    const length = performance.now() - started;
    for (const share of [0.3, 0.5, 0.6, 0.7, 0.8, 0.9]) {
      const { child, ended } = home.start(['agents', 'rotate', 'ada', '--dir', 'killed']);
      const timer = setTimeout(() => child.kill('SIGKILL'), length * share);
      await ended;
      clearTimeout(timer);
      const now = await whole();
      expect(now).toBeGreaterThanOrEqual(tokens);
      tokens = now;
    }
    expect((await home.flows(['agents', 'rotate', 'ada', '--dir', 'killed'])).code).toBe(0);
    expect(await whole()).toBe(2);
  });

  it('does not touch a file that is wrong', async () => {
    const ended = await home.flows(['agents', 'add', 'codex', '--dir', 'wrong']);
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toMatch(/wrong\/policy\.yaml:1:28: unknown secret "a\.b"/);
    expect(policyFile('wrong')).toBe('agents: { codex: { allow: [a.b] } }\n');
  });
});

describe('flows policy', () => {
  it('explains what is allowed and denied', async () => {
    const denied = await home.flows([
      'policy',
      'explain',
      '--agent',
      'codex',
      '--secret',
      'stripe.live_key',
      '--dir',
      'proven',
    ]);
    expect([denied.code, denied.stdout, denied.stderr]).toEqual([
      0,
      'denied: no rule of policy.yaml allows agent "codex" to read "stripe.live_key" (default: deny)\n',
      '',
    ]);
    const allowed = await home.flows(['policy', 'explain', '--agent', 'codex', '--flow', 'orders-token', '--json']);
    expect(JSON.parse(allowed.stdout)).toMatchObject({ allowed: true });
  });

  it('passes the shipped cases, and fails with the place of each that is not so', async () => {
    expect(await home.flows(['policy', 'test'])).toMatchObject({
      code: 0,
      stdout: '8 cases: as expected\n',
      stderr: '',
    });
    home.write('cases.yaml', 'cases:\n  - { agent: codex, flow: orders-token, expect: denied }\n');
    const failed = await home.flows(['policy', 'test', 'cases.yaml']);
    expect([failed.code, failed.stdout]).toEqual([4, '']);
    expect(failed.stderr).toMatch(
      /^cases\.yaml:2:49: expected denied \(allowed: policy\.yaml:\d+:\d+ allows[^]*error: 1 of 1 cases/,
    );
    const json = await home.flows(['policy', 'test', 'cases.yaml', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ cases: [{ passed: false, expected: 'denied', allowed: true }] });
    expect(json.code).toBe(4);
  });

  it('explains a request that was answered, and keeps what the agent sent on its line', async () => {
    const event = { agent: 'codex', action: 'secrets.resolve', outcome: 'denied', code: 'not-allowed' };
    const line = { seq: 1, at: '2026-11-22T07:00:00.000Z', ...event, rule: 'default: deny', mac: '' };
    const lines = [
      { ...line, what: ['stripe.live_kye'], request: 'r-1' },
      { ...line, what: ['a\u001b[31m\nb'], request: 'r-2' },
    ];
    const state = home.env['XDG_STATE_HOME'] ?? '';
    mkdirSync(join(state, 'auth-chain/audit'), { recursive: true });
    const trail = join(state, 'auth-chain/audit/broker-production.jsonl');
    writeFileSync(trail, lines.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const ask = (...words: string[]) =>
      home.flows(['policy', 'explain', '--dir', 'proven', '--environment', 'production', '--request', ...words]);
    expect(await ask('r-1')).toMatchObject({
      code: 0,
      stdout: `2026-11-22T07:00:00.000Z: secrets.resolve of "codex" for stripe.live_kye was denied (not-allowed; by default: deny)
  now denied: no rule of policy.yaml allows agent "codex" to read "stripe.live_kye" (default: deny)
    registry.yaml has no secret "stripe.live_kye" (did you mean "stripe.live_key"?)
`,
    });
    expect(JSON.parse((await ask('r-1', '--json')).stdout)).toMatchObject([
      { event: { request: 'r-1' }, names: [{ name: 'stripe.live_kye', allowed: false }] },
    ]);
    const hostile = await ask('r-2');
    expect(hostile.stdout).not.toContain('\u001b');
    expect(hostile.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(await ask('r-3')).toMatchObject({ code: 66, stdout: '' });
    expect(await ask('r-1', '--agent', 'codex')).toMatchObject({ code: 2, stdout: '' });
  });

  test.each<[string, RegExp]>([
    ['policy', /flows policy explain, or flows policy test/],
    ['policy explan', /did you mean "explain"/],
    ['policy explain --agent codex', /an agent and one secret, flow or path/],
    ['policy explain --agent codex --secret a --flow b', /an agent and one secret, flow or path/],
    [
      'policy test nowhere.yaml',
      /there are no cases: nowhere\.yaml: there is no such file \(begin nowhere\.yaml with cases: /,
    ],
    ['policy test flows/policy.yaml', /policy\.yaml has problems/],
    ['policy explain --agent codex --secret a.b --dir wrong', /wrong\/policy\.yaml:1:28[^]*has problems/],
  ])('%s', async (line, told) => {
    const ended = await home.flows(line.split(' '));
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toMatch(told);
  });
});
