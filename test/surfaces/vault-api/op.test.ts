import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask as asked, bytesOf, data, denied, type Sent, unsupported } from './recorded.ts';
import { openVaultStand, raw, type RawAnswer, type VaultStand } from './stand.ts';

let stand: VaultStand;
/** by title */
let ids: Record<string, string>;
let vaultId: string;
/** what stands in fields that nobody may be shown */
let canaries: string[];
const ask = (line: string, sent: Sent = {}): Promise<RawAnswer> =>
  asked(stand, line, { token: stand.engineer, ...sent });
const infoOf = ({ body }: RawAnswer) => (body as { data: { key_info: Record<string, string> } }).data.key_info;
const idsBy = (answer: RawAnswer) =>
  Object.fromEntries(Object.entries(infoOf(answer)).map(([id, title]) => [title, id]));
const odd = 'a/b? 100%2F ключ';

beforeAll(async () => {
  stand = await openVaultStand();
  canaries = await Promise.all(
    ['op://Engineering/Root key/canary', 'op://Finance/Payroll/canary'].map((each) => stand.valueOf(each)),
  );
  vaultId = idsBy(await ask('GET /v1/op/vaults?list=true'))['Engineering'] ?? '';
  ids = idsBy(await ask('GET /v1/op/vaults/Engineering/items?list=true'));
}, 120_000);
afterAll(() => stand.close());

describe('items of 1Password, as clients of its plugin ask for them', () => {
  const deploy = async () => ({
    username: await stand.valueOf('op://Engineering/Deploy key/username'),
    password: await stand.valueOf('op://Engineering/Deploy key/password'),
    'Replica.password': await stand.valueOf('op://Engineering/Deploy key/Replica/password'),
  });
  const oddFields = async () => ({ 'tok/en': await stand.valueOf('op://Engineering/a%2Fb? 100%252F ключ/tok%2Fen') });
  const vaults = () => ({ keys: [vaultId], key_info: { [vaultId]: 'Engineering' } });
  const items = () => ({ keys: expect.arrayContaining(Object.values(ids)), key_info: expect.any(Object) });

  test.each<[string, string, Sent, () => unknown]>([
    ['bao list op/vaults', 'GET /v1/op/vaults?list=true', {}, vaults],
    ['hvac list', 'GET /v1/op/vaults?list=True', { by: 'hvac' }, vaults],
    ['node-vault list', 'LIST /v1/op/vaults', { by: 'nodeVault' }, vaults],
    ['node-vault list without verbs of its own', 'GET /v1/op/vaults?list=1', { by: 'nodeVault' }, vaults],
    ['bao list of items', 'GET /v1/op/vaults/Engineering/items?list=true', {}, items],
    ['node-vault list of items', 'LIST /v1/op/vaults/engineering/items', { by: 'nodeVault' }, items],
    [
      'bao kv get, before',
      'GET /v1/sys/internal/ui/mounts/op/vaults/Engineering/items/Deploy%20key',
      {},
      () => expect.objectContaining({ path: 'op/', options: { version: '1' } }),
    ],
    ['bao read', 'GET /v1/op/vaults/Engineering/items/Deploy%20key', {}, deploy],
    ['hvac read', 'GET /v1/op/vaults/Engineering/items/Deploy%20key', { by: 'hvac' }, deploy],
    [
      'node-vault read, whatever the case',
      'GET /v1/op/vaults/engineering/items/DEPLOY%20KEY',
      { by: 'nodeVault' },
      deploy,
    ],
    [
      'a title with odd characters, its slash as it is',
      'GET /v1/op/vaults/Engineering/items/a/b%3F%20100%252F%20%D0%BA%D0%BB%D1%8E%D1%87',
      {},
      oddFields,
    ],
    [
      'a title with odd characters, as in a reference',
      'GET /v1/op/vaults/Engineering/items/a%252Fb%3F%20100%25252F%20%D0%BA%D0%BB%D1%8E%D1%87',
      {},
      oddFields,
    ],
  ])('%s', async (_, line, sent, expected) => {
    const answer = await ask(line, sent);
    expect([answer.status, answer.body]).toEqual([200, data(await expected())]);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
  });

  test('an item is read by ids, and its one-time password is no field of the answer', async () => {
    expect(Object.keys(ids).toSorted()).toEqual(['Deploy key', odd]);
    const answer = await ask(`GET /v1/op/vaults/${vaultId}/items/${ids['Deploy key']}`);
    expect(answer.body).toEqual(data(await deploy()));
    expect(answer.text).not.toContain(await stand.valueOf('op://Engineering/Deploy key/one-time password'));
  });

  test.each<[string, string, Sent, number, unknown]>([
    ['a read of a list', 'GET /v1/op/vaults', {}, 405, unsupported],
    ['a vault itself', 'GET /v1/op/vaults/Engineering', {}, 405, unsupported],
    ['a list of an item', 'GET /v1/op/vaults/Engineering/items/Deploy%20key?list=true', {}, 405, unsupported],
    ['a deletion of a list', 'DELETE /v1/op/vaults/Engineering/items', {}, 405, unsupported],
    [
      'a wrapped read',
      'GET /v1/op/vaults/Engineering/items/Deploy%20key',
      { headers: ['X-Vault-Wrap-TTL: 60'] },
      400,
      { errors: [expect.any(String)] },
    ],
  ])('%s is refused', async (_, line, sent, status, body) => {
    const answer = await ask(line, sent);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });
});

