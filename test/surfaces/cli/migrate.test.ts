import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { startVaultDouble, type VaultDouble } from '../../adapters/kv/double.ts';
import { createHome } from '../../e2e/home.ts';

const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
let double: VaultDouble;
let token = '';
let denied: RegExp | undefined;
beforeAll(async () => {
  [stack, double] = await Promise.all([home.stack(), startVaultDouble({ mounts: { pki: { type: 'pki' } } })]);
  token = double.token((_, path) => denied?.test(path) !== true).reveal();
  double.write('team/app', { value: 'canary-app' });
  double.write('team/db', { password: 'canary-db', user: 'db', port: 5432 });
  double.write('old', { value: 'canary-old' });
});
afterAll(async () => {
  await home.close();
  await double.close();
});

const file = join(home.work, 'flows/migration.yaml');
const flows = async (line: string, more: readonly string[] = []) => {
  const env = { VAULT_TOKEN: token, VAULT_ADDR: double.url };
  const ended = await home.flows(['migrate', ...line.split(' '), ...more], { env });
  // whatever it says: no value, and not the token
  expect(`${ended.stdout}${ended.stderr}`).not.toContain('canary-');
  expect(`${ended.stdout}${ended.stderr}`).not.toContain(token);
  return ended;
};

describe('flows migrate vault', () => {
  test.each([
    ['', 2, /a word is missing \(write flows migrate vault\)/],
    ['vault', 2, /a word is missing \(write flows migrate vault plan, run, verify, readers, code or cut\)/],
    ['vault pln', 2, /did you mean "plan"\?/],
    ['vault plan', 2, /not said where the secrets go/],
    ['vault plan --rule secret/x', 2, /names no item/],
    ['vault run', 2, /no migration\.yaml.*flows migrate vault plan/],
    ['vault readers', 2, /a file is missing/],
    ['vault code', 2, /no migration\.yaml/],
    ['vault cut', 2, /no migration\.yaml/],
    ['vault verify --yes', 2, /unknown option --yes/],
  ])('%j: %s', async (line, code, stderr) => {
    const ended = await home.flows(['migrate', ...line.split(' ').filter((word) => word !== '')], {
      env: { VAULT_ADDR: double.url },
    });
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(stderr);
  });

  test('plan, run and verify, each as its help says', async () => {
    const planned = await flows('vault plan --into Agents');
    expect([planned.code, planned.stdout]).toEqual([0, '']);
    expect(planned.stderr).toMatch(
      /3 secrets are proposed for the vault "Agents"\n[^]*1 mounts that do not move, for they are no KV: pki\/ \(pki\)\n/,
    );
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('{ path: secret/team/app, to: op://Agents/team-app, keys: { value: credential } }');
    writeFileSync(file, text.replace('to: op://Agents/old, keys: { value: credential }', 'skip: nobody reads it'));
    expect((await home.flows(['check'])).code).toBe(0);

    // what a run costs is told of the SDK's requests
    home.askBy('onepassword');
    const asked = await flows('vault run');
    expect([asked.code, asked.stdout]).toEqual([2, '']);
    expect(asked.stderr).toMatch(/2 secrets into 1 vault \(Agents\): 7 reads and 3 writes[^]*give --yes/);

    const moved = await flows('vault run --yes');
    expect(moved.code).toBe(0);
    expect(moved.stdout).toMatch(
      /^# Moved from Vault\n[^]*\| moved \| 2 \|\n\| skipped \| 1 \|\n[^]*\| secret\/team\/db \| port: a number, now its text \|/,
    );
    home.askBy('onepassword-connect');
    const again = await flows('vault run --yes --json');
    expect(JSON.parse(again.stdout)).toMatchObject({ counts: { moved: 0, same: 2, skipped: 1 }, left: 0 });

    const same = await flows('vault verify');
    expect(same.code).toBe(0);
    expect(same.stdout).toMatch(
      /^match +secret\/team\/app +op:\/\/Agents\/team-app +version 1 *\nmatch +secret\/team\/db .*\n$/,
    );
    expect(stack.vault.dump().filter(({ tags }) => tags.includes('flows:migrated'))).toHaveLength(2);
    const { stdout } = await home.flows(['read', 'op://Agents/team-db/credential']);
    expect(stdout).toBe('canary-db\n');
  });

  test('what came to Vault later is shown by plan, told by verify, and left is exit 3', async () => {
    double.write('new', { value: 'canary-new' });
    double.write('team/app', { value: 'canary-newer' });
    const planned = await flows('vault plan --into Agents');
    expect([planned.code, planned.stdout]).toEqual([
      3,
      '  - { path: secret/new, to: op://Agents/new, keys: { value: credential } }\n',
    ]);
    const differs = await flows('vault verify --json');
    expect(differs.code).toBe(3);
    expect(JSON.parse(differs.stdout)).toMatchObject([
      { path: 'secret/team/app', match: false, version: 2, why: 'version 1 was moved' },
      { path: 'secret/team/db', match: true },
    ]);
    double.remove('new');
    denied = /data\/team\/db$/;
    const left = await flows('vault run --yes --json');
    denied = undefined;
    expect([left.code, JSON.parse(left.stdout).counts]).toEqual([3, expect.objectContaining({ moved: 1, denied: 1 })]);
  });

  test('a file with mistakes is told by its lines, and Vault is asked for nothing', async () => {
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('to: op://Agents/team-app', 'to: op://Agents/team-db'));
    const { length } = double.recorded;
    const wrong = await flows('vault run --yes');
    writeFileSync(file, before);
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
    expect(wrong.stderr).toMatch(/migration\.yaml:\d+:\d+: this item is named a second time/);
    expect(double.recorded).toHaveLength(length);
  });

  test('who still reads, where code asks, and how the old paths are closed', async () => {
    const entry = (path: string, name: string, more: object = {}) =>
      JSON.stringify({
        time: '2026-11-22T04:06:25Z',
        type: 'response',
        auth: { display_name: name },
        request: { operation: 'read', path: `secret/data/${path}`, mount_point: 'secret/' },
        ...more,
      });
    home.write('audit.log', `${entry('team/app', 'userpass-ann')}\n${entry('elsewhere', 'approle')}\n`);
    home.write('deploy.sh', 'vault kv get -field=value secret/team/app\nvault kv get secret/team/db\n');
    await home.flows([], { program: ['git', 'init', '-q'] });
    await home.flows([], { program: ['git', 'add', 'deploy.sh'] });

    const code = await flows('vault code .');
    expect([code.code, code.stdout]).toEqual([
      3,
      'deploy.sh:1:27  secret/team/app  op://Agents/team-app/credential\ndeploy.sh:2:14  secret/team/db   op://Agents/team-db\n',
    ]);
    const readers = await flows('vault readers audit.log --code .');
    expect(readers.code).toBe(3);
    expect(readers.stdout).toMatch(
      /^secret\/elsewhere +approle +1 reads +2026-11-22T04:06:25Z +not in migration\.yaml +read, but not in code\nsecret\/team\/app +userpass-ann +1 reads +2026-11-22T04:06:25Z +op:\/\/Agents\/team-app *\n$/,
    );
    expect(readers.stderr).toContain('in code, and read by nobody: secret/team/db');
    expect((await flows('vault readers audit.log --without userpass-ann --without approle')).code).toBe(0);

    // the same file tells a plan who would read more
    home.write('audit.log', `${entry('team/app', 'userpass-ann')}\n${entry('team/db', 'approle')}\nno entry\n`);
    const wider = await flows('vault plan audit.log --into Agents');
    expect(wider.stderr).toMatch(/\d of \d paths land beside those of other readers, \d were read by nobody\n/);
    expect(wider.stderr).toMatch(
      /secret\/team\/app +vault "Agents" +read by userpass-ann +would be for approle too\n *secret\/team\/db +vault "Agents" +read by approle +would be for userpass-ann too\n/,
    );
    expect(wider.stderr).toContain('1 lines are no entries of an audit device');
    const alone = await flows('vault plan audit.log --into Agents --without approle');
    expect(alone.stderr).toMatch(/0 of \d paths land beside/);

    const cut = await flows('vault cut');
    expect([cut.code, cut.stdout]).toEqual([
      0,
      expect.stringContaining('path "secret/data/team/db" { capabilities = ["deny"] }\n'),
    ]);
    expect((await flows('vault cut audit.log')).code).toBe(0);
    home.write(
      'audit.log',
      `${entry('team/app', 'userpass-ann', { error: '1 error occurred:\n\t* permission denied\n\n' })}\n`,
    );
    const refused = await flows('vault cut audit.log');
    expect([refused.code, refused.stdout]).toEqual([
      3,
      'secret/team/app  userpass-ann  1 refused  2026-11-22T04:06:25Z\n',
    ]);
  });

  test('a token that is wrong, and a Vault that is not there', async () => {
    const wrong = await home.flows(['migrate', 'vault', 'verify'], { env: { VAULT_TOKEN: 'wrong' } });
    expect(wrong.code).toBe(77);
    const none = await home.flows(['migrate', 'vault', 'verify']);
    expect([none.code, none.stderr]).toEqual([
      77,
      expect.stringMatching(/Vault's token is missing: environment variable VAULT_TOKEN/),
    ]);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(double.url, 'http://127.0.0.1:1'));
    const away = await flows('vault run --yes');
    writeFileSync(file, text);
    expect([away.code, away.stdout]).toEqual([69, expect.stringContaining('| not reached | 2 |')]);
  });
});
