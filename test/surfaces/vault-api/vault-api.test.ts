import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as recorded from './recorded.ts';
import type { Sent } from './recorded.ts';
import { openVaultStand, raw, type RawAnswer, type VaultStand } from './stand.ts';

let stand: VaultStand;
const values: Record<string, string> = {};
beforeAll(async () => {
  stand = await openVaultStand();
  const references = ['OpenAI/credential', 'GitHub/token', 'Team/username', 'Team/password', 'Team/old', 'Gated/key'];
  for (const each of references) values[each] = await stand.valueOf(`op://Agents/${each}`);
}, 120_000);
afterAll(() => stand.close());

const ask = (line: string, sent?: Sent) => recorded.ask(stand, line, sent);
const bytesOf = (line: string, sent?: Sent) => recorded.bytesOf(stand, line, sent);
const { denied, unsupported, data } = recorded;

describe('what real clients send', () => {
  const kv2 = expect.objectContaining({ path: 'secret/', type: 'kv', options: { version: '2' } });
  const kv1 = expect.objectContaining({ path: 'kv/', type: 'kv', options: { version: '1' } });
  const metadata = expect.objectContaining({ version: 1, deletion_time: '', destroyed: false, custom_metadata: null });
  const every = [
    'gated.key',
    'github.token',
    'openai.api_key',
    'rewind/',
    'team.old',
    'team.password',
    'team.user',
    'team/',
  ];
  const lookup = expect.objectContaining({ policies: ['codex'], display_name: 'codex', ttl: 0, renewable: false });

  test.each<[string, string, Sent, number, () => unknown]>([
    ['bao kv get, before', 'GET /v1/sys/internal/ui/mounts/secret/openai.api_key', {}, 200, () => data(kv2)],
    [
      'bao kv get',
      'GET /v1/secret/data/openai.api_key',
      {},
      200,
      () => data({ data: { value: values['OpenAI/credential'] }, metadata }),
    ],
    [
      'bao kv get -version=1',
      'GET /v1/secret/data/openai.api_key?version=1',
      {},
      200,
      () => data({ data: { value: values['OpenAI/credential'] }, metadata }),
    ],
    ['bao kv get -version=2', 'GET /v1/secret/data/openai.api_key?version=2', {}, 404, () => ({ errors: [] })],
    ['bao kv get -mount, before', 'GET /v1/sys/internal/ui/mounts/secret', {}, 200, () => data(kv2)],
    [
      'bao kv get of an old path',
      'GET /v1/secret/data/rewind/github',
      {},
      200,
      () => data({ data: { value: values['GitHub/token'] }, metadata }),
    ],
    [
      'bao kv get of an old path with keys',
      'GET /v1/secret/data/team/app',
      {},
      200,
      () => data({ data: { user: values['Team/username'], password: values['Team/password'] }, metadata }),
    ],
    ['bao kv get of v1, before', 'GET /v1/sys/internal/ui/mounts/kv/openai.api_key', {}, 200, () => data(kv1)],
    ['bao kv get of v1', 'GET /v1/kv/openai.api_key', {}, 200, () => data({ value: values['OpenAI/credential'] })],
    [
      'bao kv get of v1, a path with odd characters',
      'GET /v1/kv/%D0%BA%D0%BB%D1%8E%D1%87,%20with%20%252F',
      {},
      200,
      () => data({ value: values['Team/old'] }),
    ],
    ['bao kv get of nothing', 'GET /v1/secret/data/none', {}, 403, () => denied],
    [
      'bao kv get of no mount, before',
      'GET /v1/sys/internal/ui/mounts/nomount/x',
      {},
      403,
      () => ({ errors: [expect.stringContaining('preflight capability check returned 403')] }),
    ],
    ['bao kv list', 'GET /v1/secret/metadata?list=true', {}, 200, () => data({ keys: every })],
    ['bao kv list of a folder', 'GET /v1/secret/metadata/rewind?list=true', {}, 200, () => data({ keys: ['github'] })],
    ['bao kv list of nothing', 'GET /v1/secret/metadata/none?list=true', {}, 404, () => ({ errors: [] })],
    [
      'bao kv list of v1',
      'GET /v1/kv?list=true',
      {},
      200,
      () => data({ keys: expect.arrayContaining(['openai.api_key', 'ключ, with %2F']) }),
    ],
    [
      'bao kv metadata get',
      'GET /v1/secret/metadata/openai.api_key',
      {},
      200,
      () => data(expect.objectContaining({ current_version: 1, versions: { 1: expect.anything() } })),
    ],
    ['bao kv metadata get of nothing', 'GET /v1/secret/metadata/none', {}, 403, () => denied],
    ['bao kv put', 'PUT /v1/secret/data/new', { body: '{"data":{"a":"1"},"options":{}}' }, 405, () => unsupported],
    [
      'bao kv patch',
      'PATCH /v1/secret/data/new',
      { body: '{"data":{"a":"3"},"options":{}}', headers: ['Content-Type: application/merge-patch+json'] },
      405,
      () => unsupported,
    ],
    ['bao kv delete', 'DELETE /v1/secret/data/openai.api_key', {}, 405, () => unsupported],
    [
      'bao read totp',
      'GET /v1/totp/code/code',
      {},
      200,
      () =>
        data({
          code: expect.stringMatching(/^\d{6}$/),
          generated: expect.any(Number),
          expire_time: expect.any(Number),
          period: '30s',
        }),
    ],
    ['bao read totp of another flow', 'GET /v1/totp/code/plain', {}, 403, () => denied],
    ['bao read totp of nothing', 'GET /v1/totp/code/none', {}, 403, () => denied],
    ['bao write totp', 'PUT /v1/totp/code/code', { body: '{"code":"000000"}' }, 405, () => unsupported],
    ['bao token lookup', 'GET /v1/auth/token/lookup-self', {}, 200, () => data(lookup)],
    [
      'bao token renew',
      'PUT /v1/auth/token/renew-self',
      { body: '{"increment":0}' },
      400,
      () => ({ errors: ['lease is not renewable'] }),
    ],
    ['bao token revoke -self', 'PUT /v1/auth/token/revoke-self', {}, 400, () => ({ errors: [expect.any(String)] })],
    [
      'bao status',
      'GET /v1/sys/seal-status',
      { token: 'none' },
      200,
      () => expect.objectContaining({ sealed: false, t: 1, n: 1 }),
    ],
    [
      'bao status, then',
      'GET /v1/sys/leader',
      { token: 'none' },
      200,
      () => expect.objectContaining({ ha_enabled: false }),
    ],
    [
      'bao secrets list',
      'GET /v1/sys/mounts',
      {},
      200,
      () =>
        expect.objectContaining({
          'secret/': expect.objectContaining({ type: 'kv' }),
          data: expect.objectContaining({ 'totp/': expect.anything() }),
        }),
    ],
    [
      'a UI',
      'GET /v1/sys/internal/ui/mounts',
      {},
      200,
      () => data({ auth: {}, secret: expect.objectContaining({ 'kv/': expect.anything() }) }),
    ],
    [
      'hvac read_secret_version',
      'GET /v1/secret/data/openai.api_key',
      { by: 'hvac' },
      200,
      () => data({ data: { value: values['OpenAI/credential'] }, metadata }),
    ],
    ['hvac list', 'GET /v1/secret/metadata?list=True', { by: 'hvac' }, 200, () => data({ keys: every })],
    ['hvac list_secrets', 'LIST /v1/secret/metadata', { by: 'hvac' }, 200, () => data({ keys: every })],
    [
      'hvac kv.v1.list_secrets',
      'LIST /v1/kv/',
      { by: 'hvac' },
      200,
      () => data({ keys: expect.arrayContaining(['openai.api_key']) }),
    ],
    [
      'hvac write',
      'POST /v1/secret/data/new',
      { by: 'hvac', body: '{"options":{},"data":{"a":"1"}}', headers: ['Content-Type: application/json'] },
      405,
      () => unsupported,
    ],
    ['hvac is_initialized', 'GET /v1/sys/init', { by: 'hvac' }, 200, () => ({ initialized: true })],
    [
      'node-vault read',
      'GET /v1/secret/data/openai.api_key',
      { by: 'nodeVault' },
      200,
      () => data({ data: { value: values['OpenAI/credential'] }, metadata }),
    ],
    ['node-vault list', 'LIST /v1/secret/metadata', { by: 'nodeVault' }, 200, () => data({ keys: every })],
    [
      'node-vault list without verbs of its own',
      'GET /v1/secret/metadata?list=1',
      { by: 'nodeVault' },
      200,
      () => data({ keys: every }),
    ],
    [
      'node-vault health',
      'GET /v1/sys/health',
      { by: 'nodeVault', token: 'none' },
      200,
      () => expect.objectContaining({ initialized: true, sealed: false, standby: false }),
    ],
    ['something that is not here', 'GET /v1/sys/policies/acl', {}, 404, () => ({ errors: [] })],
    [
      'a namespace',
      'GET /v1/secret/data/openai.api_key',
      { headers: ['X-Vault-Namespace: team/'] },
      400,
      () => ({ errors: [expect.stringContaining('no namespaces')] }),
    ],
    [
      "Vault's own namespace",
      'GET /v1/secret/data/openai.api_key',
      { headers: ['X-Vault-Namespace: root'] },
      200,
      () => data({ data: { value: values['OpenAI/credential'] }, metadata }),
    ],
    ['a path that is not encoded', 'GET /v1/secret/data/%zz', {}, 400, () => ({ errors: [expect.any(String)] })],
    ['a path longer than any name', `GET /v1/secret/data/${'a/'.repeat(300)}b`, {}, 403, () => denied],
    [
      'a token that nobody has',
      'GET /v1/secret/data/openai.api_key',
      { token: 's.wrong' },
      403,
      () => ({ errors: ['permission denied'] }),
    ],
    ['no token', 'GET /v1/secret/data/openai.api_key', { token: '' }, 403, () => ({ errors: ['permission denied'] })],
  ])('%s', async (_, line, sent, status, body) => {
    const answer = await ask(line, sent);
    expect([answer.status, answer.body]).toEqual([status, body()]);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
  });

  test('a bearer in Authorization is taken too, and HEAD of sys/health has no body', async () => {
    const sent = { token: '', headers: [`Authorization: Bearer ${stand.codex}`] };
    const bytes = bytesOf('GET /v1/secret/data/openai.api_key', sent).replace('X-Vault-Token: \r\n', '');
    expect((await raw(stand.port, [bytes]))[0]?.status).toBe(200);
    const head = await fetch(`${stand.url}/v1/sys/health`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('LIST is taken as a later request of a connection, and in the middle of its headers', async () => {
    const list = bytesOf('LIST /v1/secret/metadata', { by: 'hvac' });
    const later = await raw(stand.port, [bytesOf('GET /v1/sys/init', { by: 'hvac' }), list]);
    expect(later.map(({ status }) => status)).toEqual([200, 200]);
    expect(later[1]?.headers['connection']).toBe('close');
    const middle = list.indexOf('Accept');
    const [split] = await raw(stand.port, [[list.slice(0, middle), list.slice(middle)]]);
    expect(split?.status).toBe(200);
  });

  test('LIST of anything else is no request', async () => {
    expect((await ask('LIST /v1/flows')).status).toBe(400);
    expect((await ask('LIST /metrics')).status).toBe(400);
  });
});

describe('who asks', () => {
  const login = (body: unknown, method = 'jwt') =>
    ask(`POST /v1/auth/${method}/login`, { token: '', body: JSON.stringify(body) });

  test.each(['jwt', 'kubernetes'])(
    'a login by %s gives a token that can be looked at, used and revoked',
    async (method) => {
      const answer = await login({ role: 'ci', jwt: await stand.identity() }, method);
      expect(answer.status).toBe(200);
      const { auth } = answer.body as { auth: Record<string, unknown> };
      expect(auth).toMatchObject({ policies: ['ci'], renewable: false, lease_duration: expect.any(Number) });
      const token = String(auth['client_token']);
      const of = async (line: string) => ask(line, { token });
      expect((await of('GET /v1/secret/data/openai.api_key')).status).toBe(200);
      expect((await of('GET /v1/secret/data/github.token')).body).toEqual(denied);
      const told = (await of('GET /v1/auth/token/lookup-self')).body as { data: Record<string, unknown> };
      expect(told.data).toMatchObject({ id: token, policies: ['ci'], accessor: auth['accessor'] });
      expect(Number(told.data['ttl'])).toBeGreaterThan(3_000);
      const renewed = (await of('PUT /v1/auth/token/renew-self')).body as { auth: Record<string, unknown> };
      expect(renewed.auth).toMatchObject({ client_token: token, renewable: false });
      const revoked = await of('PUT /v1/auth/token/revoke-self');
      expect([revoked.status, revoked.text, revoked.headers['content-length']]).toEqual([204, '', undefined]);
      expect((await of('GET /v1/secret/data/openai.api_key')).body).toEqual({ errors: ['permission denied'] });
      const run = stand.trail().filter(({ agentRun }) => agentRun === auth['accessor']);
      expect(run.map(({ action }) => action)).toEqual([
        'agent-run.started',
        'secrets.resolve',
        'secrets.resolve',
        'agent-run.heartbeat',
        'agent-run.finished',
      ]);
    },
  );

  test.each<[string, () => Promise<unknown>, number, string]>([
    ['another role', async () => ({ role: 'codex', jwt: await stand.identity() }), 403, 'permission denied'],
    [
      'other claims',
      async () => ({ role: 'ci', jwt: await stand.identity({ repository: 'acme/evil' }) }),
      403,
      'permission denied',
    ],
    ["an agent's bearer", async () => ({ role: 'codex', jwt: stand.codex }), 403, 'permission denied'],
    ['no JWT at all', async () => ({ role: 'ci', jwt: 'x' }), 403, 'permission denied'],
    ['nothing', async () => ({}), 400, 'missing jwt'],
    ['a list', async () => [], 400, 'the body is no JSON object'],
  ])('a login with %s is refused', async (_, body, status, error) => {
    const answer = await login(await body());
    expect([answer.status, answer.body]).toEqual([status, { errors: [error] }]);
  });

  test('a page and another host are refused as at every door', async () => {
    const sent = { headers: ['Origin: https://evil.example'] };
    expect((await ask('GET /v1/secret/data/openai.api_key', sent)).status).toBe(403);
    const bytes = bytesOf('LIST /v1/secret/metadata').replace(/Host: \S+/, 'Host: evil.example');
    expect((await raw(stand.port, [bytes]))[0]?.status).toBe(421);
  });
});

describe('a wrapped answer', () => {
  const wrapped = async (ttl: string, path = 'secret/data/openai.api_key') => {
    const answer = await ask(`GET /v1/${path}`, { headers: [`X-Vault-Wrap-TTL: ${ttl}`] });
    return { answer, info: (answer.body as { wrap_info?: { token: string; ttl: number } }).wrap_info };
  };
  const unwrap = 'PUT /v1/sys/wrapping/unwrap';

  test('is given once, to whoever brings its token, and the trail tells to whom', async () => {
    const { answer, info } = await wrapped('60');
    expect(answer.body).toMatchObject({
      data: null,
      wrap_info: { ttl: 60, creation_path: 'secret/data/openai.api_key' },
    });
    expect(answer.text).not.toContain(values['OpenAI/credential']);
    const token = info?.token ?? '';
    const both = await Promise.all([ask(unwrap, { token }), ask(unwrap, { token })]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 400]));
    const given = both.find(({ status }) => status === 200);
    expect(given?.body).toMatchObject({ data: { data: { value: values['OpenAI/credential'] } }, wrap_info: null });
    expect(
      stand.trail().findLast(({ action, outcome }) => action === 'vault.unwrapped' && outcome === 'allowed'),
    ).toMatchObject({
      agent: 'unknown',
      what: ['openai.api_key'],
      path: 'secret/data/openai.api_key',
      detail: expect.stringMatching(/^wrapped by codex, request [0-9a-f-]{36}$/),
    });
    expect(JSON.stringify(stand.trail())).not.toContain(token);
  });

  test('is given to an agent that names its token in the body, and is no longer kept than its value', async () => {
    // as the CLI sends it
    const { info } = await wrapped('1h0m0s', 'kv/openai.api_key');
    expect(info?.ttl).toBeGreaterThan(60);
    expect(info?.ttl).toBeLessThanOrEqual(900);
    const body = JSON.stringify({ token: info?.token });
    expect((await ask(unwrap, { token: stand.other, body })).body).toMatchObject({
      data: { value: values['OpenAI/credential'] },
    });
    expect(stand.trail().findLast(({ action }) => action === 'vault.unwrapped')).toMatchObject({ agent: 'other' });
    expect((await ask(unwrap, { token: stand.other, body })).status).toBe(400);
  });

  test.each([
    ['90', 90],
    ['5m', 300],
    ['1m0s', 60],
    ['5m30s', 330],
    ['1m1.5s', 61],
  ])('is kept for %s, as clients write it', async (ttl, seconds) => {
    const { info } = await wrapped(ttl);
    expect(info?.ttl).toBe(seconds);
    expect((await ask(unwrap, { token: info?.token ?? '' })).status).toBe(200);
  });

  test.each(['0', '0s'])('is none for %s', async (ttl) => {
    expect((await wrapped(ttl)).answer.body).toMatchObject({ data: { data: { value: values['OpenAI/credential'] } } });
  });

  test.each<[string, string, string]>([
    ['of a one-time code', 'GET /v1/totp/code/code', '60'],
    ['of what a login gives', 'POST /v1/auth/jwt/login', '60'],
    ['of a token that is to be revoked', 'PUT /v1/auth/token/revoke-self', '60'],
    ['of a list', 'GET /v1/secret/metadata?list=true', '60'],
    ['for no length of time', 'GET /v1/secret/data/openai.api_key', 'soon'],
    ['for one without a unit at its end', 'GET /v1/secret/data/openai.api_key', '1m30'],
  ])('is not made %s', async (_, line, ttl) => {
    expect((await ask(line, { headers: [`X-Vault-Wrap-TTL: ${ttl}`] })).status).toBe(400);
  });

  test('is one of a hundred that an agent may keep, and none for who may not have it', async () => {
    // all at once: none is counted too late
    const answers = await Promise.all(Array.from({ length: 110 }, async () => wrapped('60', 'kv/github.token')));
    const given = Map.groupBy(answers, ({ answer }) => answer.status);
    expect([given.get(200)?.length, given.get(429)?.length]).toEqual([100, 10]);
    const sent = { token: stand.other, headers: ['X-Vault-Wrap-TTL: 60'] };
    expect((await ask('GET /v1/kv/github.token', sent)).body).toEqual(denied);
  });
});

describe('what is denied', () => {
  test('looks the same as what does not exist', async () => {
    const same = ['openai.api_key', 'rewind/github', 'team/app', 'none', 'gated.key', 'a/b/c', 'github.admin_token'];
    for (const area of ['secret/data', 'secret/metadata', 'kv']) {
      const answers = await Promise.all(same.map((path) => ask(`GET /v1/${area}/${path}`, { token: stand.other })));
      for (const { status, body } of answers) expect([status, body]).toEqual([403, denied]);
    }
    const listed = (await ask('GET /v1/secret/metadata?list=true', { token: stand.other })).body;
    expect(listed).toEqual(data({ keys: ['team.user'] }));
  });

  const approvalIn = ({ status, body }: RawAnswer): string => {
    expect(status).toBe(403);
    const { errors } = body as { errors: string[] };
    return (
      /^permission denied: .* http:\/\/localhost:\d+\/#\/approvals\/(a-[0-9a-f]{18})$/.exec(errors[0] ?? '')?.[1] ?? ''
    );
  };

  test('is given after a login once a person has said yes, where that is for a run', async () => {
    const body = JSON.stringify({ role: 'ci', jwt: await stand.identity() });
    const { auth } = (await ask('POST /v1/auth/jwt/login', { token: '', body })).body as {
      auth: { client_token: string };
    };
    const get = () => ask('GET /v1/kv/gated.key', { token: auth.client_token });
    await stand.approve(approvalIn(await get()));
    expect((await get()).body).toEqual(data({ value: values['Gated/key'] }));
  });

  test('waits for a person where policy says so: the approval is named, and what brings it is answered', async () => {
    const id = approvalIn(await ask('GET /v1/secret/data/gated.key'));
    await stand.approve(id);
    const brought = { headers: [`Approval-Id: ${id}`] };
    expect((await ask('GET /v1/secret/data/gated.key', brought)).body).toEqual(
      data({ data: { value: values['Gated/key'] }, metadata: expect.anything() }),
    );
  });
});

test('the trail has the path and the names, and nothing that is secret is anywhere else than in its answer', async () => {
  await ask('GET /v1/secret/data/team/app');
  await ask('GET /v1/secret/data/none');
  await ask('PUT /v1/secret/data/new', { body: `{"data":{"a":"${values['Team/old']}"}}` });
  const lines = stand.trail();
  const about = (path: string) => lines.findLast((line) => line['path'] === path);
  expect(about('secret/data/team/app')).toMatchObject({
    action: 'secrets.resolve',
    agent: 'codex',
    what: ['team.user', 'team.password'],
    outcome: 'allowed',
  });
  expect(about('secret/data/none')).toMatchObject({ outcome: 'denied', code: 'not-allowed', what: ['none'] });
  expect(about('secret/data/new')).toMatchObject({ action: 'vault.request', outcome: 'denied' });
  const others = [
    await ask('LIST /v1/secret/metadata'),
    await ask('GET /v1/secret/metadata/team/app'),
    await ask('GET /v1/sys/mounts'),
    await ask('GET /v1/secret/data/team/app', { token: stand.other }),
  ];
  const shown = [JSON.stringify(lines), stand.logged(), ...others.map(({ text }) => text)].join('\n');
  for (const secret of [...Object.values(values), stand.codex, stand.other]) expect(shown).not.toContain(secret);
});
