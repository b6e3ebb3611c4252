import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome } from '../e2e/home.ts';
import { withVaultToMoveTo } from '../e2e/vault-to-move-to.ts';
import { type OpenBao, startOpenBao } from './openbao.ts';

const odd = ['app', 'app/db', 'a b/100%/ü — Ключ', 'q?m', '#1', '%2F', '{{ x }}', `long/${'n'.repeat(512)}`];
const many = Array.from({ length: 932 }, (_, index) => `n/${index}`);
const home = createHome(false);
let server: OpenBao;
let stack: RunningStack;
beforeAll(async () => {
  withVaultToMoveTo(home);
  [server, stack] = await Promise.all([startOpenBao(), home.stack()]);
  const put = async (mount: string, path: string, body: object) =>
    server.ask('POST', `${mount}/${path.split('/').map(encodeURIComponent).join('/')}`, body);
  await server.ask('POST', 'sys/mounts/totp', { type: 'totp' });
  await server.ask('POST', 'team/sys/mounts/kv', { type: 'kv', options: { version: '2' } });
  await server.ask('POST', 'team/sys/namespaces/%D0%9A%D0%BB%D1%8E%D1%87');
  await server.ask('POST', 'team/%D0%9A%D0%BB%D1%8E%D1%87/sys/mounts/old', { type: 'kv', options: { version: '1' } });
  for (const path of odd) await put('secret/data', path, { data: { value: path, port: 1, of: { a: [1] } } });
  for (const path of many) await put('secret/data', path, { data: { value: `v2 ${path}` } });
  for (const path of [...odd, ...many.slice(0, 50)]) await put('old', path, { value: `v1 ${path}` });
  await put('team/kv/data', 'deep/secret', { data: { value: 'in a namespace' } });
  await put('team/%D0%9A%D0%BB%D1%8E%D1%87/old', 'app', { value: 'in one of its own' });
  await put('secret/data', 'deleted', { data: { value: '' } });
  await server.ask('DELETE', 'secret/data/deleted');
  await put('secret/data', 'destroyed', { data: { value: '' } });
  await server.ask('POST', 'secret/destroy/destroyed', { versions: [1] });
});
afterAll(async () => {
  await home.close();
  await server.close();
});

const flows = async (line: string, token = server.root.reveal()) =>
  home.flows(['migrate', 'vault', ...line.split(' ')], { env: { VAULT_TOKEN: token, VAULT_ADDR: server.url } });
const all = odd.length + many.length + odd.length + 50 + 2;

describe('a move out of OpenBao', () => {
  test('plans, moves and finds equal what its KV engines hold, in every namespace and by every name', async () => {
    const planned = await flows('plan --into Moved');
    expect([planned.code, planned.stdout]).toEqual([0, '']);
    expect(planned.stderr).toContain(`${all} secrets are proposed`);
    expect(planned.stderr).toContain('totp/ (totp)');
    const file = readFileSync(join(home.work, 'flows/migration.yaml'), 'utf8');
    expect(file).toContain('path: team/kv/deep/secret, to: op://Moved/');
    expect(file).toContain('path: "team/Ключ/old/app", to: "op://Moved/');
    expect(file).not.toMatch(/path: secret\/de(?:leted|stroyed)/);

    const run = await flows('run --yes --json');
    const report = JSON.parse(run.stdout) as { readonly requests: { readonly vault: number; readonly least: number } };
    expect([run.code, report]).toMatchObject([0, { counts: { moved: all }, left: 0 }]);
    expect([all, report.requests.vault]).toEqual([1_000, report.requests.least]);
    expect(stack.vault.dump().filter(({ tags }) => tags.includes('flows:migrated'))).toHaveLength(all);
    const again = await flows('run --yes --json');
    expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { counts: { moved: 0, same: all } }]);

    const verified = await flows('verify --json');
    const found = JSON.parse(verified.stdout) as readonly { readonly match: boolean }[];
    expect([verified.code, found.filter(({ match }) => match).length]).toEqual([0, all]);
  });

  test('tells what the policies of a token keep from it', async () => {
    const policy = `path "secret/metadata/*" { capabilities = ["list"] }
path "secret/subkeys/*" { capabilities = ["read"] }
path "secret/data/*" { capabilities = ["read"] }
path "secret/data/app" { capabilities = ["deny"] }`;
    await server.ask('POST', 'sys/policies/acl/mover', { policy });
    const made = await server.ask('POST', 'auth/token/create', { policies: ['mover'] });
    const token = (made as { readonly auth: { readonly client_token: string } }).auth.client_token;
    const planned = await flows('plan', token);
    expect(planned.stderr).toContain(`secret/: ${odd.length + many.length + 2} secrets\n`);
    expect(planned.stderr).not.toContain('old/: ');
    const verified = await flows('verify --json', token);
    expect(JSON.parse(verified.stdout)).toContainEqual(
      expect.objectContaining({ path: 'secret/app', match: false, why: 'Vault does not let this token read it' }),
    );
    const unknown = await flows('plan', 's.nobody');
    expect([unknown.code, unknown.stderr]).toEqual([77, expect.stringContaining('which mounts there are')]);
  });
});
