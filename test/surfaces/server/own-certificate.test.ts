import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { alsoTls } from '../../../src/surfaces/server/also-tls.ts';
import { publishCertificate } from '../../../src/surfaces/server/announcement.ts';
import { ownCertificate } from '../../../src/surfaces/server/own-certificate.ts';
import { hasProgram } from '../../programs.ts';
import { own, startStand } from './stand.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of ending.splice(0).toReversed()) await each();
});

describe('a broker’s own certificate', () => {
  test('is the same after each start, and another for another key or address', () => {
    const seed = Buffer.alloc(32, 'own');
    expect(ownCertificate(seed, '127.0.0.1')).toEqual(own);
    expect(ownCertificate(seed, '::1')).toEqual(own);
    expect(ownCertificate(seed, '127.0.0.9').cert).not.toBe(own.cert);
    expect(ownCertificate(Buffer.alloc(32, 'two'), '127.0.0.1').cert).not.toBe(own.cert);
  });

  test('is for the names of loopback, without an end, and signed by its own key', () => {
    const { cert } = ownCertificate(Buffer.alloc(32, 'own'), '127.0.0.9');
    const read = new X509Certificate(cert);
    expect(read.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:127.0.0.9, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.publicKey.asymmetricKeyType).toBe('ed25519');
    expect([read.validFrom, read.validTo]).toEqual(['Jan  1 00:00:00 2020 GMT', 'Dec 31 23:59:59 9999 GMT']);
    expect(read.issuer).toBe(read.subject);
    expect(read.subject).toMatch(/^CN=auth-chain broker [0-9a-f]{16}$/);
  });

  test.runIf(hasProgram('openssl'))('is what OpenSSL takes in its strict mode', () => {
    const folder = mkdtempSync(join(tmpdir(), 'own-certificate-'));
    ending.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'broker.pem');
    writeFileSync(file, own.cert);
    const argv = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_ip', '127.0.0.1', '-CAfile', file, file];
    expect(execFileSync('openssl', argv).toString()).toBe(`${file}: OK\n`);
  });
});

test('it is left where agents of other users may read it, and nowhere where none is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'own-certificate-'));
  const before = process.env['RUNTIME_DIRECTORY'];
  ending.push(() => {
    rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env['RUNTIME_DIRECTORY'];
    else process.env['RUNTIME_DIRECTORY'] = before;
  });
  process.env['RUNTIME_DIRECTORY'] = `${folder}:/another`;
  await publishCertificate(own.cert);
  const file = join(folder, 'broker.pem');
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([own.cert, 0o644]);
  rmSync(file);
  for (const none of ['', 'relative']) {
    process.env['RUNTIME_DIRECTORY'] = none;
    await publishCertificate(own.cert);
  }
  expect(readdirSync(folder)).toEqual([]);
});

describe('TLS beside plain HTTP', () => {
  test('is taken on the same port, by TLS 1.3 and 1.2, and the requests on it are like any other', async () => {
    const { server, url } = await startStand();
    ending.push(() => server.close());
    const port = Number(new URL(url).port);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
      const text = await new Promise<string>((resolve, reject) => {
        let heard = '';
        const socket = connect({ port, host: '127.0.0.1', ca: own.cert, minVersion: version, maxVersion: version });
        socket.on('error', reject).on('close', () => resolve(heard));
        socket.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk));
        socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n');
        // in pieces, as they may come
        setImmediate(() => socket.write('Connection: close\r\n\r\n'));
      });
      expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    }
  });

  test('who says nothing, or half of a handshake, is let go after a while, and at the end at once', async () => {
    const server = alsoTls(createServer(), own, 50);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    ending.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const closed = (first: string) =>
      new Promise<void>((resolve) => {
        const socket: Socket = connectPlain(port, '127.0.0.1');
        socket.on('error', () => undefined).once('close', () => resolve());
        if (first !== '') socket.write(first, 'latin1');
      });
    const all = ['', '\u0016\u0003\u0001', '\u0016nonsense'].map(closed);
    await expect(Promise.all(all)).resolves.toHaveLength(3);
    const { server: running, url } = await startStand();
    const waiting = closedAt(Number(new URL(url).port));
    await waiting.open;
    await running.close();
    await expect(waiting.closed).resolves.toBeUndefined();
  });
});

function closedAt(port: number) {
  const socket = connectPlain(port, '127.0.0.1').on('error', () => undefined);
  return {
    open: new Promise<void>((resolve) => socket.once('connect', () => setTimeout(resolve, 20))),
    closed: new Promise<void>((resolve) => socket.once('close', () => resolve())),
  };
}
