import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StepContext } from '../../src/steps/contract.ts';
import { createIssuer } from '../../src/adapters/issuers/openid/issuer.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { jwtVerify } from '../../src/steps/jwt-verify.ts';
import { type HostileIssuer, json, startHostileIssuer } from '../adapters/issuers/openid/hostile.ts';

let hostile: HostileIssuer;
beforeAll(async () => {
  hostile = await startHostileIssuer();
});
afterAll(async () => {
  await hostile.close();
});

it('gives header and claims, or says why not', async () => {
  const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true });
  const token = new Secret(await hostile.sign({ aud: ['a', 'b'], owner: 'me' }));
  const context = {} as StepContext;
  const verify = (more: object) => jwtVerify.run({ token, issuer, 'clock-tolerance': 0, ...more }, context);
  const output = await verify({ audience: ['a', 'b'], 'require-claims': { owner: 'me' } });
  expect(output).toMatchObject({ header: { alg: 'ES256' }, claims: { owner: 'me', aud: ['a', 'b'] } });
  await expect(verify({ audience: ['a', 'c'] })).rejects.toMatchObject({ code: 'protocol' });
  await expect(verify({ 'require-claims': { owner: 'you' } })).rejects.toMatchObject({ code: 'protocol' });
  const old = new Secret(await hostile.sign({ exp: Math.floor(Date.now() / 1000) - 20 }));
  await expect(verify({ token: old })).rejects.toMatchObject({ code: 'protocol' });
  await expect(verify({ token: old, 'clock-tolerance': 60 })).resolves.toBeDefined();
  await expect(verify({ token: new Secret('nonsense') })).rejects.toMatchObject({ code: 'protocol' });
  hostile.reset();
  hostile.handlers.set('/jwks', (_, response) => {
    json(response, {}, 500);
  });
  const afresh = createIssuer({ name: 'main', url: hostile.issuer, development: true });
  await expect(verify({ issuer: afresh })).rejects.toMatchObject({ code: 'unavailable' });
});
