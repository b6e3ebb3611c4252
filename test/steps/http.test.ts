import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { askNobody } from '../../src/app/ask-people.ts';
import { noJournal } from '../../src/engine/journal.ts';
import type { RunEvent } from '../../src/engine/run-events.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { planText } from '../../src/surfaces/cli/flow/plan-text.ts';
import { httpGet } from '../../src/steps/http-get.ts';
import { httpRequest } from '../../src/steps/http-request.ts';
import { apiAt, json, rules, startApi } from '../adapters/apis/http/arrange.ts';
import { createHome } from '../e2e/home.ts';
import { load, told } from '../folder/folder.ts';

const token = `  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Orders M2M/username
      client-secret: op://Agents/Orders M2M/credential
      audience: https://orders.example
      scope: [orders:read]
`;
const get = (id: string, path = '/orders', more = '') =>
  `  - { id: ${id}, uses: http/get, with: { api: "\${{ apis.orders }}", path: '${path}', token: "\${{ steps.token }}"${more} } }\n`;
const flows: Record<string, string> = {
  'list-orders': `description: x\nsteps:\n${token}${get('all', '/orders', ', response: { fields: [orders.id, orders.total.amount] }')}output: { orders: "\${{ steps.all.body.orders }}", status: "\${{ steps.all.status }}" }\n`,
  'read-order': `description: x\ninputs: { order: { type: string } }\nsteps:\n${token}${get('one', '/orders/{id}', ', path-values: { id: "${{ inputs.order }}" }, expect: [200, 404], response: { fields: [id, status] }')}output: { status: "\${{ steps.one.status }}", is: "\${{ steps.one.body.status }}" }\n`,
  twice: `description: x\nsteps:\n${token}${get('one')}${get('two')}output: { one: "\${{ steps.one.status }}", two: "\${{ steps.two.status }}" }\n`,
  echo: `description: x\nsteps:\n${token}${get('back', '/echo', ', response: { fields: [method, headers.authorization] }')}output: { method: "\${{ steps.back.body.method }}" }\n`,
  moved: `description: x\nsteps:\n${token}${get('back', '/moved')}output: { status: "\${{ steps.back.status }}" }\n`,
};

flows['new-key'] = `description: x
steps:
${token}  - id: key
    uses: http/request
    with:
      api: \${{ apis.orders }}
      method: POST
      path: /orders
      token: \${{ steps.token }}
      response: { fields: [id] }
      secret: key.value
      into: op://Agents/Orders M2M/credential
output: { id: '\${{ steps.key.body.id }}', secret: '\${{ steps.key.secret }}' }
`;

const home = createHome();
const dir = join(home.work, 'flows');
let peer: Awaited<ReturnType<typeof startApi>>;
let laptop: App;
/** the same flows, and an API whose answers a test bends */
let own: App;
let mints: () => number;
let stack: RunningStack;
beforeAll(async () => {
  for (const [name, text] of Object.entries(flows)) home.write(`flows/${name}.yaml`, text);
  stack = await home.stack();
  peer = await startApi();
  const { issuer, vault } = stack.addresses;
  const pages = `sign-in: { issuer: main, client-id: x, redirect-uri: '${issuer}/x', pages: keycloak }`;
  const providers = `
      main: { type: scim, url: '${stack.addresses.scim.url}', token-flow: scim-token, ${pages} }
      realm: { type: keycloak, url: '${issuer}/realms/x', token-flow: realm-token, proof: { client-id: x } }`;
  home.write(
    'flows/service.yaml',
    `environments:
  production:
    vars: { break-glass: a, break-glass-second: c, prefix: b }
    vault: { type: onepassword, token: { env: OWN } }
    apis: { orders: { url: 'https://orders.example', methods: [GET, POST], paths: [/orders, '/orders/{id}', /echo, /moved], token: bearer } }
    issuers: { main: { url: '${issuer}' } }
    key: op://Agents/auth-chain key/password
    identity-providers: ${providers}
    stores: { aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' } }
    development: true
  own:
    development: true
    vars: { break-glass: a, break-glass-second: c, prefix: b }
    vault: { type: onepassword, token: { env: OWN } }
    key: op://Agents/auth-chain key/password
    issuers: { main: { url: '${issuer}' } }
    identity-providers: ${providers}
    stores: { aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' } }
    apis: { orders: { url: '${peer.url}', methods: [GET, POST], paths: [/orders, '/orders/{id}', /echo, /moved], token: bearer } }
`,
  );
  mints = () => stack.identityProvider.requests().token;
  const open = async (environment: string) => {
    const taken = takeEnvironment({ OWN: vault.token.reveal() });
    const app = await openApp({ dir, environment, taken });
    const [problem] = app.folder.problems;
    if (problem !== undefined) throw new TypeError(`${problem.line}: ${problem.message}`);
    return app;
  };
  [laptop, own] = await Promise.all([open('development'), open('own')]);
});
afterAll(async () => {
  await Promise.all([laptop.close(), own.close()]);
  peer.close();
  await home.close();
});
beforeEach(() => {
  peer.asked.length = 0;
});

