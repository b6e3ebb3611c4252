import { createPrivateKey, createPublicKey } from 'node:crypto';
import { createServer, request as send } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { createOnePasswordVault } from '../../../../src/adapters/vaults/onepassword/vault.ts';
import { startVault, type DevelopmentVault } from '../../../../src/laptop/vault/server.ts';
import { newSshKey } from '../../../../src/laptop/vault/ssh-keys.ts';
import { codeOf, ref, told } from '../../../contracts/vault.ts';

const pem = newSshKey();
const text = 'a certificate — and\nits chain\n';

describe('files and SSH keys, by the real SDK', () => {
  let server: DevelopmentVault;
  let vault: ReturnType<typeof open>;
  const open = (token = server.token()) =>
    createOnePasswordVault({ token: () => Promise.resolve(token), development: true });
  const read = async (reference: string, from = vault) => told((await from.read([ref(reference)])).get(reference));
  const errorOf = async (reference: string, from = vault) => (await from.read([ref(reference)])).get(reference);

  beforeAll(async () => {
    server = await startVault({
      vaults: [
        {
          name: 'Agents',
          items: [
            { title: 'Deploy', category: 'ssh-key', fields: [{ label: 'private key', type: 'ssh-key', value: pem }] },
            { title: 'Kubeconfig', category: 'document', fields: [{ label: 'config', type: 'file', value: text }] },
            {
              title: 'Orders TLS',
              fields: [
                { label: 'password', type: 'concealed', value: 'pw' },
                { label: 'ca.pem', type: 'file', value: text },
                { label: 'ca.pem', section: 'Old', type: 'file', value: 'old' },
              ],
            },
          ],
        },
      ],
    });
    vault = open();
  });
  afterAll(async () => {
    await vault.close();
    await server.close();
  });

  test.each([
    ['an attachment', 'op://Agents/Orders TLS/ca.pem?attribute=content', text],
    ['one in a section', 'op://Agents/Orders TLS/Old/ca.pem', 'old'],
    ['its size in bytes', 'op://Agents/Orders TLS/Old/ca.pem?attribute=size', '3'],
    ['a document', 'op://agents/kubeconfig/CONFIG', text],
    ['its name', 'op://Agents/Kubeconfig/config?attribute=name', 'config'],
    ['a field beside files', 'op://Agents/Orders TLS/password', 'pw'],
    ['a private key as it is stored', 'op://Agents/Deploy/private key', pem],
  ])('read: %s', async (_, reference, value) => {
    expect(await read(reference)).toBe(value);
  });

  test('a key as OpenSSH writes it, with the public half that stands beside it', async () => {
    const key = (await read('op://Agents/Deploy/private key?ssh-format=openssh')) ?? '';
    const body = /^-----BEGIN OPENSSH PRIVATE KEY-----\n(?<body>[\s\S]+)-----END/.exec(key)?.groups?.['body'] ?? '';
    const bytes = Buffer.from(body, 'base64');
    expect(bytes.subarray(0, 15).toString('latin1')).toBe('openssh-key-v1\0');
    const [kind, blob = ''] = ((await read('op://Agents/Deploy/public key')) ?? '').split(' ');
    expect(kind).toBe('ssh-ed25519');
    expect(bytes.includes(Buffer.from(blob, 'base64'))).toBe(true);
    const { x } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' });
    expect(Buffer.from(blob, 'base64').subarray(-32).toString('base64url')).toBe(x);
    expect(await read('op://Agents/Deploy/fingerprint')).toMatch(/^SHA256:[\w+/]{43}$/);
    expect(await read('op://Agents/Deploy/key type')).toBe('Ed25519');
  });

  test('a token that may not see the vault gets no file of it', async () => {
    const blind = open(server.token({ vaults: ['Other'] }));
    expect(await read('op://Agents/Kubeconfig/config', blind)).toBe('not-found');
    await blind.close();
  });

  test('an item keeps its files where its one-time password is set', async () => {
    const item = await vault.items?.get(ref('op://Agents/Orders TLS'));
    if (item === undefined) throw new TypeError('no item');
    const change = vault.items?.setOneTimePassword(item, new Secret('A'.repeat(16)), { previous: 'keep' });
    expect(await codeOf(change ?? Promise.resolve())).toBe('no error');
    expect(await read('op://Agents/Orders TLS/Old/ca.pem')).toBe('old');
  });

  describe('on the way', () => {
    let front: ReturnType<typeof createServer>;
    let elsewhere: ReturnType<typeof createServer>;
    let strayed = 0;
    let asked: string[] = [];
    let answer: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };
    let through: ReturnType<typeof open>;
    const portOf = (of: ReturnType<typeof createServer>) => {
      const address = of.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    };
    beforeAll(async () => {
      elsewhere = createServer((_, response) => {
        strayed += 1;
        response.end('x');
      });
      front = createServer((incoming, response) => {
        const url = incoming.url ?? '';
        asked.push(url.replace(/[a-z2-7]{26}/g, '*'));
        if (url.startsWith('/api/v3/file/')) {
          response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
          return;
        }
        const onward = send(`${server.address}${url}`, { method: incoming.method, headers: incoming.headers });
        onward.on('response', (got) => got.pipe(response.writeHead(got.statusCode ?? 0, got.headers)));
        incoming.pipe(onward);
      });
      // a client that computes for long between two requests must not find its connection just closed
      front.keepAliveTimeout = 60_000;
      for (const each of [front, elsewhere])
        await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', () => resolve()));
      const fields: object = JSON.parse(Buffer.from(server.token().reveal().slice(4), 'base64url').toString('utf8'));
      const moved = { ...fields, signInAddress: `http://127.0.0.1:${portOf(front)}` };
      through = open(new Secret(`ops_${Buffer.from(JSON.stringify(moved)).toString('base64url')}`));
    });
    afterAll(async () => {
      await through.close();
      for (const each of [front, elsewhere]) {
        each.closeAllConnections();
        each.close();
      }
    });

    test('a file is asked for at the token’s own address, and a redirect to another is not followed', async () => {
      asked = [];
      answer = { status: 302, headers: { location: `http://127.0.0.1:${portOf(elsewhere)}/file` } };
      const error = await errorOf('op://Agents/Kubeconfig/config', through);
      expect(asked).toContain('/api/v3/file/*');
      expect(strayed).toBe(0);
      expect(error).toMatchObject({ code: 'invalid-value', about: 'subject' });
      expect((error as FlowError).line()).toMatch(/redirect, which is not followed/);
    });

    test.each([
      ['is not there', 404, ''],
      ['is another', 200, 'something else, long enough to have a tag'],
    ])('a file that %s fails alone', async (_, status, body) => {
      answer = { status, body };
      const references = ['op://Agents/Kubeconfig/config', 'op://Agents/Orders TLS/password'];
      const found = await through.read(references.map(ref));
      expect(references.map((reference) => told(found.get(reference)))).toEqual(['invalid-value', 'pw']);
      expect((found.get(references[0] ?? '') as FlowError).line()).toContain('cannot be downloaded');
    });
  });
});
