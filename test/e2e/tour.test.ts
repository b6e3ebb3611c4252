import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHome, type Ended, type Home, source } from './home.ts';

const whole = createHome();
const broken = createHome();
const interrupted = createHome();
let ended: Promise<Ended>;
let endedBroken: Promise<Ended>;
beforeAll(() => {
  // what `npm start` runs, from its sources and by the SDK; the others by the built command and by Connect
  ended = whole.start([], { program: [process.execPath, '--no-warnings', source, 'dev', '--tour', '--once'] }).ended;
  // a token for another API, which the Orders API does not take
  const token = readFileSync(join(broken.work, 'flows/orders-token.yaml'), 'utf8');
  broken.write('flows/orders-token.yaml', token.replace('https://orders.example', 'https://other.example'));
  broken.askBy('onepassword-connect');
  // without an agent there is no broker, whose lines the other has
  broken.write('flows/policy.yaml', 'agents: {}\n');
  endedBroken = broken.flows(['dev', '--tour', '--once']);
});
afterAll(async () => {
  await Promise.all([whole.close(), broken.close(), interrupted.close()]);
});

function announced(home: Home): string[] {
  return readdirSync(join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain')).filter((name) =>
    /\.(?:json|token)$/.test(name),
  );
}

const lines = [
  'check',
  'orders-token',
  'Orders API, no token',
  'Orders API, token',
  'orders-token again',
  'break-glass',
  'break-glass-drill',
  'new-user, plan',
  'new-user, run',
  'rotate-orders-client',
  'old and new secret',
  'rotate-orders-client again',
  'seed-runtime, plan',
  'seed-runtime, run',
  'seed-runtime, plan again',
  'codex: openai.api_key',
  'codex: openai.api_key again',
  'codex: stripe.live_key',
  'codex: orders-token',
  'codex: orders-token again',
  'codex: flows exec',
  'codex: flows mcp',
  'codex: a narrower run',
  'codex: create-order',
  'codex: seed-runtime',
  'ann: yes',
  'codex: seed-runtime, approved',
  'flows trace',
  'audit verify',
];

/** Those that need no broker. */
const ownLines = lines.slice(0, lines.indexOf('codex: openai.api_key'));

/** The tour's lines: whether each held, and its name. */
function toldOf({ stdout }: Pick<Ended, 'stdout'>): string[][] {
  const told = stdout.matchAll(/^(ok|FAIL) +(.+?) +\d+ ms(?: |$)/gm);
  return [...told].map(([, result = '', name = '']) => [result, name]);
}

test('README.md shows a part of it', () => {
  const shown = toldOf({ stdout: readFileSync('README.md', 'utf8') }).map(([, name]) => name);
  expect(shown.length).toBeGreaterThan(5);
  expect(lines.filter((name) => shown.includes(name))).toEqual(shown);
});

test('a line that fails: the others go on, and the end is 4', async () => {
  const failed = await endedBroken;
  expect([failed.code, failed.stdout]).toEqual([
    4,
    expect.stringMatching(`\n1 of ${ownLines.length} lines did not hold in .*\\.\n`),
  ]);
  expect(toldOf(failed).map(([, name]) => name)).toEqual(ownLines);
  expect(toldOf(failed).filter(([result]) => result === 'FAIL')).toEqual([['FAIL', 'Orders API, token']]);
  expect(announced(broken)).toEqual([]);
});

test('every line holds, in order, with its time, and the end is 0', async () => {
  const { code, stdout } = await ended;
  expect(toldOf(await ended)).toEqual(lines.map((name) => ['ok', name]));
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(
      /^All lines held in [\d.]+ s: \d+ vault requests, \d+ token requests, \d+ SCIM requests, \d+ AWS calls\.\n$/m,
    ),
  ]);
  // the decoded header and claims, never the token; a hidden password, and a code with its seconds
  expect(stdout).toMatch(/"alg":"ES256","typ":"at\+jwt"/);
  expect(stdout).toMatch(/"aud":"https:\/\/orders\.example"/);
  expect(stdout).not.toMatch(/ey[\w-]+\.ey/);
  expect(stdout).toMatch(/password +•+\n +one-time-code +\d{3} \d{3} +valid for \d+ s\n/);
  // whole, as `flows trace --jti` takes it
  expect(stdout).toMatch(/^ok +flows trace +\d+ ms {2}the API saw codex, policy\.yaml:\d+:\d+\n {8}jti [\w-]{16,}$/m);
  expect(stdout).not.toMatch(/[ \t]$/m);
  expect(stripVTControlCharacters(stdout)).toBe(stdout);
  expect(announced(whole)).toEqual([]);
});

test('interrupted, it ends at once and leaves nothing behind', async () => {
  interrupted.askBy('onepassword-connect');
  const running = interrupted.start(['dev', '--tour']);
  await running.shows(/^ok +orders-token /m);
  running.child.kill('SIGINT');
  const { code, stdout } = await running.ended;
  expect(code).toBe(130);
  expect(stdout).not.toContain('All lines held');
  expect(announced(interrupted)).toEqual([]);
});
