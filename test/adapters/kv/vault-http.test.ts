import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createJwtLogin } from '../../../src/adapters/kv/jwt-login.ts';
import { createKvEngine } from '../../../src/adapters/kv/kv-engine.ts';
import type { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { openVault } from '../../contracts/kv-engine.ts';
import { startVaultDouble, type Fault, type VaultDouble } from './double.ts';

let server: VaultDouble;
beforeAll(async () => {
  server = await startVaultDouble();
});
beforeEach(() => server.recorded.splice(0));
afterAll(() => server.close());

const engine = (token = async () => server.root) => createKvEngine(openVault(server), 'secret', token, Date.now);
const thrown = async (work: Promise<unknown>): Promise<FlowError> => {
  try {
    await work;
  } catch (error) {
    return error as FlowError;
  }
  throw new Error('it did not fail');
};

const standby = { location: 'https://active.example/v1/secret/metadata/x' };
type Told = [
  status: number,
  errors: string[] | undefined,
  code: string,
  message: RegExp,
  headers?: Record<string, string>,
];
const told: Told[] = [
  [307, undefined, 'refused', /standby does to its active node/, standby],
  [400, ['something else'], 'refused', /does not take this request/],
  [400, ['missing client token'], 'denied', /was given no token/],
  [403, ['permission denied'], 'denied', /does not know the token/],
  [403, ['2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'], 'denied', /does not know the token/],
  [403, ['1 error occurred:\n\t* permission denied\n\n'], 'denied', /policies do not allow this/],
  [404, ['no handler for route "x". route entry not found.'], 'not-found', /nothing mounted there/],
  [404, ['namespace not found'], 'not-found', /no such namespace/],
  [404, ['1 error occurred:\n\t* unsupported path\n\n'], 'not-found', /does not have what was asked for/],
  [405, ['1 error occurred:\n\t* unsupported operation\n\n'], 'protocol', /as KV of version 2 can/],
  [412, ['required index state not present'], 'unavailable', /has not caught up/],
  [413, ['http: request body too large'], 'invalid-value', /too large for the Vault server/],
  [429, ['request path "secret/data/x": rate limit quota exceeded'], 'rate-limited', /takes no more requests/],
  [500, ['put failed due to value being too large; got 1100049 bytes, max: 1048576 bytes'], 'invalid-value', /storage/],
  [500, ['internal error'], 'unavailable', /a fault of its own/],
  [501, ['Vault is not initialized'], 'unavailable', /not initialized/],
  [502, undefined, 'unavailable', /a fault of its own/],
  [503, ['Vault is sealed'], 'unavailable', /is sealed/],
  [503, ['local node not active but active cluster node not found'], 'unavailable', /no active node/],
];

describe('a failure', () => {
  test.each<Told>(told)('%i %j is %s, in words for its operator', async (status, errors, code, message, headers) => {
    server.fail(() => ({ status, errors, headers }));
    const error = await thrown(engine().metadata('x'));
    server.fail(undefined);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.hint).toMatch(/\w/);
  });

  test.each([
    ['a page', 200, 'text/html', '<html>hello</html>'],
    ['a page that is missing', 404, 'text/html', '<html>not found</html>'],
    ['a page of a proxy', 403, 'text/html', '<html>no</html>'],
    ['JSON of something else', 200, 'application/json', '{"data":{"items":[]}}'],
  ])('%s: what answers is not the Vault server', async (_, status, type, body) => {
    const other = createServer(
      (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body),
    );
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const kv = createKvEngine(openVault({ url }), 'secret', async () => server.root, Date.now);
    const error = await thrown(kv.metadata('x'));
    await new Promise((resolve) => void other.close(resolve));
    expect(error).toMatchObject({ code: 'protocol', message: expect.stringMatching(/is not the Vault server/) });
  });

  test('of a write holds neither the value nor the token, whatever the server repeats', async () => {
    const [canary, token] = [`canary-${crypto.randomUUID()}`, server.root.reveal()];
    for (const status of [400, 403, 405, 413, 429, 500, 503]) {
      server.fail(() => ({ status, errors: [`cannot store ${canary} of ${token}`] }));
      const error = await thrown(engine().write('x', new Secret(JSON.stringify({ value: canary })), 0));
      const all = `${error.line()} ${inspect(error, { depth: null })}`;
      expect(all).not.toContain(canary);
      expect(all).not.toContain(token);
    }
    server.fail(undefined);
  });
});

