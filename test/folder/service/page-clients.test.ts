import { describe, expect, it, test } from 'vitest';
import { loadBrokerFiles } from '../../../src/folder/policy-and-registry.ts';
import { load, service } from '../folder.ts';

const entry = '{ issuer: https://login.example, client-id: flows-page, client-secret: op://Agents/Page/credential }';
const policy = (trust = '{ issuer: https://login.example, audience: flows-page, claims: { sub: 8a1c } }') =>
  `approvers:\n  bo: { trust: ${trust} }\n`;

/** service.yaml with these lines in its environment, and beside it who signs in. */
async function read(lines: string, people = policy()) {
  const folder = await load({ 'service.yaml': `${service}    page-clients:${lines}\n`, 'policy.yaml': people });
  const { warnings, problems } = loadBrokerFiles(folder);
  const told = [...folder.problems, ...problems, ...warnings].map(
    ({ file, line, column, message, hint = '' }) =>
      `${file.slice(folder.dir.length + 1)}:${line}:${column} ${message} (${hint})`,
  );
  return { environment: folder.settings.environments.get('production'), told, all: [...folder.problems, ...warnings] };
}

describe('the page’s clients in service.yaml', () => {
  it('are read, one or a list, and what is read of the vault is known', async () => {
    const key = '{ issuer: https://b.example, client-id: page, client-key: op://Accounts/Page/key }';
    const trust = policy(
      '[{ issuer: https://login.example, audience: flows-page, claims: { sub: a } }, { issuer: https://b.example, audience: page, claims: { sub: b } }]',
    );
    const { environment, told } = await read(`\n      - ${entry}\n      - ${key}`, trust);
    expect(told).toEqual([]);
    expect(environment?.pageClients).toMatchObject([
      { issuer: 'https://login.example', clientId: 'flows-page', credentials: { 'client-secret': [{ item: 'Page' }] } },
      { issuer: 'https://b.example', clientId: 'page', credentials: { 'client-key': { item: 'Page' } } },
    ]);
    // `check --setup` and `--online` go by these
    expect(environment?.references.map(String)).toEqual(
      expect.arrayContaining(['op://Agents/Page/credential', 'op://Accounts/Page/key']),
    );
    expect((await read(` ${entry}`)).told).toEqual([]);
  });

  const client = (rest: string) => `{ issuer: https://login.example, client-id: flows-page, ${rest} }`;
  test.each<[string, string, RegExp]>([
    [
      'no credential',
      `{ issuer: https://login.example, client-id: flows-page }`,
      /^service\.yaml:13:\d+ "client-id" has no credential beside it/,
    ],
    [
      'two of them',
      client('client-secret: op://Agents/a/b, client-key: op://Agents/a/c'),
      /:\d+ "client-key" stands beside client-secret/,
    ],
    [
      'a key by a secret’s way',
      client('client-key: op://Agents/a/c, authentication: client_secret_basic'),
      /"authentication" does not use a client key/,
    ],
    ['a secret in the file', client('client-secret: hunter2hunter2'), /^service\.yaml:13:\d+ .*client-secret/],
    [
      'a vault that nothing serves',
      client('client-secret: op://Elsewhere/a/b'),
      /no entry of vault: serves the vault "Elsewhere"/,
    ],
    ['a key that nothing knows', client('secret: op://Agents/a/b'), /unknown key "secret"/],
  ])('are told of with %s', async (_, written, why) => {
    const { told, all } = await read(` ${written}`);
    expect(told).toContainEqual(expect.stringMatching(why));
    expect(JSON.stringify([told, all.map(({ source }) => source)])).not.toContain('hunter2');
  });

  it('are told of where one stands there twice, or where nobody signs in by it', async () => {
    const twice = await read(`\n      - ${entry}\n      - ${entry}`);
    expect(twice.told).toContainEqual(expect.stringMatching(/^service\.yaml:15:\d+ "flows-page" at .* is here twice/));
    const slash = await read(` ${entry.replace('.example', '.example/')}`);
    expect(slash.told).toEqual([
      'service.yaml:13:29 no approver signs in by the client "flows-page" at https://login.example/ (did you mean "https://login.example"?)',
    ]);
    const other = await read(` ${entry.replace('flows-page', 'flows-pge')}`);
    expect(other.told).toEqual([expect.stringMatching(/flows-pge.*did you mean "flows-page"/)]);
    expect(other.all[0]).toMatchObject({ warning: true });
  });
});
