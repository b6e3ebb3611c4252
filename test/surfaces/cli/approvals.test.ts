import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createClient } from '../../../src/client/index.ts';
import { pagePaths } from '../../../src/foundation/wire.ts';
import { createSoftwarePasskey, type SoftwarePasskey } from '../../../src/laptop/software-passkey.ts';
import { python } from '../../programs.ts';
import { createHome, type Home } from '../../e2e/home.ts';

const policy = `default: deny
agents:
  codex:
    allow: [openai.api_key, stripe.live_key]
    approve:
      - { names: [stripe.live_key], by: [ann] }
`;
let home: Home;
let page: string;
let url: string;
let token: string;
let passkey: SoftwarePasskey;
let session: string;

async function fromPage(path: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(`${page}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { origin: page, authorization: `Bearer ${session}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as Record<string, unknown>;
}

const asked = (options: unknown) => ({
  challenge: Buffer.from((options as { challenge: string }).challenge, 'base64url'),
  origin: page,
  rpId: 'localhost',
});

async function decide(id: string, decision: 'approve' | 'deny'): Promise<Record<string, unknown>> {
  const challenge = async () => fromPage(pagePaths.challenge.replace('{id}', id), { decision });
  // who was added to policy.yaml a moment ago may answer once the file has been the same for two seconds
  await expect.poll(challenge).toHaveProperty('options');
  const { ticket, options } = await challenge();
  return fromPage(pagePaths.decision.replace('{id}', id), { ticket, assertion: passkey.assert(asked(options)) });
}

const client = (approval: 'wait' | 'fail' = 'fail') =>
  createClient({ broker: url, token, approval, reason: 'refund 7' });
const secret = async (approval?: 'wait' | 'fail') => client(approval).secrets(['stripe.live_key']);

async function waiting(): Promise<string> {
  for (;;) {
    const { stdout } = await home.flows(['approvals', '--json']);
    const [card] = stdout.split('\n').filter((line) => line !== '');
    if (card !== undefined) return (JSON.parse(card) as { id: string }).id;
  }
}

beforeAll(async () => {
  home = createHome(true, 'onepassword-connect');
  home.write('flows/policy.yaml', policy.replace('approve:', 'approve: []\n    # ').replace(/ {6}- .*\n/, ''));
  // the client in this process looks for the broker's certificate where the commands do
  await home.stack();
  token = (await home.flows(['agents', 'add', 'codex'])).stdout.trim();
  const serving = home.start(['serve', '--port', '0']);
  const shown = await serving.shows(/the page for people is \S+/);
  url = /listening on (\S+)/.exec(shown)?.[1] ?? '';
  page = /the page for people is (\S+)/.exec(shown)?.[1] ?? '';
});
afterAll(() => home.close());

test('flows page gives a link by which somebody looks, once, and answers nothing', async () => {
  const { code, stdout, stderr } = await home.flows(['page']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('once, within 15 minutes')]);
  const [, link] = new RegExp(`^${page}/#/page/(\\S+)\n$`).exec(stdout) ?? [];
  const { person, session: own } = await fromPage(pagePaths.login, { link });
  expect(person).toMatchObject({ name: expect.stringMatching(/^local:/), by: 'link' });
  expect(person).not.toHaveProperty('approver');
  expect(await fromPage(pagePaths.login, { link })).toMatchObject({ code: 'not-authenticated' });
  // it serves its files, and they come with the package
  const shown = await fetch(page);
  expect(await shown.text()).toContain('/page/main.js');
  expect((await fetch(`${page}/page/main.js`)).headers.get('content-type')).toMatch(/^text\/javascript/);
  expect(typeof own).toBe('string');
});

test('flows page tells what is missing where no broker has a page', async () => {
  const other = createHome(true, 'onepassword-connect');
  await other.stack();
  const { code, stderr } = await other.flows(['page']);
  await other.close();
  expect([code, stderr]).toEqual([69, expect.stringContaining('no broker with a page runs for')]);
});

