import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { createHome, type Running } from '../../e2e/home.ts';

const home = createHome();
const stacks: Running[] = [];
// what a failed test leaves running is not the next one's
afterEach(async () => {
  for (const { child } of stacks) child.kill('SIGTERM');
  await Promise.all(stacks.splice(0).map((stack) => stack.ended));
});
afterAll(() => home.close());

async function dev(...words: readonly string[]): Promise<Running> {
  const stack = home.start(['dev', ...words]);
  stacks.push(stack);
  await stack.shows(ready);
  return stack;
}

const ready = 'Ctrl-C stops everything.';

/** The files by which stacks are found. */
function announced(): string[] {
  const folder = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('development-')) : [];
}

async function ended(stack: Running, signal: NodeJS.Signals) {
  stack.child.kill(signal);
  return (await stack.ended).code;
}

test('a folder of one’s own, with no service.yaml, runs beside another, and leaves nothing behind', async () => {
  home.write(
    'mine/partner-token.yaml',
    `description: a partner's token
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.partner }}
      client-id: 'op://Team vault/ACL: Auth0 M2M — my-agent/client id'
      client-secret: 'op://Team vault/ACL: Auth0 M2M — my-agent/credential'
      audience: https://partner.example
      scope: [read:things]
output: \${{ steps.token }}
`,
  );
  home.write(
    'mine/push.yaml',
    `description: a push
steps:
  - id: push
    uses: secrets-manager/push
    with:
      store: \${{ stores.runtime }}
      secrets:
        - { name: mine/key, value: op://Team vault/Key/credential }
output: \${{ steps.push.counts }}
`,
  );
  home.askBy('onepassword-connect', 'mine');
  const [stack, shipped] = await Promise.all([dev('--dir', 'mine'), dev()]);
  const text = await stack.shows(ready);
  expect(announced()).toHaveLength(2);
  for (const name of announced()) {
    expect(statSync(join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain', name)).mode & 0o777).toBe(0o600);
  }

  const environment = ['--environment', 'development', '--dir', 'mine'];
  const [token, push, other] = await Promise.all([
    home.flows(['partner-token', '--json', ...environment]),
    home.flows(['push', '--yes', ...environment]),
    home.flows(['orders-token']),
  ]);
  expect([token.code, token.stderr]).toEqual([0, expect.stringMatching(/^partner-token: .*\n$/)]);
  expect(JSON.parse(token.stdout)).toMatchObject({ scope: 'read:things', token_type: 'Bearer' });
  expect([push.code, push.stdout]).toMatchObject([0, expect.stringContaining('"create":1')]);
  expect(other.code).toBe(0);
  // the commands that it prints name what they need
  expect(text.match(/^ {2}npx .*$/gm)).toEqual([
    '  npx --no-install flows --dir mine',
    '  npx --no-install flows check --dir mine',
    '  npx --no-install flows partner-token --json --environment development --dir mine',
    '  npx --no-install flows push --plan --environment development --dir mine',
  ]);

  // one stack for one folder
  const second = await home.flows(['dev', '--dir', 'mine/../mine']);
  expect([second.code, second.stdout]).toEqual([73, '']);
  expect(second.stderr).toMatch(new RegExp(`^error: .*process ${stack.child.pid}.*\n$`));

  expect(await ended(shipped, 'SIGTERM')).toBe(0);
  expect(announced()).toHaveLength(1);
  // npm passes on a Ctrl-C that the terminal has sent already; all is cleaned up, whichever ends the process
  stack.child.kill('SIGINT');
  await ended(stack, 'SIGINT');
  expect(announced()).toEqual([]);
  expect((await home.flows(['orders-token'])).code).toBe(69);
});

test('what a killed stack leaves behind is noticed, and the next one takes over', async () => {
  home.askBy('onepassword-connect');
  const stack = await dev();
  expect(await ended(stack, 'SIGKILL')).toBeNull();
  expect(announced()).toHaveLength(1);
  const stale = await home.flows(['orders-token']);
  expect([stale.code, stale.stdout]).toEqual([69, '']);
  expect(stale.stderr).toMatch(/^error: .*stale.*`flows dev`.*\n$/);

  const trails = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain/audit/laptop');
  mkdirSync(trails, { recursive: true });
  const forgotten = join(trails, 'broker-development-0123456789abcdef.jsonl');
  writeFileSync(forgotten, '');
  utimesSync(forgotten, 0, 0);
  const next = await dev();
  expect(existsSync(forgotten)).toBe(false);
  expect((await home.flows(['read', 'op://Agents/OpenAI/credential'])).code).toBe(0);
  expect(await ended(next, 'SIGHUP')).toBe(0);
  expect(announced()).toEqual([]);
});

test('a file that others can read is not believed', async () => {
  const stack = await dev();
  const [name = ''] = announced();
  const file = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain', name);
  expect(readFileSync(file, 'utf8')).not.toBe('');
  chmodSync(file, 0o644);
  const refused = await home.flows(['orders-token']);
  expect([refused.code, refused.stdout]).toEqual([2, '']);
  chmodSync(file, 0o600);
  expect(await ended(stack, 'SIGINT')).toBe(0);
});

test('a broken flow is left out and the others run; a broken service.yaml stops it', async () => {
  home.write(
    'half/good.yaml',
    'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/B/c } }]\n',
  );
  home.write('half/bad.yaml', 'steps: 1\n');
  home.askBy('onepassword-connect', 'half');
  const stack = await dev('--dir', 'half');
  expect(await stack.shows(ready)).toContain('flow "bad" has problems');
  expect((await home.flows(['read', 'op://A/B/c', '--dir', 'half', '--environment', 'development'])).code).toBe(0);
  await ended(stack, 'SIGINT');

  const twice = 'op://A/Twice/password';
  home.write('twice/service.yaml', 'environments: { development: { } }\n');
  home.write(
    'twice/sign-in.yaml',
    `description: x
steps:
  - id: sign-in
    uses: idp/sign-in
    with: { provider: '\${{ identity-providers.main }}', username: x, password: ${twice}, one-time-password: ${twice} }
`,
  );
  const both = await home.flows(['dev', '--dir', 'twice']);
  expect([both.code, both.stdout, both.stderr]).toEqual([2, '', expect.stringMatching(`^error: ${twice}: .*\n$`)]);

  home.write('worse/service.yaml', 'enviroments: {}\n');
  const worse = await home.flows(['dev', '--dir', 'worse']);
  expect([worse.code, worse.stdout]).toEqual([2, '']);
  expect(worse.stderr).toContain('worse/service.yaml:1:1');

  home.write('values/development.yaml', 'value: {}\nvalues: { op://A/B/c: { d: e } }\n');
  const [values, check] = await Promise.all([
    home.flows(['dev', '--dir', 'values']),
    home.flows(['check', '--dir', 'values']),
  ]);
  expect([values.code, check.code]).toEqual([2, 2]);
  expect(values.stderr.match(/^values\/development\.yaml:\d+:\d+: /gm)).toEqual([
    'values/development.yaml:1:1: ',
    'values/development.yaml:2:23: ',
  ]);
  expect(check.stderr).toBe(`${values.stderr}error: 2 problems in 1 file\n`);
});
