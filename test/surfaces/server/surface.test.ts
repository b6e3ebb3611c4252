import { createHash } from 'node:crypto';
import { request as send } from 'node:http';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { describedBy } from './described.ts';
import { addressOf, exchange, parseAnswer } from './wire.ts';
import { authorized, bearer, canary, granted, type Stand, startStand } from './stand.ts';

let stand: Stand;
let expectDescribed: Awaited<ReturnType<typeof describedBy>>;
beforeAll(async () => {
  stand = await startStand();
  expectDescribed = await describedBy(stand.url);
});
afterAll(() => stand.server.close());

const json = { 'content-type': 'application/json' };

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** fetch would not send a Host or an Origin of ours. */
function ask({ method = 'POST', path, headers = {}, body }: Sent) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string; type: string }>(
    (resolve, reject) => {
      const request = send(`${stand.url}${path}`, { method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const type = String(response.headers['content-type']);
          const answer = { status: response.statusCode ?? 0, headers: response.headers, type };
          resolve({ ...answer, body: Buffer.concat(chunks).toString() });
        });
      });
      request.on('error', reject).end(body);
    },
  );
}

async function refusal(sent: Sent) {
  const answer = await ask(sent);
  expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['x-powered-by']).toBeUndefined();
  expect(answer.headers['etag']).toBeUndefined();
  expectDescribed(sent.method ?? 'POST', sent.path, answer);
  const problem = JSON.parse(answer.body) as { code: string; requestId: string; names?: string[] };
  expect(problem.requestId).toBe(answer.headers['x-request-id']);
  return { ...answer, problem };
}

const secrets = '/v1/secrets/resolve';
const deep = (depth: number) => `{"inputs":${'['.repeat(depth)}${']'.repeat(depth)}}`;

describe('what an agent may have', () => {
  test('an end of its run, whether it sends an empty object or nothing', async () => {
    for (const sent of [{ headers: authorized }, { headers: { ...authorized, ...json }, body: '{}' }])
      expect((await ask({ path: '/v1/runs/run-1/cancel', ...sent })).status).toBe(200);
  });

  test('secrets by name', async () => {
    const headers = { ...authorized, ...json, 'x-agent-run-id': 'run-42', 'x-agent-id': 'codex' };
    const answer = await ask({ path: secrets, headers, body: '{"secrets":["openai.api_key"],"reason":"a deploy"}' });
    expect(answer.status).toBe(200);
    expectDescribed('POST', secrets, answer);
    expect(JSON.parse(answer.body)).toEqual({
      resolved: { 'openai.api_key': { value: canary, expiresAt: expect.any(String) } },
      cached: false,
      requestId: answer.headers['x-request-id'],
    });
    expect(stand.callers.at(-1)).toEqual({
      agent: 'codex',
      by: 'token',
      request: answer.headers['x-request-id'],
      run: 'run-42',
      reason: 'a deploy',
      address: '127.0.0.1',
    });
  });

  test.each<[string, Sent, unknown]>([
    ['a token', { path: '/v1/tokens/orders-token', headers: authorized }, granted],
    [
      'a token with inputs',
      { path: '/v1/tokens/orders-token', headers: { ...authorized, ...json }, body: '{"inputs":{}}' },
      granted,
    ],
    [
      'a flow',
      {
        path: '/v1/flows/report',
        headers: { ...authorized, ...json },
        body: '{"inputs":{"day":"1","n":2,"all":true}}',
      },
      { output: { inputs: ['day', 'n', 'all'] } },
    ],
    [
      'a refused token',
      {
        path: '/v1/tokens/orders-token/rejected',
        headers: { ...authorized, ...json },
        body: `{"token_hash":"${createHash('sha256').update('x').digest('hex')}"}`,
      },
      { evicted: true },
    ],
    ['the flows', { method: 'GET', path: '/v1/flows', headers: authorized }, { flows: [{ name: 'orders-token' }] }],
    [
      'what texts hold, of more than other bodies have',
      {
        path: '/v1/hook',
        headers: { ...authorized, ...json },
        body: JSON.stringify({ texts: ['a'.repeat(200_000), `x ${canary}`] }),
      },
      { found: [{ text: 1, name: 'openai.api_key', from: 2 }], rules: { files: [] }, environments: ['orders-env'] },
    ],
    [
      'whether it could have a flow',
      { path: '/v1/access', headers: { ...authorized, ...json }, body: '{"flow":"orders-token"}' },
      { allowed: true },
    ],
    [
      'and what it could not',
      { path: '/v1/access', headers: { ...authorized, ...json }, body: '{"secret":"nothing"}' },
      { allowed: false },
    ],
    ['health', { method: 'GET', path: '/healthz' }, { status: 'ok' }],
    ['readiness', { method: 'GET', path: '/readyz' }, { status: 'ok', checks: { trail: true } }],
  ])('%s', async (_, sent, expected) => {
    const answer = await ask(sent);
    expect(answer.status).toBe(200);
    expectDescribed(sent.method ?? 'POST', sent.path, answer);
    expect(JSON.parse(answer.body)).toMatchObject(expected as object);
  });

  test('is not ready while a check fails', async () => {
    stand.ready['trail'] = false;
    const answer = await ask({ method: 'GET', path: '/readyz' });
    stand.ready['trail'] = true;
    expect(answer.status).toBe(503);
    expectDescribed('GET', '/readyz', answer);
  });

  test('metrics, whose labels are ours', async () => {
    await ask({ path: '/v1/tokens/made-up-by-an-agent', headers: { ...authorized, 'x-agent-run-id': 'run-label' } });
    const answer = await ask({ method: 'GET', path: '/metrics' });
    expectDescribed('GET', '/metrics', answer);
    expect(answer.body).toContain(
      'flows_http_request_duration_seconds_count{route="/v1/tokens/{flow}",outcome="not-allowed"}',
    );
    for (const text of ['made-up', 'run-label', canary, bearer]) expect(answer.body).not.toContain(text);
  });
});

