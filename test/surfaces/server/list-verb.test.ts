import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { emptyRegistry } from '../../../src/folder/registry.ts';
import { selfSigned } from './certificate.ts';
import { bearer, own, type Stand, startStand } from './stand.ts';
import { addressOf } from './wire.ts';

const vaultApi = { registry: () => emptyRegistry, version: '1.0.0', rate: undefined };
let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ vaultApi, bounds: { inFlight: 5 } });
});
afterAll(() => stand.server.close());

test('LIST of one who goes away leaves no request behind that takes the place of another', async () => {
  const held = Promise.withResolvers<void>();
  stand.trailState.hold = held.promise;
  const line = `LIST /v1/secret/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Vault-Token: none\r\n\r\n`;
  for (let count = 0; count < 10; count += 1) {
    const socket = connect(addressOf(stand.url));
    const gone = new Promise((resolve) => void socket.on('close', resolve).on('error', () => undefined));
    socket.write(line);
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.resetAndDestroy();
    await gone;
  }
  // what they asked for is still being answered
  const again = async () => (await fetch(`${stand.url}/healthz`)).status;
  await expect.poll(again).toBe(200);
  held.resolve();
});

test('LIST after a request that is still being answered is answered after it', async () => {
  const held = Promise.withResolvers<void>();
  stand.trailState.hold = held.promise;
  const socket = connect({ ...addressOf(stand.url), noDelay: true });
  let text = '';
  const closed = new Promise((resolve) => void socket.on('close', resolve));
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const rest = ' HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Vault-Token: none\r\n\r\n';
  const attempts = stand.trailState.asked;
  socket.write(`GET /v1/secret/data/slow${rest}`);
  // it waits for the trail
  await expect.poll(() => stand.trailState.asked).toBe(attempts + 1);
  stand.trailState.hold = undefined;
  socket.write(`LIST /v1/secret/metadata${rest}`);
  await expect.poll(() => stand.trailState.asked).toBe(attempts + 2);
  expect(text).toBe('');
  held.resolve();
  await closed;
  // the second ends the connection
  expect(text.match(/HTTP\/1\.1 403|Connection: [^\r]*/g)?.map((line) => line.toLowerCase())).toEqual([
    'http/1.1 403',
    'connection: keep-alive',
    'http/1.1 403',
    'connection: close',
  ]);
});

test('LIST in the middle of another request is a part of that, and asks for nothing', async () => {
  const held = Promise.withResolvers<void>();
  stand.trailState.hold = held.promise;
  const socket = connect({ ...addressOf(stand.url), noDelay: true });
  let text = '';
  const closed = new Promise((resolve) => void socket.on('close', resolve));
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8'))).on('error', () => undefined);
  const parts = [
    'POST /v1/access HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'LIST /v1/secret/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Vault-Token: none\r\n\r\n',
  ];
  for (const part of parts) {
    socket.write(part);
    // a packet of its own
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // whatever the request itself would be answered, it waits for that until then
  await closed;
  held.resolve();
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).not.toContain('"errors"');
});

describe('over TLS', () => {
  /** Asks on one connection for as long as the other side keeps it. */
  function asking(url: string, ca: string) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
    onTestFinished(() => agent.destroy());
    return async (method: string, path: string, token = bearer) => {
      const sent = request(new URL(path, url), { method, agent, headers: { 'x-vault-token': token } }).end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      const port = response.socket.localPort;
      const { statusCode: status, headers } = response;
      return { port, answer: { status, connection: headers.connection, body: await json(response) } };
    };
  }
  async function answersOf(url: string, ca: string): Promise<readonly unknown[]> {
    const ask = asking(url.replace('http:', 'https:'), ca);
    const first = await ask('LIST', '/v1/secret/metadata');
    const read = await ask('GET', '/v1/sys/init');
    const later = await ask('LIST', '/v1/secret/metadata');
    const stranger = await ask('LIST', '/v1/secret/metadata', 'none');
    const other = await ask('LIST', '/v1/flows');
    return [first.answer, later.answer, later.port === read.port, stranger.answer, other.answer.status];
  }
  const names = expect.objectContaining({ data: { keys: ['openai.api_key', 'openai.org'] } });
  const listed = { status: 200, connection: 'close', body: names };
  const denied = { status: 403, connection: 'close', body: { errors: ['permission denied'] } };
  const wanted = [listed, listed, true, denied, 400];

  test('LIST is taken by the certificate of service.yaml, first and later on a connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flows-list-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const made = selfSigned('broker.example');
    const tls = { certificate: join(folder, 'broker.pem'), key: join(folder, 'broker.key') };
    writeFileSync(tls.certificate, made.certificate);
    writeFileSync(tls.key, made.key, { mode: 0o600 });
    const { server, url } = await startStand({ vaultApi, tls });
    onTestFinished(() => server.close());
    expect(await answersOf(url, made.certificate)).toEqual(wanted);
  });

  test('LIST is taken by the certificate that the broker made itself', async () => {
    expect(await answersOf(stand.url, own.cert)).toEqual(wanted);
  });
});
