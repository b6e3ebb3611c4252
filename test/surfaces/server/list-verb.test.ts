import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emptyRegistry } from '../../../src/folder/registry.ts';
import { type Stand, startStand } from './stand.ts';
import { addressOf } from './wire.ts';

let stand: Stand;
beforeAll(async () => {
  const vaultApi = { registry: () => emptyRegistry, version: '1.0.0', rate: undefined };
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
  await expect.poll(again, { timeout: 10_000 }).toBe(200);
  held.resolve();
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
