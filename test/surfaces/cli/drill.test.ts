import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFolder } from '../../../src/app/open-folder.ts';
import { breakGlassState } from '../../../src/audit/break-glass-state.ts';
import { trailsOf } from '../../../src/audit/find-trails.ts';
import { breakGlassIn } from '../../../src/folder/break-glass-accounts.ts';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { startReceiver } from '../../adapters/channels/receiver.ts';
import { ed25519KeyOf, ed25519Text } from '../../../src/foundation/ed25519.ts';
import { createHome } from '../../e2e/home.ts';
import { python } from '../../programs.ts';

const home = createHome(true, 'onepassword-connect');
let status = 204;
const receiver = await startReceiver(() => ({ status }));
let stack: RunningStack;
let key = '';
let evidence = '';

beforeAll(async () => {
  home.write(
    'flows/service.yaml',
    `default-environment: development
environments:
  development:
    vars: { break-glass: break-glass@example.com, break-glass-second: break-glass-2@example.com, prefix: dev }
    notify: { ops: { type: webhook, url: '${receiver.url}', secret: op://Agents/ops webhook/password } }
`,
  );
  edit(
    'break-glass',
    'break-glass: { close: break-glass-close }',
    'break-glass: { notify: ops, proven-within: 1d, close: break-glass-close }',
  );
  home.write(
    'flows/break-glass-close.yaml',
    `description: what a use owes
steps: [{ id: read, uses: vault/read, with: { reference: op://Accounts/Break Glass/password } }]
output: { done: 'yes' }
`,
  );
  stack = await home.stack();
});
afterAll(async () => {
  await home.close();
  await receiver.close();
});

function edit(flow: string, found: string, instead: string): void {
  const file = join(home.work, `flows/${flow}.yaml`);
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(found);
  writeFileSync(file, text.replace(found, instead));
}