test('a page and another host are refused as at every door', async () => {
  const line = 'GET /v1/op/vaults?list=true';
  expect((await ask(line, { headers: ['Origin: https://evil.example'] })).status).toBe(403);
  const bytes = bytesOf(stand, line, { token: stand.engineer }).replace(/Host: \S+/, 'Host: evil.example');
  expect((await raw(stand.port, [bytes]))[0]?.status).toBe(421);
});

describe('what an agent may not have', () => {
  test('looks the same as what is not there, by title and by id, and no list and no error has its title', async () => {
    const { other, engineer, codex } = stand;
    const rootId = idsBy(await ask('GET /v1/op/vaults/Engineering/items?list=true'))['Root key'];
    expect(rootId).toBeUndefined();
    const paths = [
      'Engineering/items/Root%20key',
      'Engineering/items/none',
      'Finance/items/Payroll',
      'none/items/none',
    ];
    const answers: RawAnswer[] = [];
    for (const path of paths) answers.push(await ask(`GET /v1/op/vaults/${path}`));
    for (const token of [other, codex])
      for (const path of [...paths, 'Engineering/items/Deploy%20key', `${vaultId}/items/${ids['Deploy key']}`])
        answers.push(await ask(`GET /v1/op/vaults/${path}`, { token }));
    for (const method of ['PUT', 'DELETE'])
      for (const path of [...paths, 'Engineering/items/a/b'])
        answers.push(await ask(`${method} /v1/op/vaults/${path}`, { body: method === 'PUT' ? '{"a":"1"}' : '{}' }));
    for (const list of ['op/vaults', 'op/vaults/Engineering/items'])
      for (const token of [other, codex]) answers.push(await ask(`GET /v1/${list}?list=true`, { token }));
    for (const list of ['Finance', 'none']) answers.push(await ask(`GET /v1/op/vaults/${list}/items?list=true`));
    for (const { status, body } of answers) expect([status, body]).toEqual([403, denied]);
    const lists = [await ask('LIST /v1/op/vaults'), await ask('LIST /v1/op/vaults/Engineering/items')];
    const shown = [...answers, ...lists].map(({ text }) => text).join('\n');
    for (const each of [...canaries, 'Root', 'Payroll', 'Finance', 'canary', engineer])
      expect(shown).not.toContain(each);
  });
});

test('each request is on the trail with its path, the item that it was and the line that decided', async () => {
  await ask('GET /v1/op/vaults/engineering/items/deploy%20key');
  await ask('GET /v1/op/vaults/Engineering/items/Root%20key');
  await ask('LIST /v1/op/vaults/Engineering/items');
  const trail = stand.trail();
  const about = (path: string) => trail.findLast((line) => line['path'] === path);
  expect(about('op/vaults/engineering/items/deploy key')).toMatchObject({
    action: 'item.read',
    agent: 'engineer',
    what: ['op/vaults/engineering/items/deploy key'],
    outcome: 'allowed',
    source: 'vault',
    rule: expect.stringMatching(/^policy\.yaml:\d+:\d+ vault-paths op\/vaults\/engineering\/\*$/),
    detail: `item ${ids['Deploy key']}, version 1`,
  });
  expect(about('op/vaults/Engineering/items/Root key')).toMatchObject({
    outcome: 'denied',
    code: 'not-allowed',
    rule: expect.stringContaining(' deny op/vaults/Engineering/items/Root key'),
  });
  expect(about('op/vaults/Engineering/items')).toMatchObject({ action: 'items.list', outcome: 'allowed' });
  const password = await stand.valueOf('op://Engineering/Deploy key/password');
  const written = `${JSON.stringify(trail)}\n${stand.logged()}`;
  for (const secret of [...canaries, password, stand.engineer]) expect(written).not.toContain(secret);
});