describe('bad input', () => {
  const agent = { ...authorized, ...json };
  test.each<[string, number, string, Sent]>([
    ['no route', 404, 'not-found', { path: '/v1/nothing', headers: authorized }],
    ['another case', 404, 'not-found', { method: 'GET', path: '/V1/flows', headers: authorized }],
    ['a slash at the end', 404, 'not-found', { method: 'GET', path: '/v1/flows/', headers: authorized }],
    ['two slashes', 404, 'not-found', { method: 'GET', path: '//v1/flows', headers: authorized }],
    [
      'another method',
      405,
      'method-not-allowed',
      { method: 'PUT', path: '/v1/tokens/orders-token', headers: authorized },
    ],
    ['a method that Node knows', 405, 'method-not-allowed', { method: 'PROPFIND', path: '/v1/flows' }],
    ['no body', 400, 'invalid-request', { path: secrets, headers: authorized }],
    ['an empty object', 400, 'invalid-request', { path: secrets, headers: agent, body: '{}' }],
    ['no JSON', 400, 'invalid-request', { path: secrets, headers: agent, body: '{"secrets":' }],
    [
      'a reason that turns the text around it',
      400,
      'invalid-request',
      { path: secrets, headers: agent, body: JSON.stringify({ secrets: ['a'], reason: 'night \u202ereport' }) },
    ],
    ['a list', 400, 'invalid-request', { path: secrets, headers: agent, body: '[]' }],
    ['null', 400, 'invalid-request', { path: secrets, headers: agent, body: 'null' }],
    [
      'a number whose digits cannot be kept',
      400,
      'invalid-request',
      {
        path: '/v1/tokens/orders-token',
        headers: agent,
        body: '{"inputs":{"n":0.12345678901234567890}}',
      },
    ],
    ['an unknown key', 400, 'invalid-request', { path: secrets, headers: agent, body: '{"secrets":["a"],"more":1}' }],
    ['no names', 400, 'invalid-request', { path: secrets, headers: agent, body: '{"secrets":[]}' }],
    [
      'a name that is none',
      400,
      'invalid-request',
      { path: secrets, headers: agent, body: '{"secrets":["op://a/b/c"]}' },
    ],
    [
      'a thousand names',
      400,
      'invalid-request',
      {
        path: secrets,
        headers: agent,
        body: JSON.stringify({ secrets: Array.from({ length: 1000 }, (_, index) => `a.n${index}`) }),
      },
    ],
    [
      'bytes that are no UTF-8',
      400,
      'invalid-request',
      { path: secrets, headers: agent, body: Buffer.from([0x22, 0xff, 0x22]) },
    ],
    ['deep nesting', 400, 'invalid-request', { path: '/v1/flows/report', headers: agent, body: deep(17) }],
    ['very deep nesting', 400, 'invalid-request', { path: '/v1/flows/report', headers: agent, body: deep(30_000) }],
    [
      'a body that opens quotes again and again',
      400,
      'invalid-request',
      { path: secrets, headers: agent, body: String.raw`"\"`.repeat(20_000) },
    ],
    [
      'a long reason',
      400,
      'invalid-request',
      { path: secrets, headers: agent, body: JSON.stringify({ secrets: ['a'], reason: 'x'.repeat(201) }) },
    ],
    [
      'a reason with a line break',
      400,
      'invalid-request',
      { path: secrets, headers: agent, body: JSON.stringify({ secrets: ['a'], reason: 'a\nb' }) },
    ],
    [
      'two reasons',
      400,
      'invalid-request',
      { path: secrets, headers: { ...agent, 'x-reason': 'a' }, body: '{"secrets":["a"],"reason":"b"}' },
    ],
    [
      'a run id with spaces',
      400,
      'invalid-request',
      { path: '/v1/tokens/orders-token', headers: { ...authorized, 'x-agent-run-id': 'a b' } },
    ],
    [
      'two run ids',
      400,
      'invalid-request',
      { path: '/v1/tokens/orders-token', headers: { ...authorized, 'x-agent-run-id': ['a', 'b'] } },
    ],
    ['a flow that no file could have', 400, 'invalid-request', { path: '/v1/tokens/..%2f..', headers: authorized }],
    ['a path that is not encoded', 400, 'invalid-request', { path: '/v1/tokens/%zz', headers: authorized }],
    ['a query', 400, 'invalid-request', { path: `/v1/tokens/orders-token?access_token=x`, headers: authorized }],
    [
      'a hash that is none',
      400,
      'invalid-request',
      { path: '/v1/tokens/orders-token/rejected', headers: agent, body: '{"token_hash":"xyz"}' },
    ],
    [
      'a body where none is taken',
      400,
      'invalid-request',
      { method: 'GET', path: '/v1/flows', headers: agent, body: '{}' },
    ],
    [
      'more than an empty object where no body is taken',
      400,
      'invalid-request',
      { path: '/v1/runs/run-1/cancel', headers: agent, body: '{"a":1}' },
    ],
    [
      'a form',
      415,
      'unsupported-media-type',
      { path: secrets, headers: { ...authorized, 'content-type': 'text/plain' }, body: '{"secrets":["a"]}' },
    ],
    [
      'no content type',
      415,
      'unsupported-media-type',
      { path: secrets, headers: authorized, body: '{"secrets":["a"]}' },
    ],
    [
      'a compressed body',
      415,
      'unsupported-media-type',
      { path: secrets, headers: { ...agent, 'content-encoding': 'gzip' }, body: 'x' },
    ],
    [
      'another charset',
      415,
      'unsupported-media-type',
      { path: secrets, headers: { ...authorized, 'content-type': 'application/json; charset=utf-16' }, body: '{}' },
    ],
    [
      'a large body',
      413,
      'too-large',
      { path: secrets, headers: agent, body: `{"secrets":["${'a'.repeat(70_000)}"]}` },
    ],
    [
      'a body that is too large for any route',
      413,
      'too-large',
      { path: '/v1/hook', headers: agent, body: `{"texts":["${'a'.repeat(1_100_000)}"]}` },
    ],
    [
      'a large body of unknown length',
      413,
      'too-large',
      {
        path: secrets,
        headers: { ...agent, 'transfer-encoding': 'chunked' },
        body: `{"secrets":["${'a'.repeat(70_000)}"]}`,
      },
    ],
    [
      'a page of another site',
      403,
      'origin-refused',
      { path: '/v1/tokens/orders-token', headers: { ...authorized, origin: 'https://evil.example' } },
    ],
    ['a page of this site', 403, 'origin-refused', { method: 'GET', path: '/metrics', headers: { origin: 'null' } }],
    [
      'a page without an Origin',
      403,
      'origin-refused',
      { method: 'GET', path: '/healthz', headers: { 'sec-fetch-site': 'cross-site' } },
    ],
    [
      'a name rebound to loopback',
      421,
      'misdirected',
      { path: '/v1/tokens/orders-token', headers: { ...authorized, host: 'evil.example:7700' } },
    ],
    ['another address', 421, 'misdirected', { method: 'GET', path: '/healthz', headers: { host: '192.168.1.1' } }],
    [
      'a name that begins with ours',
      421,
      'misdirected',
      { method: 'GET', path: '/healthz', headers: { host: 'localhost.evil.example' } },
    ],
    ['what is denied', 403, 'not-allowed', { path: '/v1/tokens/stripe', headers: authorized }],
    ['what writes', 403, 'write-not-served', { path: '/v1/flows/writes', headers: authorized }],
    ['too much', 429, 'rate-limited', { path: '/v1/tokens/limited', headers: authorized }],
    ['what is down', 503, 'upstream-unavailable', { path: '/v1/tokens/down', headers: authorized }],
    ['a fault of ours', 500, 'internal', { path: '/v1/tokens/broken', headers: authorized }],
  ])('%s: %i %s', async (_, status, code, sent) => {
    const { problem, ...answer } = await refusal(sent);
    expect([answer.status, problem.code]).toEqual([status, code]);
    expect(answer.body).not.toContain(canary);
    expect(answer.body).not.toMatch(/\bat .*\.ts/);
    expect(answer.headers['allow'] === undefined).toBe(status !== 405);
    expect(answer.headers['retry-after'] === undefined).toBe(code !== 'rate-limited');
  });

  test('one denied name gives nothing, and is told', async () => {
    const { problem } = await refusal({
      path: secrets,
      headers: agent,
      body: '{"secrets":["openai.api_key","stripe.live_key"]}',
    });
    expect(problem.names).toEqual(['stripe.live_key']);
  });

  test("an agent's malformed request is on the trail", async () => {
    const { problem } = await refusal({ path: secrets, headers: agent, body: '{' });
    expect(stand.events.at(-1)).toMatchObject({
      agent: 'codex',
      action: 'secrets.resolve',
      code: 'invalid-request',
      request: problem.requestId,
    });
  });
});

