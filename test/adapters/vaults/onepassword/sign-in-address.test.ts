import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { tokenOrigin } from '../../../../src/adapters/vaults/onepassword/sign-in-address.ts';

function token(signInAddress: unknown): Secret {
  return new Secret(`ops_${Buffer.from(JSON.stringify({ signInAddress })).toString('base64url')}`);
}

function lookAt(secret: Secret, development: boolean): string | FlowError {
  try {
    const { protocol, host } = tokenOrigin(secret, development);
    return `${protocol}//${host}`;
  } catch (error) {
    if (error instanceof FlowError) return error;
    throw error;
  }
}

function outcome(secret: Secret, development: boolean): string {
  const found = lookAt(secret, development);
  return found instanceof FlowError ? found.code : found;
}

describe("a token's sign-in address", () => {
  test.each([
    ['https://acme.1password.com', 'https://acme.1password.com'],
    ['acme.1password.com', 'https://acme.1password.com'],
    ['https://ACME.1Password.EU/', 'https://acme.1password.eu'],
    ['acme.ent.1password.ca', 'https://acme.ent.1password.ca'],
  ])('%s is let in everywhere', (address, expected) => {
    expect([outcome(token(address), false), outcome(token(address), true)]).toEqual([expected, expected]);
  });

  test.each([
    'http://acme.1password.com',
    'https://1password.com.evil.example',
    'https://evil1password.com',
    'https://1password.com@evil.example',
    'https://acme.1password.com@evil.example',
    'https://evil.example/acme.1password.com',
    'https://evil.example#.1password.com',
    'https://evil.example?.1password.com',
    'https://evil.example\\.1password.com',
    'https://acme.1password.com:8443',
    'https://acme.1password.com/path',
    'https://acme.1password.com\n.evil.example',
    'https://.1password.com',
    'https://dev.b5local.com',
    'https://acme.b5dev.com',
    'https://acme.1password.company',
    'ftp://acme.1password.com',
    'javascript://acme.1password.com',
    'http://evil.example',
    'http://127.0.0.1.evil.example',
    'http://user:evil@127.0.0.1:1',
    'http://10.0.0.1',
    'http://0.0.0.0:80',
    '',
  ])('%j is let in nowhere', (address) => {
    expect([outcome(token(address), false), outcome(token(address), true)]).toEqual(['refused', 'refused']);
  });

  test.each([
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['http://localhost:4000', 'http://localhost:4000'],
    ['http://[::1]:4000', 'http://[::1]:4000'],
    ['https://localhost:4000', 'https://localhost:4000'],
    ['127.0.0.1:4000', 'https://127.0.0.1:4000'],
  ])('%s is let in for development alone', (address, expected) => {
    expect([outcome(token(address), false), outcome(token(address), true)]).toEqual(['refused', expected]);
  });

  test.each([
    ['', 'denied'],
    ['ops_', 'invalid-value'],
    ['ops_AAAA', 'invalid-value'],
    ['eyJhbGciOi', 'invalid-value'],
  ])('%j is no token', (text, code) => {
    expect(outcome(new Secret(text), true)).toBe(code);
  });

  test.each([null, 7, ['https://acme.1password.com'], {}])('a sign-in address %j is none', (address) => {
    expect(outcome(token(address), true)).toBe('invalid-value');
  });

  test('no text at all leads anywhere else', () => {
    const host = fc.stringMatching(/^[a-z0-9.@:/\\?#%-]{0,24}$/);
    fc.assert(
      fc.property(fc.tuple(host, fc.constantFrom('', '1password.com', '.1password.eu', '127.0.0.1'), host), (parts) => {
        const found = outcome(token(parts.join('')), true);
        expect(found).toMatch(
          /^(?:refused|https:\/\/(?:[a-z0-9-]+\.)+1password\.(?:com|ca|eu)|https:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?)$/,
        );
      }),
    );
  });

  test('no error tells the token or its address', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        for (const secret of [new Secret(`ops_${text}`), token(text)]) {
          const found = lookAt(secret, true);
          expect(found instanceof FlowError ? `${found.line()} ${String(found.cause)}` : '').not.toContain(text);
        }
      }),
    );
  });
});