describe('what an agent writes', () => {
  const here = 'op/vaults/Engineering/items';
  const about = (action: string) => stand.trail().findLast((line) => line['action'] === action);

  test('is an item of its own from the first field on: made, changed field by field, read and deleted', async () => {
    const [made, changed] = ['made-4c1d', 'changed-77aa'];
    // as the CLI sends it: PUT, and no media type
    const body = JSON.stringify({ title: 'made here', password: made, username: 'ada' });
    const answer = await ask(`PUT /v1/${here}/made%20here`, { body });
    const told = {
      ID: expect.stringMatching(/^[a-z2-7]{26}$/),
      category: 'API_CREDENTIAL',
      createdAt: expect.any(String),
    };
    expect([answer.status, answer.body]).toEqual([200, data(told)]);
    const { ID: id } = (answer.body as { data: { ID: string } }).data;
    expect(about('item.written')).toMatchObject({
      outcome: 'allowed',
      detail: `item ${id}, new`,
      path: `${here}/made here`,
    });
    const read = async () => (await ask(`GET /v1/${here}/${id}`)).body;
    expect(await read()).toEqual(data({ username: 'ada', password: made }));
    const patch = JSON.stringify({ password: changed, username: null, port: '22' });
    const headers = ['Content-Type: application/merge-patch+json'];
    expect((await ask(`PATCH /v1/${here}/${id}`, { by: 'nodeVault', body: patch, headers })).status).toBe(200);
    expect(about('item.written')).toMatchObject({ detail: `item ${id}, version 2` });
    expect(await read()).toEqual(data({ password: changed, port: '22' }));
    expect(await stand.valueOf('op://Engineering/made here/password')).toBe(changed);
    const gone = await ask(`DELETE /v1/${here}/made%20here`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    // a client that heard no answer may ask again
    expect((await ask(`DELETE /v1/${here}/made%20here`)).status).toBe(204);
    expect((await ask(`GET /v1/${here}/${id}`)).body).toEqual(denied);
    const trail = JSON.stringify(stand.trail());
    for (const value of [made, changed]) expect(trail).not.toContain(value);
  });

  test('is made by the list, as the plugin has it, with odd characters in its title, and once however many make it', async () => {
    const fields = [{ id: 'p', label: 'password', type: 'CONCEALED', purpose: 'PASSWORD', value: 'v' }];
    const body = JSON.stringify({ category: 'login', title: 'x/y 50%', fields });
    const both = await Promise.all([1, 2].map(() => ask(`POST /v1/${here}`, { by: 'hvac', body })));
    // the second finds the first, which it may not change
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 403]));
    expect((await ask(`GET /v1/${here}/x/y%2050%25`)).body).toEqual(data({ password: 'v' }));
    expect((await ask(`DELETE /v1/${here}/x%252Fy%2050%2525`)).status).toBe(204);
  });

  test('is refused where no line names it: a wildcard that lets it read gives no write', async () => {
    const secret = 'refused-91be';
    const body = JSON.stringify({ password: secret });
    for (const [line, sent] of [
      [`PUT /v1/${here}/another`, { body }],
      [`POST /v1/${here}`, { body: JSON.stringify({ title: 'another', password: secret }) }],
      [`PUT /v1/${here}/${ids[odd]}`, { body }],
      [`DELETE /v1/${here}/Deploy%20key`, {}],
      [`DELETE /v1/${here}/none`, {}],
      [`PUT /v1/${here}/Root%20key`, { body }],
    ] as const) {
      const { status, body: told } = await ask(line, sent);
      expect([line, status, told]).toEqual([line, 403, denied]);
    }
    expect(JSON.stringify(stand.trail())).not.toContain(secret);
  });

  test.each<[string, object]>([
    ['no field', {}],
    ['another title', { title: 'Other', a: '1' }],
    ['a number', { a: 1 }],
    ['sections', { a: '1', sections: [{ id: 's' }] }],
    ['a generator', { fields: [{ label: 'a', generate: true }] }],
    ['a field without a label', { fields: [{ value: 'a' }] }],
    ['a field with an empty label', { fields: [{ label: '', value: 'a' }] }],
    ['a field with a label of 201 characters', { ['x'.repeat(201)]: 'a' }],
    ['a one-time password', { 'one-time password': 'JBSWY3DPEHPK3PXP' }],
    ['one that is said to be one', { fields: [{ label: 'code', type: 'OTP', value: 'JBSWY3DPEHPK3PXP' }] }],
    ['half a character', { a: 'x\ud83d' }],
    ['half a character in a label', { 'x\ud83d': 'a' }],
    ['two of one label', { a: '1', fields: [{ label: 'a', value: '2' }] }],
  ])('is not %s', async (_, body) => {
    const answer = await ask(`PUT /v1/${here}/Deploy%20key`, { body: JSON.stringify(body) });
    expect([answer.status, answer.body]).toEqual([400, { errors: [expect.any(String)] }]);
  });
});
