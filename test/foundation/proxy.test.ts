import { createServer } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttp } from '../../src/foundation/http.ts';
import { createWay, proxyIn, proxyProblem } from '../../src/foundation/proxy.ts';

let asked: (() => void) | undefined;
let proof: string | undefined;
const server = createServer().on('connect', ({ headers }, socket: Socket) => {
  proof = headers['proxy-authorization'];
  asked?.();
  socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
});
let address = '';
beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

/** What Node's own agent does: asks the proxy for a tunnel, or opens a socket at once. */
async function nodeGoesDirectly(url: string, except: string): Promise<boolean> {
  const agent = new Agent({ proxyEnv: { https_proxy: address, no_proxy: except } });
  const ended = new AbortController();
  const direct = await new Promise<boolean>((decided) => {
    asked = () => decided(false);
    const lookup = (_: string, __: unknown, done: (error: Error) => void) => done(new Error('no lookups here'));
    request(url, { agent, signal: ended.signal, lookup: lookup as never })
      .on('socket', () => decided(true))
      .on('error', () => undefined);
  });
  ended.abort();
  agent.destroy();
  return direct;
}

test.each([
  ['https://api.example', '', false],
  ['https://api.example', '*', true],
  ['https://api.example', 'API.example', true],
  ['https://api.example', 'other.example, api.example', true],
  ['https://api.example', 'api.example:443', true],
  ['https://api.example', 'api.example:8443', false],
  ['https://api.example:8443', 'api.example:8443', true],
  ['https://a.api.example', '.api.example', true],
  ['https://api.example', '.api.example', true],
  ['https://a.api.example', '*.api.example', true],
  ['https://myapi.example', '.api.example', false],
  ['https://api.example.evil', '.api.example', false],
  ['https://192.0.2.7', '192.0.2.1-192.0.2.9', true],
  ['https://192.0.2.17', '192.0.2.1-192.0.2.9', false],
  ['https://192.0.2.7', '192.0.2.9-192.0.2.1', false],
  ['https://192.0.2.7', '192.0.2.7', true],
])('%s where NO_PROXY is "%s", directly: %s, as Node has it', async (url, except, direct) => {
  expect(await nodeGoesDirectly(url, except)).toBe(direct);
  expect(createWay(proxyIn({ HTTPS_PROXY: address, NO_PROXY: except })).proxyOf(url) === undefined).toBe(direct);
});

// what Node's agent does not know: its fetch does, or people write it everywhere
test.each([
  ['https://a.api.example', 'api.example', true],
  ['https://api.example', 'other.example api.example', true],
  ['https://10.1.2.3', '10.0.0.0/8', true],
  ['https://11.1.2.3', '10.0.0.0/8', false],
  ['https://[2001:db8::7]', '2001:db8::/32', true],
  ['https://[2001:db9::7]', '2001:db8::/32', false],
  ['https://10.1.2.3', '10.0.0.0/80', false],
  ['https://127.0.0.1', '', true],
  ['https://[::1]:8443', '', true],
  ['http://localhost:3000', '', true],
  ['https://localhost.:8443', '', true],
  ['https://vault.localhost', '', true],
  ['https://[::ffff:127.0.0.1]', '', true],
  ['https://notlocalhost', '', false],
  ['https://[2001:db8::7]', '2001:DB8:0:0::0007', true],
  ['https://[2001:db8::7]', '[2001:db8::7]:443', true],
  ['https://[2001:db8::7]', '[2001:db8::7]:8443', false],
  ['https://[2001:db8::7]', '[2001:db8::]/32', true],
  ['https://api.example.', 'api.example', true],
  ['https://a.api.example', 'api.example.', true],
  ['https://bücher.example', 'bücher.example', true],
])('%s where NO_PROXY is "%s", directly: %s', (url, except, direct) => {
  expect(createWay(proxyIn({ HTTPS_PROXY: address, NO_PROXY: except })).proxyOf(url) === undefined).toBe(direct);
});

test.each([
  [{}, undefined],
  [{ HTTPS_PROXY: '' }, undefined],
  [{ HTTP_PROXY: 'a:1' }, 'http://a:1'],
  [{ HTTPS_PROXY: 'https://b:2', HTTP_PROXY: 'a:1' }, 'https://b:2'],
  [{ https_proxy: 'http://c', HTTPS_PROXY: 'https://b:2' }, 'http://c'],
  [{ HTTPS_PROXY: 'http://u:secret@d:4' }, 'http://d:4'],
])('the proxy of %j is %s', (variables, expected) => {
  expect(createWay(proxyIn(variables)).proxyOf('https://x.example')).toBe(expected);
});

test.each(['socks5://a:1', 'http://', 'a b'])('%s is no proxy', (text) => {
  expect(proxyProblem(text)).toBeDefined();
  expect(() => createWay(proxyIn({ HTTPS_PROXY: text }))).toThrow('the address of the proxy');
});

test.each([
  ['u:p', 'u:p'],
  ['u:100%', 'u:100%'],
  ['u:p%40s%', 'u:p@s%'],
  ['u:p@s', 'u:p@s'],
  ['DOM%5Cu:%C3%A4', 'DOM\\u:ä'],
])('a proxy is told who asks as %s says, a %% that begins no code included', async (written, told) => {
  const { fetch } = createWay(proxyIn({}, address.replace('//', `//${written}@`)));
  const call = createHttp({ peer: 'the issuer', development: false, fetch });
  await expect(call('https://x.example')).rejects.toMatchObject({ message: expect.stringContaining('it answers 403') });
  expect(Buffer.from(proof?.replace(/^Basic /, '') ?? '', 'base64').toString()).toBe(told);
});

// each would have another host than its own, or no user
test.each(['DOM\\u:p@a:1', 'u:12/3@a:1', 'u:1?2@a:1', 'u:1#2@a:1', 'u:p/w@a:1', 'u:%ff@a:1'])(
  '%s has a user name or password that is not written so',
  (text) => {
    for (const address of [text, `http://${text}`]) expect(proxyProblem(address)).toContain('before its @');
  },
);

test('what a proxy refuses is told with its name and its answer, without its credentials', async () => {
  const { fetch } = createWay(proxyIn({}, address.replace('//', '//user:secret@')));
  const error: unknown = await createHttp({ peer: 'the issuer', development: false, fetch })('https://x.example').catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({
    code: 'unavailable',
    message: `x.example cannot be reached by the proxy ${address} (it answers 403)`,
  });
});
