import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLogger } from '../../../src/surfaces/server/log.ts';
import { problems } from '../../../src/foundation/wire.ts';
import { bearer, canary, startStand } from './stand.ts';
import { addressOf, untilClosed } from './wire.ts';
import { amountOf } from '../../long/amounts.ts';

const count = amountOf('hostile requests');
/** requests that share a connection and its answers */
const together = 100;

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const junk = fc.string({ unit: 'binary', maxLength: 40 });
const printable = fc.stringMatching(/^[\x21-\x7e]{0,30}$/);

const method = fc.oneof(
  { weight: 8, arbitrary: pick('GET', 'POST') },
  pick('PUT', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'PATCH', 'get', 'PROPFIND', 'G\u0000T', ''),
);
const target = fc.oneof(
  {
    weight: 8,
    arbitrary: pick(
      '/v1/secrets/resolve',
      '/v1/tokens/orders-token',
      '/v1/tokens/orders-token/rejected',
      '/v1/flows/report',
      '/v1/flows',
      '/healthz',
      '/readyz',
    ),
  },
  pick(
    '/',
    '*',
    '//',
    '/v1/tokens/',
    '/metrics',
    '/v1/tokens/%00',
    '/v1/tokens/%2e%2e%2f',
    '/v1/tokens/__proto__',
    '/v1/flows/constructor',
    '/v1/tokens/broken',
    '/v1/../etc/passwd',
    'http://evil.example/v1/flows',
    '/v1/flows?x=1',
  ),
  printable.map((text) => `/v1/tokens/${text}`),
  printable.map((text) => `/${text}`),
);
const mildLine = pick(
  'X-Agent-Id: codex',
  'X-Agent-Id: other',
  'X-Agent-Run-Id: run-1',
  'X-Reason: because',
  'Accept: */*',
  'Origin: null',
  'Expect: 100-continue',
  'Content-Encoding: gzip',
  'Sec-Fetch-Site: none',
);
const headerLine = fc.oneof(
  pick(
    'Host: localhost',
    'Host: evil.example',
    `Authorization: Bearer ${bearer}`,
    'Authorization: Bearer x',
    'Authorization: Basic AAAA',
    'Content-Type: application/json',
    'Content-Type: text/html',
    'Origin: https://evil.example',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Content-Length: 5',
    'Content-Length: 99999999999999999999',
    'Expect: 100-continue',
    'Expect: x',
    'Connection: close',
    'Connection: Upgrade',
    'Upgrade: h2c',
    'X-Agent-Id: codex',
    'X-Agent-Id: other',
    `X-Agent-Run-Id: ${'r'.repeat(300)}`,
    'X-Reason: because',
    'X-Reason: \u0001',
  ),
  fc.tuple(fc.stringMatching(/^[A-Za-z-]{1,12}$/), junk).map(([name, value]) => `${name}: ${value}`),
  junk,
);
const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  pick(
    '{"secrets":["openai.api_key"]}',
    '{"secrets":["a.b"]}',
    '{"secrets":["__proto__"]}',
    '{"__proto__":{"secrets":["a"]}}',
    '{"inputs":{"__proto__":"x","a":1}}',
    `{"inputs":${'['.repeat(400)}`,
    '{"token_hash":"00"}',
  ),
  junk,
);