describe('what may be tried again', () => {
  const behind: Fault = { status: 412, errors: ['required index state not present'] };

  test('is, where a node has not caught up: it is told what was written last', async () => {
    const kv = engine();
    server.failNext({ status: 503, errors: ['x'], headers: { 'x-vault-index': 'index-1' }, after: true });
    await thrown(kv.write('behind', new Secret('{}'), 0));
    server.failNext(behind, behind, behind);
    expect(await kv.metadata('behind')).toMatchObject({ current: 1 });
    expect(server.recorded.map(({ headers }) => headers['x-vault-index'])).toEqual([
      undefined,
      ...Array.from({ length: 4 }, () => 'index-1'),
    ]);
  });

  test('is, where fewer requests are asked for soon, and is not, where it takes long', async () => {
    server.failNext({ status: 429, headers: { 'retry-after': '2' } });
    expect(await engine().metadata('none')).toBeUndefined();
    server.failNext({ status: 429, headers: { 'retry-after': '60' } });
    expect(await thrown(engine().metadata('none'))).toMatchObject({ code: 'rate-limited', retryAfter: 60 });
    expect(server.recorded).toHaveLength(3);
  });

  test('is, without more of them meanwhile: who waits keeps a turn, and a login needs none', async () => {
    const own = await startVaultDouble({ roles: { pusher: () => true } });
    const awake = Promise.withResolvers<void>();
    let waiting = 0;
    const sleep = () => {
      waiting += 1;
      return awake.promise;
    };
    const http = openVault(own, { sleep });
    const jwt = async () => new Secret('a.good.jwt');
    const login = createJwtLogin({ http, mount: 'jwt', role: 'pusher', jwt, now: Date.now });
    const kv = createKvEngine(http, 'secret', login.token, Date.now);
    let busy = true;
    own.fail(({ path }) => (busy && path.startsWith('secret/') ? { status: 429 } : undefined));
    const asked = Promise.all(Array.from({ length: 40 }, (_, at) => kv.metadata(`app/${at}`)));
    await expect.poll(() => waiting).toBe(10);
    busy = false;
    awake.resolve();
    await asked;
    // and one login
    expect(http.requests()).toBe(51);
    await own.close();
  });

  test('is no write whose answer was lost: it is not sent twice', async () => {
    server.failNext({ status: 500, errors: ['x'], after: true });
    expect(await thrown(engine().write('lost', new Secret('{}'), 0))).toMatchObject({ code: 'unavailable' });
    expect(server.recorded).toHaveLength(1);
    expect(server.versions('lost')).toBe(1);
  });
});

test('a token that was refused is asked for again, once, and used where it is another', async () => {
  const refused: (Secret | undefined)[] = [];
  const kv = engine(async (old?: Secret) => {
    refused.push(old);
    return old === undefined ? new Secret('s.old') : server.root;
  });
  expect(await kv.metadata('none')).toBeUndefined();
  expect(refused.map((each) => each?.reveal())).toEqual([undefined, 's.old']);
  expect(await thrown(engine(async () => new Secret('s.old')).metadata('none'))).toMatchObject({ code: 'denied' });
});

test('a token that cannot stand in a header is refused before anything is sent', async () => {
  const error = await thrown(engine(async () => new Secret('s.a\ns.b')).metadata('x'));
  expect(error).toMatchObject({ code: 'invalid-value' });
  expect(error.line()).not.toContain('s.a');
  expect(server.recorded).toHaveLength(0);
});
