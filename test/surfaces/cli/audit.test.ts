import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApp } from '../../../src/app/open-app.ts';
import { audited } from '../../../src/surfaces/cli/audit/audited-run.ts';
import { processTerminal } from '../../../src/surfaces/cli/terminal.ts';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../../src/foundation/environment-variables.ts';
import type { Reference } from '../../../src/foundation/reference.ts';
import { createHome } from '../../e2e/home.ts';
import { python } from '../../programs.ts';

const home = createHome(true, 'onepassword-connect');
const user = `local:${userInfo().username}`;
const folder = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain', 'audit/laptop');
let stack: RunningStack;
beforeAll(async () => {
  home.write(
    'flows/one.yaml',
    'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://Agents/OpenAI/credential } }]\noutput: ${{ steps.a }}\n',
  );
  // where an environment has its key, as a rule; the laptop's own stands in a vault of its own
  const service = readFileSync(join(home.work, 'flows/service.yaml'), 'utf8');
  home.write(
    'flows/service.yaml',
    service.replace(/^  development:\n/m, '$&    key: op://Agents/auth-chain key/password\n'),
  );
  stack = await home.stack();
});
afterAll(() => home.close());

const sorted = (rows: readonly unknown[][]) => rows.map((row) => row.join(' ')).toSorted();
const trail = () => {
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return join(folder, file);
};
const events = async (...words: string[]) => {
  const { stdout } = await home.flows(['audit', '--json', ...words]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('what the command gives out', () => {
  beforeAll(async () => {
    await Promise.all([
      home.flows(['orders-token']),
      home.flows(['read', 'op://Agents/OpenAI/credential']),
      home.flows(['read', 'op://Agents/OpenAI/nothing at all']),
      home.flows(['seed-runtime', '--yes']),
    ]);
  });

  test('has the id of each token, from which a command leads back to it', async () => {
    const [issued] = await events('--name', 'orders-token');
    const [jti] = (issued?.['jti'] ?? []) as string[];
    const shown = await home.flows(['trace', '--jti', jti ?? '']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(stripVTControlCharacters(shown.stdout)).toMatch(
      new RegExp(`^${user}: local\\.run orders-token, op://.+\n +tokens +${jti}\n +when +20.+, request \\S+\n$`),
    );
    const json = await home.flows(['trace', '--jti', jti ?? '', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ agent: user, jti: [jti], times: 1, outcome: 'allowed' });
  });

  test.each([
    [['trace'], 2, 'one of --jti and --agent-run is needed'],
    [['trace', '--jti', 'a', '--agent-run', 'b'], 2, 'one of --jti and --agent-run is needed'],
    [['trace', '--jti', 'nobody'], 66, 'the trail knows no token with the jti "nobody"'],
    [['trace', '--agent-run', 'nobody'], 66, 'the trail knows no agent run "nobody"'],
  ])('%s ends with %s', async (words, code, message) => {
    const ended = await home.flows(words);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(code);
  });

  test('is on its user’s trail, without a value', async () => {
    const found = await events();
    const short = found.map(({ agent, action, what, outcome, code }) => [
      agent,
      action,
      (what as string[])[0],
      outcome,
      code,
    ]);
    expect(sorted(short)).toEqual(
      sorted([
        [user, 'local.run', 'orders-token', 'allowed', undefined],
        [user, 'local.read', 'op://Agents/OpenAI/credential', 'allowed', undefined],
        [user, 'local.read', 'op://Agents/OpenAI/nothing at all', 'failed', 'not-found'],
        [user, 'local.run', 'seed-runtime', 'allowed', undefined],
      ]),
    );
    const text = readFileSync(trail(), 'utf8');
    const values = stack.vault.dump().flatMap(({ fields }) => fields.map(({ value }) => value));
    expect(values.filter((value) => value.length > 12 && text.includes(value))).toEqual([]);
  });

  test('is filtered, and shown as a table', async () => {
    expect(await events('--action', 'local.read')).toHaveLength(2);
    expect(await events('--outcome', 'failed', '--since', '1h')).toHaveLength(1);
    expect(await events('--name', 'op://Agents/Orders M2M/credential')).toMatchObject(
      [{ what: ['orders-token', {}, {}] }].map(() => ({ action: 'local.run' })),
    );
    expect(await events('--agent', 'codex')).toEqual([]);
    expect(await events('--until', '2020-01-01')).toEqual([]);
    const [{ request } = {}] = await events('--outcome', 'failed');
    expect(await events('--request', String(request))).toHaveLength(1);
    const { stdout } = await home.flows(['audit', '--outcome', 'failed']);
    expect(stdout).toMatch(
      /^\S+Z {2}local:\S+ +local\.read +failed +op:\/\/Agents\/OpenAI\/nothing at all +not-found; request \S+\n$/,
    );
  });

  test('is that of the stack that runs for the folder: what earlier ones and others left is not mixed with it', async () => {
    const earlier = join(folder, `${basename(trail()).replace(/-[0-9a-f]{16}\.jsonl$/, '')}-${'0'.repeat(16)}.jsonl`);
    const count = (await events()).length;
    writeFileSync(earlier, readFileSync(trail(), 'utf8'));
    try {
      expect(await events()).toHaveLength(count);
      const verified = await home.flows(['audit', 'verify']);
      expect([verified.code, verified.stderr, verified.stdout.split('\n')]).toEqual([0, '', [expect.any(String), '']]);
      expect((await home.flows(['audit', '--json', '--file', earlier])).stdout.trimEnd().split('\n')).toHaveLength(
        count,
      );
    } finally {
      rmSync(earlier);
    }
  });

  test('is told to be of any folder where no stack runs for this one', async () => {
    home.write('other/one.yaml', readFileSync(join(home.work, 'flows/one.yaml'), 'utf8'));
    home.write('other/service.yaml', 'default-environment: development\nenvironments: { development: {} }\n');
    const { code, stdout, stderr } = await home.flows(['audit', '--dir', 'other']);
    expect([code, stdout.split('\n').length > 2]).toEqual([0, true]);
    expect(stderr).toBe('no stack runs for this folder: this is what all stacks of this user have left\n');
  });

  test('has a table in which a line that names much pads no other', async () => {
    const { stdout } = await home.flows(['audit']);
    expect(stdout).toMatch(/ {2}orders-token, op:\/\/\S.{50,} {2}request /);
    expect(stdout).toMatch(/nothing at all {2,9}not-found/);
  });

  const wrong: readonly (readonly string[])[] = [
    ['--since', 'yesterday'],
    ['--outcome', 'alowed'],
    ['--anchor', 'x'],
    ['verify', '--agent', 'codex'],
    ['verfy'],
    ['--file', 'nowhere'],
  ];
  test.each(wrong)('%s %s is refused', async (...words) => {
    const { code, stdout } = await home.flows(['audit', ...words]);
    expect([words.includes('nowhere') ? 66 : 2, '']).toEqual([code, stdout]);
  });

  test('is verified; a change is found, and its place', async () => {
    const good = await home.flows(['audit', 'verify']);
    expect([good.code, good.stdout]).toEqual([
      0,
      expect.stringMatching(/: ok: 4 lines \(1–4\) under the key, no checkpoint/),
    ]);
    const file = trail();
    const before = readFileSync(file, 'utf8');
    try {
      writeFileSync(file, before.replace('not-found', 'no-found-'));
      const bad = await home.flows(['audit', 'verify']);
      expect([bad.code, bad.stdout]).toEqual([73, expect.stringMatching(/\.jsonl:\d: changed: /)]);
      const json = await home.flows(['audit', 'verify', '--json', '--file', file]);
      expect(JSON.parse(json.stdout)).toMatchObject([{ file, lines: 4, problems: [{ kind: 'changed' }] }]);
      writeFileSync(file, before.split('\n').slice(0, 3).join('\n'));
      const torn = await home.flows(['audit', 'verify']);
      expect([torn.code, torn.stdout]).toEqual([0, expect.stringContaining(':3: torn')]);
    } finally {
      writeFileSync(file, before);
    }
    const { seq, mac } = JSON.parse(before.trim().split('\n').at(-1) ?? '') as { seq: number; mac: string };
    const name = file.slice(folder.length + 1);
    const anchor = { checkpoint: 'stop', at: '2026-11-22T08:00:00.000Z', file: name, seq: seq + 1, mac };
    const logged = `Nov 22 08:00:00 host flows[1]: ${JSON.stringify(anchor)}\n`;
    home.write('anchor', logged);
    const cut = await home.flows(['audit', 'verify', '--anchor', 'anchor']);
    expect([cut.code, cut.stdout]).toEqual([
      73,
      expect.stringContaining('cut: line 5 is missing: a checkpoint saw line 5'),
    ]);
    // as journalctl pipes it
    const piped = await home.flows(['audit', 'verify', '--anchor', '-'], { input: logged });
    expect([piped.code, piped.stdout]).toEqual([73, expect.stringContaining('cut: line 5 is missing')]);
    const nothing = await home.flows(['audit', 'verify', '--anchor', '-', '--file', file]);
    expect([nothing.code, nothing.stderr]).toEqual([
      73,
      expect.stringContaining('the anchor holds no checkpoint of it'),
    ]);
    // an anchor that says nothing of the trail is no proof of it
    for (const text of ['', 'no journal files were found\n', JSON.stringify({ ...anchor, file: 'other.jsonl' })]) {
      home.write('anchor', text);
      const none = await home.flows(['audit', 'verify', '--anchor', 'anchor', '--file', file]);
      expect([none.code, none.stderr]).toEqual([73, expect.stringContaining('the anchor holds no checkpoint of it')]);
    }
    home.write('anchor', JSON.stringify({ ...anchor, seq: 'four' }));
    const odd = await home.flows(['audit', 'verify', '--anchor', 'anchor', '--file', file]);
    expect([odd.code, odd.stderr]).toEqual([
      73,
      expect.stringContaining('lines of the anchor that look like a checkpoint and cannot be read: 1'),
    ]);
    // nor is one where the trail that it is for is elsewhere, and those of commands alone are here
    home.write('anchor', JSON.stringify({ ...anchor, file: 'broker-production.jsonl' }));
    const elsewhere = await home.flows(['audit', 'verify', '--anchor', 'anchor']);
    expect([elsewhere.code, elsewhere.stderr]).toEqual([73, expect.stringContaining('no trail here has checkpoints')]);
    const gone = await home.flows(['audit', 'verify', '--anchor', 'nowhere']);
    expect([gone.code, gone.stderr]).toEqual([69, expect.stringContaining('the anchor cannot be read')]);
  });
});

test('a trail that service.yaml names and that is not there is not verified', async () => {
  const { address, connectToken } = stack.addresses.vault;
  home.write(
    'gone/service.yaml',
    `default-environment: far
environments:
  far:
    development: true
    vault: { type: onepassword-connect, url: '${address}', token: { env: TEAM_TOKEN } }
    key: op://Agents/auth-chain key/password
    audit: { file: nowhere/trail.jsonl }
`,
  );
  const env = { TEAM_TOKEN: connectToken.reveal() };
  const { code, stderr } = await home.flows(['audit', 'verify', '--dir', 'gone'], { env });
  expect([code, stderr]).toEqual([
    73,
    expect.stringMatching(/^error: .*nowhere\/trail\.jsonl: the trail that service\.yaml names is not there\n$/),
  ]);
});

test.each([
  ['not in the vault', 'Nothing/password', 66, 'there is no item "Nothing"'],
  ['too short', 'Orders M2M/username', 67, 'a key has fewer than 20 characters'],
])('a key of the trail that is %s is told as what it is', async (_what, key, exit, why) => {
  const { address, connectToken } = stack.addresses.vault;
  home.write(
    'keyless/service.yaml',
    `default-environment: far
environments:
  far:
    development: true
    vault: { type: onepassword-connect, url: '${address}', token: { env: TEAM_TOKEN } }
    key: op://Agents/${key}
`,
  );
  const env = { TEAM_TOKEN: connectToken.reveal() };
  const { code, stdout, stderr } = await home.flows(['read', 'op://Agents/OpenAI/credential', '--dir', 'keyless'], {
    env,
  });
  expect([code, stdout, stderr]).toEqual([exit, '', expect.stringContaining(`op://Agents/${key}: ${why}`)]);
  expect(stderr).toMatch(/^error: the audit trail cannot be written, so nothing is given out \(/);
});

test('the audit key costs no call of the vault, and one request where it is in the same one', async () => {
  const dir = join(home.work, 'flows');
  const cost = async (withTrail: boolean) => {
    const app = await openApp({ dir, environment: 'development', taken: takeEnvironment({}) });
    try {
      const { vault, requests } = await app.connections();
      const { read } = vault;
      let calls = 0;
      Object.assign(vault, {
        read: (references: readonly Reference[]) => {
          calls += 1;
          return read(references);
        },
      });
      const work = () => app.run(app.flow('one'), {});
      const local = { action: 'local.run', what: ['one'], breakGlass: false } as const;
      await (withTrail ? (await audited(app, local, processTerminal(false))).answer(work) : work());
      return { calls, requests: requests().vault };
    } finally {
      await app.close();
    }
  };
  const [without, withTrail] = [await cost(false), await cost(true)];
  expect([without.calls, withTrail.calls]).toEqual([1, 1]);
  expect(withTrail.requests - without.requests).toBeLessThanOrEqual(1);
});

describe('where the trail cannot be written', () => {
  beforeAll(() => {
    renameSync(folder, `${folder}.aside`);
    writeFileSync(folder, 'in its place');
  });
  afterAll(() => {
    rmSync(folder);
    renameSync(`${folder}.aside`, folder);
  });

  const refused: readonly (readonly string[])[] = [
    ['orders-token'],
    ['read', 'op://Agents/OpenAI/credential'],
    // marked break-glass, and not at a terminal
    ['break-glass'],
  ];
  test.each(refused)('%s %s gives nothing', async (...words) => {
    const { code, stdout, stderr } = await home.flows(words);
    expect([code, stdout]).toEqual([69, '']);
    expect(stderr.split('the audit trail cannot be written')).toHaveLength(2);
  });

  test('a flow that writes does not begin', async () => {
    const count = () => stack.vault.dump().length;
    const before = count();
    const words = ['--email', 'ada@example.com', '--given-name', 'Ada', '--family-name', 'Lovelace', '--yes'];
    const { code, stdout } = await home.flows(['new-user', ...words]);
    expect([code, stdout, count()]).toEqual([69, '', before]);
  });

  test.runIf(python)('a break-glass flow at a terminal goes on, with its line there', async () => {
    // a logger that takes what it is given
    mkdirSync(join(home.work, 'bin'), { recursive: true });
    writeFileSync(join(home.work, 'bin', 'logger'), `#!/bin/sh\ncat > '${join(home.work, 'syslog')}'\n`, {
      mode: 0o755,
    });
    const env = { PATH: `${join(home.work, 'bin')}:${home.env['PATH'] ?? ''}` };
    const live = home.start(['break-glass'], { terminal: true, env });
    await live.shows('Why?');
    live.child.stdin.write('the database is down\r');
    const text = stripVTControlCharacters(await live.shows('press r to show secrets'));
    live.child.stdin.write('\u0003');
    await live.ended;
    expect(text).toContain('warning: not on the audit trail');
    const line = /audit: (\{.*\})/.exec(text)?.[1] ?? '';
    expect(JSON.parse(line.replaceAll('\r', ''))).toMatchObject({
      agent: user,
      action: 'local.run',
      outcome: 'allowed',
      reason: 'the database is down',
    });
    expect(readFileSync(join(home.work, 'syslog'), 'utf8')).toBe(`${line}\n`);
  });
});

test('trails that one may not look for are not told as none', async () => {
  // to root no folder is closed; one that leads to itself is to everybody
  const state = join(home.path, 'round-state');
  mkdirSync(join(state, 'auth-chain'), { recursive: true });
  symlinkSync('audit', join(state, 'auth-chain/audit'));
  const env = { XDG_STATE_HOME: state };
  for (const words of [['audit'], ['audit', 'verify']]) {
    const { code, stderr } = await home.flows(words, { env });
    expect([code, stderr]).toEqual([69, expect.stringContaining('its links lead in a circle')]);
  }
  const { code, stderr } = await home.flows(['check'], { env });
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^warning: uses of break-glass are not looked at: ".*\n$/)]);
});
