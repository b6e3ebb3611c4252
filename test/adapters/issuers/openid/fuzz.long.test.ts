import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Fetch } from '../../../../src/foundation/http.ts';
import { arrangeAt, failureOf } from './arrange.ts';
import { amountOf } from '../../../long/amounts.ts';

const url = 'https://issuer.example';
const metadata = { issuer: url, token_endpoint: `${url}/token`, jwks_uri: `${url}/jwks` };

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    'https://issuer.example',
    'https://',
    'urn:x',
    'eyJhbGciOiJFUzI1NiJ9.e30.AA',
    'bearer',
    'DPoP',
    -1,
    1e300,
  ),
);
/** An object in which some fields are good and others are anything. */
const bent = (fields: readonly string[], good: Readonly<Record<string, unknown>>) =>
  fc
    .dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), value, { maxKeys: 5 })
    .map((some) => JSON.stringify({ ...good, ...some }));
const answer = (fields: readonly string[], good: Readonly<Record<string, unknown>> = {}) =>
  fc.record({
    status: fc.oneof(
      { weight: 9, arbitrary: fc.constant(200) },
      { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
    ),
    type: fc.oneof(
      { weight: 9, arbitrary: fc.constant('application/json') },
      { weight: 1, arbitrary: fc.constantFrom('text/html', '') },
    ),
    body: fc.oneof(
      { weight: 8, arbitrary: bent(fields, good) },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: fc.string() },
    ),
    header: fc.constantFrom('retry-after', 'www-authenticate', 'date', 'auth0-client-quota-limit', 'x'),
    text: fc.string().map((text) => text.replace(/[^\x20-\x7e]/g, '').trim()),
  });

const tokenFields = [
  ...['access_token', 'token_type', 'expires_in', 'scope', 'error', 'error_description'],
  ...['id_token', 'refresh_token'],
];

it('whatever an issuer answers, the failure is one of ours and no fault of this program', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.option(answer(Object.keys(metadata), metadata), { nil: undefined, freq: 1 }),
      answer(tokenFields, { access_token: 'eyJhbGciOiJFUzI1NiJ9.e30.AA', token_type: 'Bearer' }),
      answer(['keys', 'kty'], { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }),
      fc.constantFrom('jwt', 'opaque'),
      async (discovery, token, keys, tokenFormat) => {
        const fetch: Fetch = async (address) => {
          const reply = address.endsWith('/token') ? token : address.endsWith('/jwks') ? keys : discovery;
          if (reply === undefined) return Response.json(metadata);
          const { status, type, body, header, text } = reply;
          const empty = [204, 205, 304].includes(status);
          return new Response(empty ? null : body, { status, headers: { 'content-type': type, [header]: text } });
        };
        const { ask } = arrangeAt(url, { fetch, development: false });
        const given = await ask({ tokenFormat }).catch(() => undefined);
        const usable = given !== undefined && /^[\x21-\x7e]+$/.test(given.accessToken.reveal());
        const outcome = given === undefined ? (await failureOf(ask({ tokenFormat }))).code : usable;
        expect(['internal', false]).not.toContain(outcome);
      },
    ),
    { numRuns: amountOf('answers of an issuer'), seed: 20_261_122 },
  );
});