describe('who asks', () => {
  const path = '/v1/tokens/orders-token';
  const wrong = { ...authorized, 'x-agent-id': 'another' };
  const basic = `Basic ${Buffer.from('codex:x').toString('base64')}`;
  test.each<[string, Sent['headers']]>([
    ['nothing', {}],
    ['an empty credential', { authorization: '' }],
    ['no token', { authorization: 'Bearer' }],
    ['another scheme', { authorization: basic }],
    ['a token of the right form', { authorization: `Bearer ${createBearer().reveal()}` }],
    ['a token with a wrong checksum', { authorization: `Bearer ${bearer.slice(0, -1)}!` }],
    ['two credentials', { authorization: [`Bearer ${bearer}`, `Bearer ${bearer}`] }],
    ['a JWT of nobody', { authorization: `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.` }],
    ['a very long token', { authorization: `Bearer ${'a'.repeat(12_000)}` }],
    ['the id of another agent', wrong],
    ['two agent ids', { ...authorized, 'x-agent-id': ['codex', 'codex'] }],
  ])('%s: the same 401', async (_, headers) => {
    const {
      status,
      problem,
      headers: answered,
      body,
    } = await refusal({ path, ...(headers === undefined ? {} : { headers }) });
    expect(status).toBe(401);
    expect(answered['www-authenticate']).toBe('Bearer');
    expect(body.replaceAll(problem.requestId, 'ID')).toBe(
      '{"type":"about:blank","title":"Unauthorized","status":401,"detail":"The request holds no credential that is accepted here.","code":"not-authenticated","requestId":"ID"}',
    );
    expect(stand.events.at(-1)).toMatchObject({
      agent: 'unknown',
      action: 'authenticate',
      outcome: 'denied',
      request: problem.requestId,
    });
    expect(JSON.stringify(stand.events.at(-1))).not.toContain(bearer);
  });

  test('nothing is given out while the trail cannot be written', async () => {
    stand.trailState.broken = true;
    try {
      for (const sent of [{ path, headers: authorized }, { path: '/v1/flows/report', headers: authorized }, { path }]) {
        const { status, problem } = await refusal(sent);
        expect([status, problem.code]).toEqual([503, 'audit-unavailable']);
      }
    } finally {
      stand.trailState.broken = false;
    }
  });
});

