import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createHttp } from '../../src/foundation/http.ts';
import { tlsHint } from '../../src/foundation/tls-trouble.ts';
import { selfSigned } from '../surfaces/server/certificate.ts';

const { certificate, key } = selfSigned('issuer.example');

test.each([
  ['a certificate that nobody vouches for', createTlsServer({ cert: certificate, key }), 'NODE_EXTRA_CA_CERTS'],
  ['no TLS at all', createServer(), 'it speaks no TLS there'],
])('%s is told with what to do about it', async (_, server, hint) => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const call = createHttp({ peer: 'the issuer', development: true });
  const { port } = server.address() as AddressInfo;
  await expect(call(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining(hint),
  });
});

// as Node and OpenSSL name them
test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /NODE_EXTRA_CA_CERTS/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /NODE_EXTRA_CA_CERTS/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /NODE_EXTRA_CA_CERTS/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /NODE_EXTRA_CA_CERTS/],
  ['CERT_HAS_EXPIRED', /is over/],
  ['CERT_NOT_YET_VALID', /the clock here/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /another name/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /no TLS/],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', /no TLS/],
])('%s', (code, hint) => expect(tlsHint(code)).toMatch(hint));

test.each(['ECONNREFUSED', 'ENOTFOUND', ''])('"%s" is nothing of TLS', (code) => expect(tlsHint(code)).toBeUndefined());