/** From nearly right to nonsense. */
const hostile = fc
  .record({
    method,
    target,
    version: fc.oneof({ weight: 12, arbitrary: pick('HTTP/1.1') }, pick('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '')),
    proper: fc.integer({ min: 0, max: 2 }),
    mild: fc.array(mildLine, { maxLength: 2 }),
    headers: fc.array(headerLine, { maxLength: 6 }),
    body: fc.option(json, { nil: undefined }),
    end: fc.oneof({ weight: 9, arbitrary: pick('\r\n') }, pick('\n', '\r', '')),
  })
  .map(({ method, target, version, proper, mild, headers, body, end }) => {
    const usual = proper > 0 ? ['Host: localhost', `Authorization: Bearer ${bearer}`, ...mild] : [];
    const wild = proper === 2 ? [] : headers;
    const content = Buffer.from(body ?? '');
    const sized = body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${content.length}`];
    const head = [`${method} ${target} ${version}`, ...usual, ...sized, ...wild, '', ''].join(end);
    return Buffer.concat([Buffer.from(head), content]);
  });

/** Asks for the end of the connection last; where that is taken for a part of what came before, the server ends it in time. */
const last = Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

function answersTo(url: string, bytes: readonly Buffer[]): Promise<string> {
  const socket = connect(addressOf(url));
  const answers = untilClosed(socket);
  socket.write(Buffer.concat([...bytes, last]));
  return answers;
}

const documented = new Set([200, ...Object.values(problems).map(({ status }) => status)]);

test(`${count} requests of mixed malice`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flows-fuzz-'));
  const logFile = join(folder, 'log');
  const stand = await startStand({
    log: createLogger('trace', logFile),
    bounds: { headers: 150, request: 250, idle: 1_000, keepAlive: 200, gather: 10 },
  });
  // one that found something; others by the variable
  const seed = Number(process.env['FUZZ_SEED'] ?? 56_115_033);
  const requests = fc.sample(hostile, { numRuns: count, seed });
  const seen = new Map<number, number>();
  let next = 0;
  const worker = async () => {
    while (next < requests.length) {
      const some = requests.slice(next, (next += together));
      // one after the other on connections of their own, and all of them on one
      const answers = await Promise.all([
        ...some.map((bytes) => answersTo(stand.url, [bytes])),
        answersTo(stand.url, some),
      ]);
      for (const text of answers) {
        for (const [, status] of text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)) {
          seen.set(Number(status), (seen.get(Number(status)) ?? 0) + 1);
        }
        const answered = [...text.matchAll(/^HTTP\/1\.1 (?!100 )\d{3}/gm)].length;
        const identified = [...text.matchAll(/^X-Request-Id: [0-9a-f-]{36}\r$/gm)].length;
        expect(identified, `seed ${seed}: ${text}`).toBeGreaterThanOrEqual(answered);
        expect(text, `seed ${seed}`).not.toMatch(/\.(?:ts|js):\d+|node_modules|Error:/);
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);

  // the stand-in fails with a value in its message where it is asked for `broken`: no other 500 is known
  const undocumented = [...seen].filter(([status]) => !documented.has(status) && status !== 100);
  expect(undocumented, `seed ${seed}`).toEqual([]);
  // it was answered, and not only with 400
  expect(seen.values().reduce((sum, each) => sum + each, 0)).toBeGreaterThan(count);
  for (const status of [200, 401, 403, 404, 405, 415, 417, 421]) expect([...seen.keys()]).toContain(status);
  const health = await fetch(`${stand.url}/healthz`);
  expect(health.status).toBe(200);
  const metrics = await (await fetch(`${stand.url}/metrics`)).text();
  await stand.server.close();
  const log = readFileSync(logFile, 'utf8');
  rmSync(folder, { recursive: true, force: true });
  for (const text of [log, metrics, JSON.stringify(stand.events)]) {
    expect(text).not.toContain(canary);
    expect(text).not.toContain(bearer);
  }
  for (const line of log.split('\n').slice(0, -1)) {
    const { route, msg } = JSON.parse(line) as { route: string; msg: string };
    expect([route, msg]).toEqual(['/v1/tokens/{flow}', 'an unexpected fault']);
  }
  const allowed = stand.events.filter(({ outcome }) => outcome === 'allowed');
  expect(new Set(allowed.map(({ agent }) => agent))).toEqual(new Set(['codex']));
  const mayHave = ['orders-token', 'report', 'slow', 'openai.api_key'];
  expect(allowed.flatMap(({ what }) => what).filter((name) => !mayHave.includes(name))).toEqual([]);
  expect(stand.events.filter(({ agent }) => agent !== 'codex' && agent !== 'unknown')).toEqual([]);
});
