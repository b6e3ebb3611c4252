import { createHostCheck } from '../../../src/surfaces/server/host-check.ts';
import { readTls } from '../../../src/surfaces/server/tls-certificate.ts';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import type { RunningServer } from '../../../src/surfaces/server/http-server.ts';
import { selfSigned } from './certificate.ts';
import { startStand } from './stand.ts';

let folder: string;
let running: RunningServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flows-listen-'));
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.close()));
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

async function start(more: Parameters<typeof startStand>[0]) {
  const stand = await startStand(more);
  running.push(stand.server);
  return stand;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'started',
    (error: unknown) => (error instanceof FlowError ? error.code : error),
  );

function health(options: RequestOptions, send: typeof tlsRequest = plainRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    send({ path: '/healthz', agent: false, headers: { host: 'localhost' }, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('a Unix socket', () => {
  test('is for this user alone, and gone when the server is', async () => {
    const path = join(folder, 'broker.sock');
    const { server } = await start({ listen: { socket: path } });
    expect(server).toMatchObject({ url: undefined, socket: path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await health({ socketPath: path })).toBe(200);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test('stands beside TCP where a port is given', async () => {
    const path = join(folder, 'broker.sock');
    const { server, url } = await start({ listen: { socket: path, port: 0 } });
    expect(await health({ socketPath: path })).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await server.close();
  });

  test('of the broker’s own is for this user alone, left out where another has it, and gone when the server is', async () => {
    const ownSocket = join(folder, 'own.sock');
    const { server } = await start({ ownSocket });
    expect(server.ownSocket).toBe(ownSocket);
    expect(statSync(ownSocket).mode & 0o777).toBe(0o600);
    const { server: second } = await start({ ownSocket });
    expect(second.ownSocket).toBeUndefined();
    await second.close();
    expect(await health({ socketPath: ownSocket })).toBe(200);
    await server.close();
    expect(existsSync(ownSocket)).toBe(false);
  });

  test('that nobody answers on is replaced', async () => {
    const path = join(folder, 'broker.sock');
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(path, resolve));
    // what a process that was killed leaves behind
    const kept = join(folder, 'kept.sock');
    const { linkSync } = await import('node:fs');
    linkSync(path, kept);
    await new Promise((resolve) => gone.close(resolve));
    const { server } = await start({ listen: { socket: kept } });
    expect(await health({ socketPath: kept })).toBe(200);
    await server.close();
  });

  test('that somebody answers on is left alone', async () => {
    const path = join(folder, 'broker.sock');
    await start({ listen: { socket: path } });
    expect(await codeOf(start({ listen: { socket: path } }))).toBe('conflict');
    expect(await health({ socketPath: path })).toBe(200);
  });

  test.each<[string, (path: string) => void, string]>([
    ['a file', (path) => writeFileSync(path, 'x'), 'refused'],
    ['a folder', (path) => mkdirSync(path), 'refused'],
    [
      'a link to a file',
      (path) => (writeFileSync(`${path}.target`, 'x'), symlinkSync(`${path}.target`, path)),
      'refused',
    ],
    ['in a folder where others may write', () => chmodSync(folder, 0o777), 'refused'],
  ])('%s is refused', async (_, arrange, code) => {
    const path = join(folder, 'broker.sock');
    arrange(path);
    expect(await codeOf(start({ listen: { socket: path } }))).toBe(code);
  });

  test('in a folder that is not there is refused', async () => {
    expect(await codeOf(start({ listen: { socket: join(folder, 'none', 'broker.sock') } }))).toBe('refused');
  });
});

describe('TCP', () => {
  test.each(['0.0.0.0', '::', '192.0.2.1', 'broker.example', ''])('%s needs TLS', async (host) => {
    expect(await codeOf(start({ listen: { host, port: 0 } }))).toBe('refused');
  });

  test.each(['127.0.0.1', 'localhost', '127.0.0.9'])('%s is this machine', async (host) => {
    const { url } = await start({ listen: { host, port: 0 } });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('a port that is taken is told', async () => {
    const { url } = await start({ listen: { port: 0 } });
    expect(await codeOf(start({ listen: { port: Number(new URL(url).port) } }))).toBe('unavailable');
  });
});

describe('TLS', () => {
  function files(name = 'broker.example') {
    const made = selfSigned(name);
    const [certificate, key] = [join(folder, 'broker.pem'), join(folder, 'broker.key')];
    writeFileSync(certificate, made.certificate);
    writeFileSync(key, made.key, { mode: 0o600 });
    return { tls: { certificate, key }, ca: made.certificate };
  }

  test('serves beyond loopback, by address and by the names of its certificate', async () => {
    const { tls, ca } = files();
    const { url } = await start({ listen: { host: '0.0.0.0', port: 0 }, tls });
    expect(url).toMatch(/^https:\/\/0\.0\.0\.0:\d+$/);
    const to = { host: '127.0.0.1', port: Number(new URL(url).port), ca };
    for (const [host, status] of [
      ['broker.example', 200],
      ['BROKER.example:7700', 200],
      ['127.0.0.1', 200],
      ['192.0.2.7:443', 200],
      ['evil.example', 421],
    ] as const) {
      expect([host, await health({ ...to, servername: 'broker.example', headers: { host } }, tlsRequest)]).toEqual([
        host,
        status,
      ]);
    }
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(health({ ...to, ...old }, tlsRequest)).rejects.toThrow(/alert protocol version/);
  });

  test('the names of a renewed certificate are taken, without a restart', () => {
    const first = readTls(files('old.example').tls);
    const isOurs = createHostCheck({ names: first.names, anyAddress: false });
    expect([isOurs('old.example'), isOurs('new.example')]).toEqual([true, false]);
    first.use(readTls(files('new.example').tls));
    expect(isOurs('new.example')).toBe(true);
  });

  test('files that do not fit are refused', async () => {
    const { tls } = files();
    writeFileSync(tls.key, selfSigned('other.example').key);
    expect(await codeOf(start({ tls }))).toBe('invalid');
    writeFileSync(tls.certificate, 'no certificate');
    expect(await codeOf(start({ tls }))).toBe('invalid');
    rmSync(tls.certificate);
    expect(await codeOf(start({ tls }))).toBe('invalid');
  });

  test('a key that everyone can read is refused', async () => {
    const { tls } = files();
    chmodSync(tls.key, 0o644);
    expect(await codeOf(start({ tls }))).toBe('refused');
  });
});