async function run(app: App, name: string, given: Record<string, unknown> = {}, onEvent?: (event: RunEvent) => void) {
  const flow = app.flow(name);
  const output = await app.run(flow, parseInputs(flow, given), onEvent === undefined ? {} : { onEvent });
  const entries = output.kind === 'mapping' ? output.entries : [];
  return Object.fromEntries(entries.map(([key, each]) => [key, Object(each).value as unknown]));
}
const failed = async (work: Promise<unknown>): Promise<FlowError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FlowError)) throw new TypeError('it is no FlowError', { cause: error });
  return error;
};
const bearers = () => peer.asked.map(({ headers }) => headers.authorization ?? '');

describe('create-order', () => {
  it('says what it would send, with all of it but the token', async () => {
    const flow = laptop.flow('create-order');
    const plan = await laptop.plan(flow, parseInputs(flow, { quantity: 2 }));
    const url = (await laptop.connections()).place('apis', 'orders');
    expect(planText(plan, (_, text) => text)).toBe(
      `create-order: 1 change\n> order  send: POST ${url}/orders ({"article":"A4 paper","quantity":2})\n`,
    );
  });

  it('makes an order, and gives its id and status and nothing else', async () => {
    const events: RunEvent[] = [];
    const first = await run(laptop, 'create-order', { quantity: 2 }, (event) => void events.push(event));
    expect(first).toEqual({ id: expect.stringMatching(/^A-\d+$/), status: 'open' });
    expect(await run(laptop, 'read-order', { order: String(first['id']) })).toEqual({ status: 200, is: 'open' });
    expect((await run(laptop, 'create-order'))['id']).not.toBe(first['id']);
    const written = JSON.stringify(events);
    expect(written).toContain('"api":"apis.orders"');
    expect(written).not.toMatch(/eyJ|[Bb]earer ./);
    expect(events.find(({ step, type }) => step === 'order' && type === 'step-finished')).toMatchObject({
      output: { status: 201, body: { id: first['id'], status: 'open' } },
    });
  });

  it('refuses what the API refuses, by its status alone', async () => {
    const error = await failed(run(laptop, 'create-order', { quantity: 0 }));
    expect(error.line()).toMatch(/^flow "create-order", step "order", apis\.orders: answers 422 \(/);
  });
});

describe('a plan', () => {
  const api = apiAt('https://orders.example', { rules: { ...rules, methods: ['PUT'] } });
  const plan = async (input: Record<string, unknown>) => {
    if (httpRequest.effect !== 'write' || httpGet.effect !== 'none')
      throw new TypeError('the one writes, the other does not');
    return httpRequest.plan({ api, method: 'PUT', path: '/orders/{id}', ...input }, undefined as never);
  };
  it.each([
    [
      'all that is sent',
      { 'path-values': { id: 'a b' }, query: { q: 1 }, json: { a: 'x' } },
      '/orders/a%20b?q=1',
      '{"a":"x"}',
    ],
    ['where, where a value is known after the run', { json: [1] }, '/orders/{id}', '[1]'],
    ['nothing of a body, where there is none', { 'path-values': { id: '1' } }, '/orders/1', undefined],
  ])('tells %s', async (_, input, path, detail) => {
    expect((await plan(input)).changes).toEqual([
      { action: 'send', what: `PUT https://orders.example${path}`, ...(detail === undefined ? {} : { detail }) },
    ]);
  });

  it('is refused where a value is no segment', async () => {
    await expect(plan({ 'path-values': { id: '../x' } })).rejects.toMatchObject({ code: 'invalid-value' });
  });
});

describe('what only reads', () => {
  it('runs at once, and gives the named fields of each element', async () => {
    const { orders, status } = await run(laptop, 'list-orders');
    const [first] = orders as readonly object[];
    expect([status, first]).toEqual([200, { id: 'A-1001', total: { amount: '48.00' } }]);
    expect(await run(laptop, 'read-order', { order: 'A-9' })).toEqual({ status: 404 });
  });

  it('gives nothing of an API that repeats the token, and follows none that leads elsewhere', async () => {
    const echoed = await failed(run(laptop, 'echo'));
    expect(echoed.line()).toMatch(/"back", apis\.orders: its answer repeats the credential/);
    expect(JSON.stringify([echoed, echoed.stack, echoed.cause])).not.toContain('eyJ');
    expect((await failed(run(laptop, 'moved'))).code).toBe('refused');
  });

  it('has an input as one segment of the path', async () => {
    const error = await failed(run(laptop, 'read-order', { order: '../echo' }));
    expect([error.code, error.place.step]).toEqual(['invalid-value', 'one']);
  });
});

describe('a token that is refused', () => {
  const refusing = (refused: ReadonlySet<string>, body: unknown = { id: 'A-1', status: 'open' }) => {
    peer.answers.next = (incoming, response) =>
      refused.has(incoming.headers.authorization ?? '')
        ? void response.writeHead(401).end()
        : json(body)(incoming, response);
  };

  it('is made anew, once, also for steps side by side, and for a write with the same key', async () => {
    refusing(new Set());
    await run(own, 'twice');
    const [first = ''] = bearers();
    const before = mints();
    refusing(new Set([first]));
    peer.asked.length = 0;
    expect(await run(own, 'twice')).toEqual({ one: 200, two: 200 });
    expect(mints()).toBe(before + 1);
    const [, , second = ''] = bearers();
    expect(bearers().toSorted()).toEqual([first, first, second, second].toSorted());
    peer.asked.length = 0;
    expect(await run(own, 'create-order')).toEqual({ id: 'A-1', status: 'open' });
    expect([bearers(), mints()]).toEqual([[second], before + 1]);

    // an API that never takes any makes no flood of tokens: one in a minute
    peer.answers.next = (_, response) => void response.writeHead(401).end();
    peer.asked.length = 0;
    expect((await failed(run(own, 'create-order'))).code).toBe('denied');
    expect((await failed(run(own, 'create-order'))).code).toBe('denied');
    expect([bearers(), mints()]).toEqual([[second, second], before + 1]);
  });
});

describe('a write', () => {
  const carry = (name?: string, begun = false) => {
    const flow = own.flow('create-order');
    return own.carryOut(flow, parseInputs(flow, {}), {
      agent: 'codex',
      journal: { ...noJournal, ...(name === undefined ? {} : { run: name }), begun: () => Promise.resolve(begun) },
      onPlan: () => Promise.resolve(false),
      onEvent: () => undefined,
      askPeople: askNobody,
      signal: new AbortController().signal,
    });
  };

  it('has the same key whenever its run goes on, and every run another', async () => {
    peer.answers.next = json({ id: 'A-1' });
    for (const name of ['r-1', 'r-1', 'r-2', undefined, undefined]) await carry(name);
    const keys = peer.asked.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(4);
  });

  it('that was in the middle when its process ended waits for a person, unless it may be repeated', async () => {
    expect((await failed(carry('r-4', true))).line()).toMatch(/step "order".*may be done \(look whether it is/);
    expect(peer.asked).toEqual([]);
    const repeatable = (method: string, keyed: boolean) =>
      httpRequest.effect === 'write' &&
      httpRequest.isRepeatable?.({ method, api: apiAt('https://orders.example', { rules: { ...rules, keyed } }) });
    expect(['POST', 'PATCH', 'PUT', 'DELETE'].map((method) => repeatable(method, false))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(repeatable('POST', true)).toBe(true);
  });

  it('that may be done although nobody said so is told as such, and is not sent again', async () => {
    peer.answers.next = (incoming) => void incoming.socket.destroy();
    expect((await failed(carry('r-3'))).line()).toMatch(/apis\.orders: .*may be done \(look whether it is/);
    expect(peer.asked).toHaveLength(1);
    for (const [next, code] of [
      [json({}, 500), 'outcome-unknown'],
      [json({ id: { a: 1 } }), 'outcome-unknown'],
      [json({}, 422), 'invalid-value'],
      [json({}, 302, { location: '/' }), 'refused'],
    ] as const) {
      peer.answers.next = next;
      expect((await failed(carry())).code).toBe(code);
    }
  });
});

describe('a secret of an answer', () => {
  const fieldsNow = () => stack.vault.dump().find(({ title }) => title === 'Orders M2M')?.fields ?? [];
  it('goes to the vault beside the one in force, and nowhere else; once', async () => {
    peer.answers.next = json({ id: 'k-1', key: { value: 'canary-key-of-the-api' } });
    const flow = own.flow('new-key');
    const plan = await own.plan(flow, {});
    expect(planText(plan, (_, text) => text)).toMatch(
      /send: POST http:\S+\/orders\n.*create: field "credential \(next\)" of item "Orders M2M" in vault "Agents"/,
    );
    const events: RunEvent[] = [];
    const first = await run(own, 'new-key', {}, (event) => void events.push(event));
    expect([first['id'], String(first['secret'])]).toEqual(['k-1', expect.stringMatching(/credential \(next\)$/)]);
    expect(fieldsNow().find(({ label }) => label === 'credential (next)')?.value).toBe('canary-key-of-the-api');
    expect(JSON.stringify([events, plan, first])).not.toContain('canary-key');
    const again = await run(own, 'new-key');
    expect([again['id'], again['secret']]).toEqual([undefined, first['secret']]);
    expect(peer.asked).toHaveLength(1);
  });
});

describe('what is wrong with the files', () => {
  const service = (api: string) => `environments:
  production:
    vault: { type: onepassword, token: { env: A } }
    apis: { orders: { url: 'https://orders.example', methods: [GET, POST], paths: [/orders, '/orders/{id}'], ${api} } }
`;
  const step = (uses: string, more: string) =>
    `description: x
inputs: { id: { type: string }, which: { enum: [/orders, /other] } }
steps:
  - { id: ask, uses: ${uses}, with: { api: '\${{ apis.orders }}', ${more} } }
`;
  const key = 'token: op://A/B/c';
  const rows: readonly (readonly [string, string, string, RegExp | undefined, string?])[] = [
    ['all that it needs', 'http/get', `path: /orders, ${key}`, undefined],
    [
      'a path with a value',
      'http/get',
      `path: '/orders/{id}', path-values: { id: '\${{ inputs.id }}' }, ${key}`,
      undefined,
    ],
    ['no value for a name', 'http/get', `path: '/orders/{id}', ${key}`, /nothing fills \{id\}/],
    [
      'a value without a name',
      'http/get',
      `path: /orders, path-values: { id: a }, ${key}`,
      /"path-values.id": has no place/,
    ],
    ['a path that is not of the API', 'http/get', `path: /order, ${key}`, /may not be asked at \/order/],
    [
      'a path that an input may make another',
      'http/get',
      `path: '\${{ inputs.which }}', ${key}`,
      /may not be asked at \/other/,
    ],
    [
      'a method that is not of the API',
      'http/request',
      `method: PUT, path: /orders, ${key}`,
      /may not be asked by PUT/,
    ],
    ['a secret without a place', 'http/request', `method: POST, path: /orders, secret: key, ${key}`, /stand together/],
    ['GET where it writes', 'http/request', `method: GET, path: /orders, ${key}`, /"method" takes/],
    ['no credential', 'http/get', 'path: /orders', /it takes a credential/],
    ['one too many', 'http/get', `path: /orders, ${key}`, /has no place for a credential/, 'timeout: 30s'],
    ['a credential that is text', 'http/get', 'path: /orders, token: abc', /"token" takes/],
    [
      'a field inside another',
      'http/get',
      `path: /orders, ${key}, response: { fields: [a, a.b] }`,
      /"a.b" is inside "a"/,
    ],
    [
      'a field that is none',
      'http/get',
      `path: /orders, ${key}, response: { fields: ['a b'] }`,
      /takes the name of a field/,
    ],
    ['too large an answer', 'http/get', `path: /orders, ${key}, response: { max: 2000KiB }`, /more than 1024KiB/],
    ['no size', 'http/get', `path: /orders, ${key}, response: { max: 64KB }`, /takes a size/],
    ['a status of failure', 'http/get', `path: /orders, ${key}, expect: [500]`, /expect\[0\]/],
    ['a body where it reads', 'http/get', `path: /orders, ${key}, json: {}`, /unknown key "json"/],
    ['an unknown API', 'http/get', `path: /orders, ${key}, api: '\${{ apis.ordres }}'`, /apis|twice|unique/i],
  ];
  const cases = rows.map(
    ([name, uses, more, problem, api = 'token: bearer']) => [name, uses, more, problem, api] as const,
  );
  it.each(cases)('a step with %s', async (_, uses, more, problem, api) => {
    const problems = told(await load({ 'service.yaml': service(api), 'x.yaml': step(uses, more) })).filter(
      (line) => !line.startsWith('x.yaml') || problem !== undefined || !line.includes('development'),
    );
    expect(problems.join('\n')).toMatch(problem ?? /^$/);
  });

  it('is checked on the laptop by what another environment says of the API', async () => {
    const folder = await load({
      'service.yaml': service('token: bearer'),
      'x.yaml': step('http/get', `path: /x, ${key}`),
    });
    expect(folder.settings.environments.get('development')?.connections.apis.get('orders')).toMatchObject({
      paths: ['/orders', '/orders/{id}'],
    });
  });
});