test('/openapi.json is valid OpenAPI 3.1', async () => {
  type Document = Parameters<Validator['validate']>[0];
  const document = (await (await fetch(`${stand.url}/openapi.json`)).json()) as Document;
  const { valid, errors } = await new Validator().validate(document);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test('/openapi.json tells which requests bring approvals, and may wait for one', async () => {
  const { paths } = (await (await fetch(`${stand.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId: string; parameters?: { $ref?: string }[] }>>;
  };
  const taking = (parameter: string) =>
    Object.values(paths)
      .flatMap((item) => Object.values(item))
      .filter(({ parameters = [] }) => parameters.some(({ $ref = '' }) => $ref.endsWith(`/${parameter}`)))
      .map(({ operationId }) => operationId);
  expect(taking('approval')).toEqual(['resolveSecrets', 'issueToken', 'runFlow']);
  expect(taking('prefer')).toEqual(taking('approval'));
});

test('an approval that is brought to where it changes nothing is refused', async () => {
  const { status, problem } = await refusal({
    path: '/v1/flows/report/runs',
    headers: { ...authorized, 'approval-id': `a-${'0'.repeat(18)}` },
  });
  expect([status, problem.code]).toEqual([400, 'invalid-request']);
});

describe('probes and bodies of other makes', () => {
  test.each(['/healthz', '/readyz'])('%s is answered to HTTP/1.0 without a Host', async (path) => {
    const answer = parseAnswer(await exchange(addressOf(stand.url), `GET ${path} HTTP/1.0\r\n\r\n`));
    expect(answer.status).toBe(200);
    const other = parseAnswer(await exchange(addressOf(stand.url), `GET /metrics HTTP/1.0\r\n\r\n`));
    expect(other.status).toBe(421);
  });

  test('a byte order mark before JSON is passed over', async () => {
    const headers = { ...authorized, 'content-type': 'application/json' };
    const answer = await fetch(`${stand.url}/v1/tokens/orders-token`, { method: 'POST', headers, body: '\ufeff{}' });
    expect(answer.status).toBe(200);
  });

  test('an answer to a body that was not read ends the connection', async () => {
    const head = 'POST /v1/tokens/orders-token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{';
    const text = await exchange(addressOf(stand.url), head);
    expect([parseAnswer(text).status, /^Connection: close\r$/im.test(text)]).toEqual([401, true]);
  });
});