/** What is red, by the trails that the commands have left. */
async function troubles(): Promise<readonly string[]> {
  const folder = await openFolder(join(home.work, 'flows'), {});
  const environment = folder.settings.environments.get('development');
  if (environment === undefined) throw new Error('no laptop');
  const trails = trailsOf(environment, join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain'));
  const state = await breakGlassState(breakGlassIn(folder, environment).flows, trails, Date.now());
  return state.troubles.map(({ code }) => code);
}

describe('flows drill', () => {
  test('signs in, tells whom break-glass tells, and prints evidence that the key alone verifies', async () => {
    const [drilled, printed] = [
      await home.flows(['drill', 'break-glass-drill', '--json']),
      await home.flows(['drill', 'key']),
    ];
    expect([drilled.code, drilled.stderr, printed.code]).toEqual([0, '', 0]);
    [evidence, key] = [drilled.stdout, printed.stdout.trim()];
    expect(evidence.split('\n')).toHaveLength(2);
    expect(receiver.posts()).toHaveLength(1);
    // an auditor has neither folder, vault nor home
    const auditor = createHome(false);
    try {
      const options = { cwd: auditor.work, env: { FLOWS_DIR: '/nowhere' } };
      auditor.write('evidence.json', evidence);
      const verified = await auditor.flows(['drill', 'verify', 'evidence.json', '--key', key], options);
      expect([verified.code, verified.stdout]).toEqual([
        0,
        expect.stringMatching(/^ok +line 1: break-glass-drill in development at .*: break-glass@example\.com: held\n$/),
      ]);
      expect(readdirSync(join(auditor.path, 'state'))).toEqual([]);
      auditor.write('evidence.json', evidence.replace('break-glass@example.com', 'break-glass@example.net'));
      const changed = await auditor.flows(['drill', 'verify', 'evidence.json', '--key', key], options);
      expect([changed.code, changed.stdout]).toEqual([73, 'not  line 1: it is not what was signed\n']);
    } finally {
      await auditor.close();
    }
  });

  test('it stands on the trail, chained, where it is evidence too', async () => {
    const { stdout } = await home.flows(['audit', '--action', 'drill.finished', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'allowed', evidence: JSON.parse(evidence) as object });
    expect(await home.flows(['audit', 'verify'])).toMatchObject({ code: 0 });
    const verified = await home.flows(['drill', 'verify', '-', '--key', key, '--json'], { input: stdout });
    expect([verified.code, JSON.parse(verified.stdout)]).toMatchObject([0, [{ line: 1, evidence: { held: true } }]]);
  });

  test.runIf(python)('forty lines of Python verify it too, without anything installed', () => {
    const scripts = [...readFileSync('infra/README.md', 'utf8').matchAll(/```python\n([\s\S]*?)```/g)];
    const script = scripts.map(([, text = '']) => text).find((text) => text.includes('flows drill v1')) ?? '';
    expect(script.trim().split('\n').length).toBeLessThanOrEqual(40);
    home.write('verify-drill.py', script);
    const check = (input: string, given = key) => {
      const args = [join(home.work, 'verify-drill.py'), given];
      const { stdout, stderr } = spawnSync('python3', args, { input, encoding: 'utf8' });
      return stdout + stderr;
    };
    expect(check(evidence)).toMatch(/^ok break-glass-drill \S+ held\n$/);
    expect(check(evidence.replace('held\\":true', 'held\\":false'))).toMatch(/^NOT SIGNED/);
    const signed = JSON.parse(evidence) as { signature: string };
    const bytes = Buffer.from(signed.signature, 'base64url');
    for (const index of [0, 31, 32, 63]) {
      const wrong = Buffer.from(bytes);
      wrong[index] = (wrong[index] ?? 0) ^ 1;
      const changed = JSON.stringify({ ...signed, signature: wrong.toString('base64url') });
      expect(check(changed)).toMatch(/NOT SIGNED|no point of the curve/);
    }
    const other = ed25519Text(ed25519KeyOf(new Uint8Array(32).fill(1)).public);
    expect(check(evidence, other)).toMatch(/^NOT SIGNED/);
  });

  test.each([
    [
      'drill orders-token',
      2,
      /the flow "orders-token" is no drill \(one of: break-glass-drill, break-glass-second-drill\)/,
    ],
    ['drill break-glass-dril', 2, /unknown flow "break-glass-dril"/],
    ['drill verify', 2, /no file is named/],
    ['drill verify evidence.json', 2, /no key is given, and the one in the evidence proves nothing/],
    ['drill verify evidence.json --key short', 2, /this is no public key/],
    ['drill verify nowhere.json --key KEY', 66, /nowhere\.json: the file cannot be read/],
    ['drill verify flows/service.yaml --key KEY', 2, /there is no evidence in it/],
    ['drill key extra', 2, /unexpected word "extra"/],
    ['check --drills --online', 2, /--online and --drills are several answers/],
  ])('flows %s: one clear line', async (line, code, told) => {
    const ended = await home.flows(line.replace('KEY', key).split(' '));
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(told);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('one that fails is red, ends with 4, and undoes the proof before it', async () => {
    status = 503;
    stack.identityProvider.faults.askNoCode(true);
    const { code, stdout } = await home.flows(['drill', 'break-glass-drill']);
    stack.identityProvider.faults.askNoCode(false);
    status = 204;
    expect(code).toBe(4);
    expect(stdout).toMatch(/^broken +break-glass-drill +[\d.]+ s\n/);
    expect(stdout).toMatch(/step "sign-in": the identity provider lets user .* in without a one-time code/);
    expect(stdout).toMatch(/people are not told: channel "ops" answers 503/);
    const check = await home.flows(['check', '--drills']);
    expect([check.code, check.stderr]).toEqual([4, 'error: 2 things to see to in environment development\n']);
    expect(check.stdout).toMatch(
      /^red +break-glass@example\.com +its last drill failed: .*without a one-time code.*$/m,
    );
    expect(check.stdout).toMatch(/^red +break-glass-2@example\.com +it was never proven .*$/m);
  });
});

test('break-glass is green once both accounts are proven: none is the only one', async () => {
  expect(await home.flows(['drill'])).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await home.flows(['check', '--drills']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.match(/^proven +\S+/gm)).toEqual([
    expect.stringContaining('break-glass-2@example.com'),
    expect.stringContaining('break-glass@example.com'),
  ]);
});

describe('a use of break-glass', () => {
  test('is owed its close from then on, with who and why, and flows NAME close ends that', async () => {
    expect((await home.flows(['break-glass', '--json', '--reason', 'the database is down'])).code).toBe(0);
    expect(await troubles()).toContain('not-closed');
    expect((await home.flows(['break-glass', 'close', '--plan'])).code).toBe(0);
    expect(await troubles()).toContain('not-closed');
    const closed = await home.flows(['break-glass', 'close']);
    expect([closed.code, closed.stdout]).toEqual([0, 'done: yes\n']);
    expect(closed.stderr).toContain('done: break-glass is closed: what its use owed was done by break-glass-close');
    expect(await troubles()).not.toContain('not-closed');
  });

  test('stays open where its close fails', async () => {
    await home.flows(['break-glass', '--json']);
    edit('break-glass-close', 'op://Accounts/Break Glass/password', 'op://Accounts/Gone/password');
    expect((await home.flows(['break-glass', 'close'])).code).toBe(66);
    expect(await troubles()).toContain('not-closed');
    edit('break-glass-close', 'op://Accounts/Gone/password', 'op://Accounts/Break Glass/password');
  });

  test('makes flows check red, in any environment but the laptop', async () => {
    // the same lines, as those of an environment where something real is given
    const audit = join(home.path, 'state/auth-chain/audit');
    const [trail = ''] = readdirSync(join(audit, 'laptop')).filter((name) => name.startsWith('local-'));
    home.write(
      'flows/service.yaml',
      `${readFileSync(join(home.work, 'flows/service.yaml'), 'utf8')}  production:
    vars: { break-glass: break-glass@example.com, break-glass-second: break-glass-2@example.com, prefix: prod }
    vault: { type: onepassword, token: { file: /run/credentials/agents } }
    key: op://Agents/auth-chain key/password
    issuers: { main: { url: https://login.example.com/realms/main } }
    identity-providers:
      main:
        type: scim
        url: https://login.example.com/scim/v2
        token-flow: scim-token
        sign-in: { issuer: main, client-id: a, redirect-uri: https://login.example.com/cb, pages: keycloak }
      realm: { type: keycloak, url: https://login.example.com/realms/main, token-flow: realm-token }
    stores: { aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' } }
    apis: { orders: { url: https://orders.example, methods: [POST], paths: [/orders], token: bearer } }
    notify: { ops: { type: webhook, url: https://hooks.example, secret: op://Agents/ops webhook/password } }
`,
    );
    expect(await home.flows(['check'])).toMatchObject({ code: 0, stderr: '' });
    const name = trail.replace('@development-', '@production-');
    writeFileSync(join(audit, name), readFileSync(join(audit, 'laptop', trail)));
    const red = await home.flows(['check']);
    expect(red.code).toBe(4);
    expect(red.stderr).toMatch(
      /^error: break-glass in environment production: local:\S+ used it at .* \(run flows break-glass close --environment production\)\n$/,
    );
  });

  test('is not closed by a word after another flow, nor where nothing is said of how', async () => {
    const other = await home.flows(['orders-token', 'close']);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('unexpected word "close"')]);
    edit('break-glass', ', close: break-glass-close', '');
    const unsaid = await home.flows(['break-glass', 'close']);
    expect([unsaid.code, unsaid.stderr]).toEqual([2, expect.stringContaining('break-glass: { close: FLOW }')]);
  });
});
