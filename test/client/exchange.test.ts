import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { BrokerError } from '../../src/client/broker-error.ts';
import { createClient } from '../../src/client/client.ts';
import type { Client } from '../../src/client/contract.ts';
import { json, startAnswering } from './stand.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flows-exchange-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  return join(folder, 'broker.sock');
}

function clientOf(path: string): Client {
  const client = createClient({ broker: `unix:${path}`, token: 'a-token', reason: 'a test' });
  closing.push(client.close);
  return client;
}

const answer = { found: [], rules: { files: [], commands: [], allow: [] }, environments: ['ä'] };

test('who asks once at a socket does so without Node’s own client, and who asks again keeps a connection', async () => {
  const path = socketPath();
  const stand = await startAnswering((_, response) => json(response, answer), { path });
  closing.push(stand.close);
  let connections = 0;
  stand.server.on('connection', () => (connections += 1));
  const client = clientOf(path);
  const asked: unknown[] = [];
  for (let time = 0; time < 4; time += 1) asked.push(await client.inspect(['ö']));
  expect(asked).toEqual([answer, answer, answer, answer]);
  expect(connections).toBe(2);
  const [first, second] = stand.asked;
  const facts = { authorization: 'Bearer a-token', 'content-type': 'application/json', host: 'localhost' };
  for (const each of stand.asked) {
    expect(each).toMatchObject({ path: '/v1/hook', headers: facts, body: '{"texts":["ö"]}' });
  }
  expect([first?.headers.connection, second?.headers.connection]).toEqual(['close', 'keep-alive']);
});

describe('what comes back from a socket is taken', () => {
  const whole = JSON.stringify(answer);
  const length = Buffer.byteLength(whole);
  test.each([
    ['with its length', `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${whole}`, undefined],
    ['up to the end of the connection', `HTTP/1.0 200 OK\r\n\r\n${whole}`, undefined],
    ['not where some of it is missing', `HTTP/1.1 200 OK\r\ncontent-length: ${length + 1}\r\n\r\n${whole}`, 'protocol'],
    ['not with more than it says', `HTTP/1.1 200 OK\r\ncontent-length: ${length - 1}\r\n\r\n${whole}`, 'protocol'],
    ['not without the end of its head', `HTTP/1.1 200 OK\r\ncontent-length: ${length}`, 'protocol'],
    ['not where it is no HTTP', `\r\n\r\n${whole}`, 'protocol'],
    ['not where it goes nowhere', 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n', 'protocol'],
    ['not where there is none', '', 'unreachable'],
  ])('%s', async (_, text, code) => {
    const path = socketPath();
    const server = createServer((socket) => void socket.once('data', () => socket.end(text)));
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    closing.push(() => server.close());
    const failure = await clientOf(path)
      .inspect([])
      .then(() => undefined)
      .catch((error: BrokerError) => error.code);
    expect(failure).toBe(code);
  });
});