describe('people at the command', () => {
  it('are added by a link, which enrols one passkey, and their rules are then in force', async () => {
    const { code, stdout, stderr } = await home.flows(['approvers', 'add', 'ann']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('for "ann" alone, once, within 15 minutes')]);
    const [, link = ''] = new RegExp(`^${page}/#/enrol/ann/(\\S+)\n$`).exec(stdout) ?? [];
    const begun = await fromPage(pagePaths.enrolOptions, { approver: 'ann', link });
    passkey = createSoftwarePasskey();
    const registration = passkey.register(asked(begun['options']));
    const enrolled = await fromPage(pagePaths.enrol, { ticket: begun['ticket'], registration });
    expect(enrolled).toMatchObject({ person: { approver: 'ann' } });
    session = String(enrolled['session']);
    const file = join(home.work, 'flows/policy.yaml');
    expect(readFileSync(file, 'utf8')).toContain(`approvers:\n  ann:\n    passkeys: [{ id: `);
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(
        'approve: []\n    # \n',
        `approve: [{ names: [stripe.live_key], by: [ann] }]\n`,
      ),
    );
    expect((await home.flows(['check'])).stdout).toContain('no problems');
    const listed = await home.flows(['approvers']);
    expect(listed.stdout).toMatch(
      /^ann {2}passkey \S{12}… \(ES256, 20\d\d-\d\d-\d\d\); a software key while npm start runs, which proves nobody\n$/,
    );
  });

  it('see what waits, and all that a yes is bound to', async () => {
    const refusal: unknown = await secret().catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'approval-required',
      approval: { url: expect.stringContaining(page) as string },
    });
    const id = await waiting();
    const { stdout } = await home.flows(['approvals']);
    expect(stdout).toMatch(
      new RegExp(`^${id} {2}codex {2}one call {2}stripe.live_key {2}until .* {2}reason: refund 7\n$`),
    );
    const shown = await home.flows(['approve', id]);
    expect(shown.stdout).toContain('secret       stripe.live_key → op://Agents/Stripe/live key');
    expect(shown.stdout).toMatch(/who +1 of ann \(policy.yaml:\d+:\d+\)/);
    expect(shown.stdout).toContain('claimed by the agent, and bound to nothing:\n  reason       refund 7');
    expect(shown.stdout).toMatch(new RegExp(`\n${page}/#/approvals/${id}\n$`));
  });

  it('approve on the page, and the client that waits gets it', async () => {
    const held = secret('wait');
    expect(await decide(await waiting(), 'approve')).toMatchObject({ state: 'approved' });
    expect((await held)['stripe.live_key'].value).not.toBe('');
  });

  it('say no, at the page or at a terminal, and the client is told so', async () => {
    // who watches has it on their desktop: names, and nothing that the agent says
    const told = join(home.work, 'told');
    home.write('bin/notify-send', `#!/bin/sh\nprintf '%s\\n' "$*" >> ${told}\n`);
    chmodSync(join(home.work, 'bin/notify-send'), 0o755);
    const desktop = { DISPLAY: ':0', PATH: `${join(home.work, 'bin')}:${home.env['PATH']}` };
    const watching = home.start(['approvals', '--watch'], { env: desktop });
    const held = secret('wait').catch((error: unknown) => error);
    const id = await waiting();
    await expect
      .poll(() => (existsSync(told) ? readFileSync(told, 'utf8') : ''))
      .toBe('--app-name=flows -- codex waits for an approval: stripe.live_key\n');
    watching.child.kill('SIGINT');
    const denied = await home.flows(['deny', id]);
    expect(denied).toMatchObject({ code: 0, stderr: expect.stringContaining(`${id}: denied`) });
    expect(await held).toMatchObject({ code: 'approval-denied' });
    expect(await home.flows(['deny', id])).toMatchObject({ code: 73 });
    expect((await home.flows(['approve', id])).stderr).toContain('it is denied');
  });

  test.each([
    [['approve'], 'an approval is missing'],
    [['deny', 'x'], 'that is no approval'],
    [['deny', `a-${'0'.repeat(18)}`], 'the broker'],
    [['approvals', '--state', 'pendng'], 'unknown state "pendng"'],
    [['approvers', 'add'], 'a name is missing'],
    [['approvers', 'add', 'Ann'], '"Ann" is no name for an approver'],
    [['approvers', 'remove', 'anne'], 'policy.yaml has no approver "anne"'],
    [['approvers', 'remove', 'ann', '--passkey', 'zzz'], 'no passkey of theirs begins so'],
  ])('%j is told what is wrong', async (args, message) => {
    const { code, stderr } = await home.flows(args);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('are held to what they signed: the trail can be checked without the broker', async () => {
    const good = await home.flows(['audit', 'verify', '--approvals']);
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('ok: 1 signed by a passkey') });
    const lines = (await home.flows(['audit', '--json'])).stdout;
    const changed = lines.replace(/("statement":"\{\\"v\\":1,.*?\\"lasts\\":)600/, '$1900');
    expect(changed).not.toBe(lines);
    for (const [text, verdict] of [
      [lines, 'ok'],
      [changed, 'challenge'],
      [lines.replace('"approver":"ann","signed"', '"approver":"bo","signed"'), 'the line says something else'],
    ] as const) {
      home.write('trail.jsonl', text);
      const { code, stdout } = await home.flows(['audit', 'verify', '--approvals', '--file', 'trail.jsonl']);
      expect([code, stdout]).toEqual([verdict === 'ok' ? 0 : 73, expect.stringContaining(verdict)]);
    }
  });

  it('are told apart from the laptop’s software key, which no other environment takes', async () => {
    const lines = (await home.flows(['audit', '--json'])).stdout;
    const soft = lines.replace(/("credential":\{)/, '$1"software":true,');
    expect(soft).not.toBe(lines);
    home.write('trail.jsonl', soft);
    const verify = ['audit', 'verify', '--approvals', '--file', 'trail.jsonl'];
    const [here, elsewhere] = [await home.flows(verify), await home.flows([...verify, '--environment', 'production'])];
    expect([here.code, here.stdout]).toEqual([
      0,
      expect.stringContaining(
        '0 signed by a passkey of policy.yaml, 1 by a software key of the laptop, which proves nobody',
      ),
    ]);
    expect([elsewhere.code, elsewhere.stdout]).toEqual([73, expect.stringContaining('only the laptop has one')]);
  });

  test.runIf(python)('a score of lines of Python checks it too', async () => {
    const scripts = [...readFileSync('infra/README.md', 'utf8').matchAll(/```python\n([\s\S]*?)```/g)];
    const script = scripts.map(([, text = '']) => text).find((text) => text.includes('cryptography')) ?? '';
    expect(script.trim().split('\n').length).toBeLessThanOrEqual(20);
    home.write('approvers.json', (await home.flows(['approvers', '--json'])).stdout);
    const check = (text: string) => {
      home.write('trail.jsonl', text);
      const args = ['-c', script, join(home.work, 'approvers.json'), join(home.work, 'trail.jsonl')];
      const { stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' });
      return stdout + stderr;
    };
    const lines = (await home.flows(['audit', '--json'])).stdout;
    expect(check(lines)).toMatch(/^\d+ ann approve a-[0-9a-f]{18}\n$/);
    expect(check(lines.replace(/\\"decision\\":\\"approve\\"/, '\\"decision\\":\\"deny\\"'))).toContain(
      'another statement',
    );
    expect(check(lines.replace('"bound":"{\\"agent', '"bound":"{ \\"agent'))).toContain('something else was bound');
  });

  it('approve nothing any more once their passkey is taken away', async () => {
    expect((await home.flows(['approvers', 'remove', 'ann'])).stderr).toContain('no passkey of "ann" can approve now');
    const gone = await home.flows(['audit', 'verify', '--approvals']);
    expect(gone).toMatchObject({ code: 73, stdout: expect.stringContaining('policy.yaml does not have') });
  });
});
