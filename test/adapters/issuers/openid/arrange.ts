import { inspect } from 'node:util';
import { afterAll, beforeEach, expect } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import type { Credential, TokenRequest } from '../../../../src/adapters/issuers/contract.ts';
import { createIssuer, type IssuerOptions } from '../../../../src/adapters/issuers/openid/issuer.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { type Handler, json, startHostileIssuer } from './hostile.ts';

export const secret = 'canary+5e/cr=et%2FvA l"ue';
export const discovery = '/.well-known/openid-configuration';

export const credential = (value: string, label = 'op://v/i/credential'): Credential => ({
  label,
  read: async () => new Secret(value),
});

/** An issuer adapter at the hostile issuer, a request that has all it needs, and the warnings it gave. */
export function arrangeAt(url: string, options: Partial<IssuerOptions> = {}) {
  const warnings: string[] = [];
  const issuer = createIssuer({ name: 'main', url, development: true, ...options });
  const ask = (more: Partial<TokenRequest> = {}) =>
    issuer.clientCredentials({
      clientId: 'client-canary',
      clientSecrets: [credential(secret)],
      tokenFormat: 'jwt',
      warn: (message) => {
        warnings.push(message);
      },
      ...more,
    });
  return { issuer, ask, warnings };
}

/** One hostile issuer for a file's tests, as it began before each of them, and the adapter at it. */
export async function hostileStand() {
  const hostile = await startHostileIssuer();
  beforeEach(() => {
    hostile.reset();
  });
  afterAll(() => hostile.close());
  const arrange = (options: Partial<IssuerOptions> = {}) => arrangeAt(hostile.issuer, options);
  /** its answer with a token of these claims, signed with its own key */
  const token =
    (claims: Record<string, unknown>, header: Record<string, unknown> = {}): Handler =>
    async (_, response) => {
      const access_token = await hostile.sign(claims, header);
      json(response, { access_token, token_type: 'Bearer', expires_in: 300 });
    };
  return { hostile, arrange, token };
}

/** The error, of which nothing that anybody could print holds the secret or a token. */
export async function failureOf(work: Promise<unknown>): Promise<FlowError> {
  const error: unknown = await work.then(
    (value) => value,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FlowError);
  const text = `${inspect(error, { depth: 20, showHidden: true })} ${error instanceof FlowError ? error.line() : ''}`;
  for (const form of [
    secret,
    'canary+5e',
    'client-canary',
    encodeURIComponent(secret),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64').slice(0, 20),
    'eyJ',
  ]) {
    expect(text).not.toContain(form);
  }
  return error as FlowError;
}

export const body =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    json(response, value, status, headers);
  };
