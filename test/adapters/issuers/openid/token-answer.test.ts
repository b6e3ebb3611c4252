import { expect, it } from 'vitest';
import { readTokenAnswer } from '../../../../src/adapters/issuers/openid/token-answer.ts';

const good = { access_token: 'opaque', token_type: 'Bearer' };
const answered = (body: unknown, status = 200, type = 'application/json') =>
  readTokenAnswer(
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'content-type': type } }),
  );

it.each([
  ['as RFC 6749, section 5.1, has it', { ...good, expires_in: 3600, scope: 'a b' }, { expires_in: 3600, scope: 'a b' }],
  ['null members', { ...good, id_token: null, scope: null, expires_in: null, refresh_token: null }, {}],
  ['members for people', { ...good, refresh_token: '', id_token: 7 }, {}],
  ['a scope as a list', { ...good, scope: ['a', 'b'] }, { scope: 'a b' }],
  ['an empty scope', { ...good, scope: '' }, { scope: '' }],
  ['token_type as Apigee writes it', { ...good, token_type: 'BearerToken' }, {}],
  ['token_type in any case', { ...good, token_type: 'BEARER' }, {}],
  ['a lifetime as text', { ...good, expires_in: '60' }, { expires_in: 60 }],
  ['a lifetime with a fraction', { ...good, expires_in: 59.5 }, { expires_in: 59.5 }],
  ['spaces around what is plain', { ...good, token_type: 'Bearer ', expires_in: ' 60 ' }, { expires_in: 60 }],
  ['a lifetime that no date has room for', { ...good, expires_in: 1e300 }, {}],
  ['a lifetime as text that no date has room for', { ...good, expires_in: '999999999999999' }, {}],
  ['a lifetime that is empty', { ...good, expires_in: '' }, {}],
])('takes %s', async (_, body, wanted) => {
  expect(await answered(body)).toEqual({ access_token: 'opaque', token_type: 'bearer', ...wanted });
});

it.each([
  ['201', 201, 'application/json'],
  ['a media type of its own', 200, 'application/vnd.x+json; charset=utf-8'],
  ['the media type of text', 200, 'text/plain'],
  ['an older media type', 200, 'text/json; charset=utf-8'],
  ['two media types', 200, 'application/json, text/html'],
  ['no media type', 200, ''],
])('takes %s', async (_, status, type) => {
  expect(await answered(good, status, type)).toMatchObject({ access_token: 'opaque' });
});

it.each([
  ['expires_in', { ...good, expires_in: 0 }],
  ['expires_in', { ...good, expires_in: '0' }],
  ['expires_in', { ...good, expires_in: -1 }],
  ['expires_in', { ...good, expires_in: '-1' }],
  ['expires_in', { ...good, expires_in: '60s' }],
  ['expires_in', { ...good, expires_in: true }],
  ['expires_in', { ...good, expires_in: 'soon' }],
  ['expires_in', { ...good, expires_in: {} }],
  ['scope', { ...good, scope: 7 }],
  ['scope', { ...good, scope: [1] }],
  ['scope', { ...good, scope: {} }],
  ['token_type', { access_token: 'x' }],
  ['token_type', { ...good, token_type: 'N_A' }],
  ['token_type', { ...good, token_type: 'canary+5e' }],
  ['access_token', { ...good, access_token: null }],
  ['access_token', { ...good, access_token: 'a b' }],
  ['JSON', '<html>'],
  ['JSON', 'access_token=canary&token_type=Bearer'],
  ['JSON', 'null'],
  ['JSON', []],
])('names %s where it cannot be taken: %j', async (member, body) => {
  const error: unknown = await answered(body).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'protocol', message: expect.stringContaining(member) });
  expect(String(error)).not.toContain('canary');
});
