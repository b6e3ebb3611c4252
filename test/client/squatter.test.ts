import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { ownCertificates } from '../../src/client/own-brokers.ts';
import { announceBroker } from '../../src/surfaces/server/announcement.ts';
import { ownCertificate } from '../../src/surfaces/server/own-certificate.ts';
import { bearer, own, startStand } from '../surfaces/server/stand.ts';

const ending: (() => unknown)[] = [];
const before = process.env['XDG_STATE_HOME'];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'squatter-'));
  process.env['XDG_STATE_HOME'] = folder;
});
afterEach(async () => {
  for (const each of ending.splice(0).toReversed()) await each();
  if (before === undefined) delete process.env['XDG_STATE_HOME'];
  else process.env['XDG_STATE_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

/** Whoever has the port, and what comes to it on the wire. */
async function squat(server: Server, heard: Buffer[]): Promise<string> {
  server.on('connection', (socket) =>
    socket.on('data', (chunk: Buffer) => heard.push(chunk)).on('error', () => socket.destroy()),
  );
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  ending.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What comes of asking for a token: its code, or that it was given. */
async function outcome(broker: string, more: { readonly ca?: string } = {}): Promise<unknown> {
  const client = createClient({ broker, token: bearer, deadline: 2_000, ...more });
  ending.push(client.close);
  return client.token('orders-token').then(
    () => 'given',
    (error: unknown) => (error as { code?: string }).code,
  );
}

/** A broker of this user says where it is, and is ended without taking that back. */
async function announced(
  certificate: string,
  url?: string,
  more: { readonly ownSocket?: string | undefined; readonly pid?: number } = {},
): Promise<undefined> {
  const dir = mkdtempSync(join(folder, 'flows-'));
  const address = { pid: process.pid, environment: 'production', url, socket: undefined, certificate, ...more };
  ending.push(await announceBroker(dir, address));
  return undefined;
}

const another = ownCertificate(Buffer.alloc(32, 'another'), '127.0.0.1');
const squatters: readonly (readonly [string, string, (heard: Buffer[]) => Server])[] = [
  ['that speaks plain HTTP', 'unsafe', () => createHttpServer((_, response) => response.end('{}'))],
  ['that answers anything', 'unsafe', () => createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n{}'))],
  ['that says nothing', 'timeout', () => createServer()],
  ['that hangs up', 'unreachable', () => createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))],
  [
    'with a certificate like ours, of another key',
    'unsafe',
    (heard) =>
      createTlsServer({ ...another }, (request, response) => {
        heard.push(Buffer.from(JSON.stringify(request.rawHeaders)));
        response.end('{}');
      }),
  ],
];

describe.each(squatters)('whoever took the port %s', (_, code, make) => {
  test.each<[string, () => Promise<undefined> | string | undefined]>([
    ['where nothing is known of a broker', () => undefined],
    ['where the broker was ended without a word', () => announced(own.cert)],
    ['where the caller gives the certificate', () => own.cert],
  ])('never sees the bearer: %s', async (_case, known) => {
    const heard: Buffer[] = [];
    const broker = await squat(make(heard), heard);
    const ca = await known();
    expect(await outcome(broker, ca === undefined ? {} : { ca })).toBe(code);
    const text = Buffer.concat(heard).toString('latin1');
    expect(text).not.toContain(bearer);
    expect(text.toLowerCase()).not.toContain('authorization');
  });
});

describe('the broker proves itself', () => {
  async function served() {
    const stand = await startStand();
    ending.push(() => stand.server.close());
    return stand;
  }

  test('by the note that it leaves this user, beside those of others, and by `ca`', async () => {
    const { url } = await served();
    expect(await outcome(url)).toBe('unsafe');
    expect(await outcome(url, { ca: own.cert })).toBe('given');
    expect(await outcome(url.replace('http:', 'https:'), { ca: own.cert })).toBe('given');
    await announced(another.cert);
    expect(await outcome(url)).toBe('unsafe');
    await announced(own.cert, url);
    expect(await outcome(url)).toBe('given');
    expect(await outcome(url.replace('127.0.0.1', 'localhost'))).toBe('given');
  });

  test('by NODE_EXTRA_CA_CERTS, beside the notes of others', async () => {
    const { url } = await served();
    await announced(another.cert);
    const file = join(folder, 'own.pem');
    writeFileSync(file, own.cert);
    const module = resolve(import.meta.dirname, '../../src/client.ts');
    const program = `const { createClient } = await import(${JSON.stringify(module)});
      const client = createClient({ broker: ${JSON.stringify(url)}, token: ${JSON.stringify(bearer)} });
      console.log(await client.token('orders-token').then(() => 'given', ({ code }) => code));
      client.close();`;
    const ask = (env: Readonly<Record<string, string>>) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '--no-warnings', '-e', program], {
        env: { ...process.env, ...env },
      });
    expect((await ask({})).stdout).toBe('unsafe\n');
    expect((await ask({ NODE_EXTRA_CA_CERTS: file })).stdout).toBe('given\n');
  });

  test('or else the line says where its certificate goes', async () => {
    const { url } = await served();
    const client = createClient({ broker: url.replace('http:', 'https:'), token: bearer });
    ending.push(client.close);
    await expect(client.token('orders-token')).rejects.toThrow(
      'nothing proves that the broker answers there (DEPTH_ZERO_SELF_SIGNED_CERT; its certificate goes into ca, or NODE_EXTRA_CA_CERTS)',
    );
  });

  test('by no note that others could have written', async () => {
    const { url } = await served();
    const state = join(folder, 'auth-chain');
    mkdirSync(state);
    const note = join(state, 'broker-0123456789abcdef.json');
    writeFileSync(note, JSON.stringify({ certificate: own.cert }), { mode: 0o600 });
    expect(await outcome(url)).toBe('given');
    chmodSync(note, 0o666);
    expect(await outcome(url)).toBe('unsafe');
    for (const text of ['', '[]', '{"certificate":7}', '{"certificate":"no certificate"}']) {
      rmSync(note);
      writeFileSync(note, text, { mode: 0o600 });
      expect([text, await outcome(url)]).toEqual([text, 'unsafe']);
    }
  });

  test.runIf(process.getuid?.() === 0)('by what stands where only root can have let it stand', () => {
    const [run, env] = [join(folder, 'run'), { XDG_STATE_HOME: folder }];
    const published = join(run, 'auth-chain');
    expect(ownCertificates(env, published)).toEqual([]);
    mkdirSync(published, { recursive: true });
    expect(ownCertificates(env, published)).toEqual([]);
    writeFileSync(join(published, 'broker.pem'), own.cert);
    // the user as whom systemd lets it run
    chownSync(published, 12_345, 12_345);
    expect(ownCertificates(env, published)).toEqual([own.cert]);
    for (const each of [run, published]) {
      chmodSync(each, 0o777);
      expect(ownCertificates(env, published)).toEqual([]);
      chmodSync(each, 0o755);
    }
    chownSync(run, 12_345, 12_345);
    expect(ownCertificates(env, published)).toEqual([]);
    chownSync(run, 0, 0);
    symlinkSync(published, join(run, 'link'));
    expect(ownCertificates(env, join(run, 'link'))).toEqual([]);
  });

  test('through whoever passes its bytes on, who sees nothing', async () => {
    const { url } = await served();
    const heard: Buffer[] = [];
    const relay = createServer((socket) => {
      const behind = connect(Number(new URL(url).port), '127.0.0.1');
      behind.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.on('close', () => behind.destroy());
      socket.pipe(behind).pipe(socket);
    });
    expect(await outcome(await squat(relay, heard), { ca: own.cert })).toBe('given');
    expect(heard.length).toBeGreaterThan(0);
    expect(Buffer.concat(heard).toString('latin1')).not.toContain(bearer);
  });
});

describe('this user’s own broker', () => {
  async function served() {
    const stand = await startStand({ ownSocket: join(folder, 'own.sock') });
    ending.push(() => stand.server.close());
    return { ...stand, ownSocket: stand.server.ownSocket };
  }

  test('is asked at its socket, by all names of its port', async () => {
    const { url, ownSocket, callers } = await served();
    await announced(own.cert, url, { ownSocket });
    expect(await outcome(url)).toBe('given');
    expect(await outcome(url.replace('127.0.0.1', 'localhost'))).toBe('given');
    // who gives a certificate wants it proven
    expect(await outcome(url, { ca: own.cert })).toBe('given');
    expect(callers.map(({ address }) => address)).toEqual(['socket', 'socket', '127.0.0.1']);
  });

  const ended = () => spawnSync('true').pid;
  test.each<[string, (at: { url: string; ownSocket: string }) => object]>([
    ['is for another port', () => ({ url: 'http://127.0.0.1:1' })],
    ['is of a process that ended', () => ({ pid: ended() })],
    ['names no socket', () => ({ ownSocket: undefined })],
    ['names what is not there', ({ ownSocket }) => ({ ownSocket: `${ownSocket}.none` })],
    [
      'names a file',
      ({ ownSocket }) => {
        writeFileSync(`${ownSocket}.file`, '');
        return { ownSocket: `${ownSocket}.file` };
      },
    ],
    [
      'names a socket that others can replace',
      ({ ownSocket }) => {
        const open = join(folder, 'open');
        mkdirSync(open);
        linkSync(ownSocket, join(open, 'own.sock'));
        chmodSync(open, 0o777);
        return { ownSocket: join(open, 'own.sock') };
      },
    ],
  ])('proves itself at its port where the note %s', async (_, changed) => {
    const { url, ownSocket = '', callers } = await served();
    const { url: noted = url, ...more } = { ownSocket, ...changed({ url, ownSocket }) } as { url?: string };
    await announced(own.cert, noted, more);
    expect(await outcome(url)).toBe('given');
    expect(callers.map(({ address }) => address)).toEqual(['127.0.0.1']);
  });

  test('proves itself at its port where nobody listens at the socket any more, the second time too', async () => {
    const { url, ownSocket = '', callers, server } = await served();
    linkSync(ownSocket, join(folder, 'kept.sock'));
    await server.close();
    const stand = await startStand({ listen: { port: Number(new URL(url).port) } });
    ending.push(() => stand.server.close());
    await announced(own.cert, url, { ownSocket: join(folder, 'kept.sock') });
    const client = createClient({ broker: url, token: bearer });
    ending.push(client.close);
    await client.token('orders-token');
    await client.secrets(['openai.api_key']);
    expect([...callers, ...stand.callers].map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});
