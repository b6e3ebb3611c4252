import { describe, expect, it } from 'vitest';
import type { ExchangeRequest } from '../../../../src/adapters/issuers/contract.ts';
import type { IssuerOptions } from '../../../../src/adapters/issuers/openid/issuer.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { credential, failureOf, hostileStand, secret } from './arrange.ts';
import { type Handler, json } from './hostile.ts';

const { hostile, arrange } = await hostileStand();
const typeOf = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;
const subject = { token: new Secret('canary-subject-token'), type: typeOf('access_token') };
const actor = { token: new Secret('canary-actor-token'), type: typeOf('jwt') };

/** An answer of RFC 8693, section 2.2.1, with these changes. */
const answering =
  (claims: Record<string, unknown>, members: Record<string, unknown> = {}): Handler =>
  async (_, response) => {
    const access_token = await hostile.sign(claims);
    json(response, { access_token, issued_token_type: typeOf('access_token'), token_type: 'Bearer', ...members });
  };

async function exchange(more: Partial<ExchangeRequest> = {}, options: Partial<IssuerOptions> = {}) {
  const { issuer, warnings } = arrange(options);
  const request: ExchangeRequest = {
    clientId: 'client-canary',
    clientSecrets: [credential(secret)],
    tokenFormat: 'jwt',
    subject,
    warn: (message) => void warnings.push(message),
    ...more,
  };
  return { token: await (issuer.exchange?.(request) ?? Promise.reject(new TypeError('not offered'))), warnings };
}

describe('token exchange', () => {
  it('sends what RFC 8693 has, and tells who acts for whom', async () => {
    hostile.handlers.set('/token', answering({ aud: 'https://orders.example', act: { sub: 'agent' }, jti: 'j' }));
    const { token, warnings } = await exchange({
      actor,
      audience: 'https://orders.example',
      scope: ['orders:read'],
      requestedTokenType: typeOf('access_token'),
    });
    expect(token).toMatchObject({ jti: 'j', act: { sub: 'agent' }, issuedTokenType: typeOf('access_token') });
    expect(Object.fromEntries(hostile.seen.find(({ path }) => path === '/token')?.form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: 'client-canary',
      client_secret: secret,
      subject_token: 'canary-subject-token',
      subject_token_type: typeOf('access_token'),
      actor_token: 'canary-actor-token',
      actor_token_type: typeOf('jwt'),
      requested_token_type: typeOf('access_token'),
      audience: 'https://orders.example',
      scope: 'orders:read',
    });
    expect(warnings).toEqual([expect.stringContaining('no granted scope')]);
  });

  it('tells where the actor counted for nothing', async () => {
    hostile.handlers.set('/token', answering({}));
    const { token, warnings } = await exchange({ actor });
    expect(token.act).toBeUndefined();
    expect(warnings).toEqual(['the issuer did not use the actor token: the token that it gave has no `act`']);
  });

  it.each([
    ['for another audience', answering({ aud: 'https://else.example' }), { audience: 'https://orders.example' }],
    ['that has expired', answering({ exp: 1 }), {}],
    ['without the claim that is required', answering({}), { requireClaims: { act: { sub: 'agent' } } }],
    ['without an issued_token_type', answering({}, { issued_token_type: undefined }), {}],
    ['of another type', answering({}, { issued_token_type: typeOf('id_token') }), {}],
    ['of another type than was asked for', answering({}), { requestedTokenType: typeOf('jwt') }],
    ['that is no bearer', answering({}, { token_type: 'N_A' }), {}],
  ])('takes no token %s', async (_, handler, request) => {
    hostile.handlers.set('/token', handler);
    expect((await failureOf(exchange(request))).code).toBe('protocol');
  });

  it.each([
    ['the subject token', 'canary-subject-token'],
    ['the actor token', 'canary-actor-token'],
  ])('shows no refusal that repeats %s', async (_, value) => {
    hostile.handlers.set('/token', (__, response) => {
      json(response, { error: 'invalid_request', error_description: `bad ${value}` }, 400);
    });
    const error = await failureOf(exchange({ actor }));
    expect(error).toMatchObject({ code: 'denied' });
    expect(error.line()).not.toContain(value);
  });

  it('tells an audience that Keycloak does not know from a client that it does not know', async () => {
    hostile.handlers.set('/token', (_, response) => {
      json(response, { error: 'invalid_client', error_description: 'Audience not found' }, 400);
    });
    expect((await failureOf(exchange({ audience: 'x' }))).message).toContain('does not know the audience');
    expect(hostile.count('/token')).toBe(1);
  });

  it('attributes the token to the agent as any other', async () => {
    const attribution = { claim: 'https://orders.example/agent', parameter: 'agent' };
    hostile.handlers.set('/token', answering({ [attribution.claim]: 'codex' }));
    await exchange({ agent: 'codex' }, { attribution });
    expect((await failureOf(exchange({ agent: 'other' }, { attribution }))).code).toBe('protocol');
  });
});

describe('revocation', () => {
  const at = (url: string | undefined) => {
    hostile.handlers.set('/.well-known/openid-configuration', (_, response) => {
      json(response, { ...hostile.metadata, ...(url !== undefined && { revocation_endpoint: url }) });
    });
  };
  const revoke = async (more: Partial<ExchangeRequest> = {}, options: Partial<IssuerOptions> = {}) => {
    const { issuer } = arrange(options);
    const client = { clientId: 'client-canary', clientSecrets: [credential(secret)], warn: () => undefined };
    await (issuer.revoke?.({ ...client, token: subject.token, ...more }) ??
      Promise.reject(new TypeError('not offered')));
  };

  it('sends the token and who asks, and reads nothing of the answer', async () => {
    at(`${hostile.issuer}/revoke`);
    hostile.handlers.set('/revoke', (_, response) => void response.writeHead(200).end('anything'));
    await revoke();
    expect(Object.fromEntries(hostile.seen.find(({ path }) => path === '/revoke')?.form ?? [])).toEqual({
      token: 'canary-subject-token',
      client_id: 'client-canary',
      client_secret: secret,
    });
  });

  it('goes where service.yaml says, and is refused where nobody says', async () => {
    at(undefined);
    expect(await failureOf(revoke())).toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('revocation-endpoint'),
    });
    hostile.handlers.set('/elsewhere', (_, response) => void response.writeHead(200).end());
    await revoke({}, { revocationEndpoint: `${hostile.issuer}/elsewhere` });
    expect(hostile.count('/elsewhere')).toBe(1);
  });

  it('takes the second of two secrets, and tells a type that cannot be revoked', async () => {
    at(`${hostile.issuer}/revoke`);
    hostile.handlers.set('/revoke', ({ form }, response) => {
      if (form.get('client_secret') === 'second') json(response, { error: 'unsupported_token_type' }, 400);
      else json(response, { error: 'invalid_client' }, 401);
    });
    const clientSecrets = [credential('first', 'op://v/i/1'), credential('second', 'op://v/i/2')];
    expect((await failureOf(revoke({ clientSecrets }))).message).toContain('does not revoke tokens of this type');
    expect(hostile.count('/revoke')).toBe(2);
  });
});
