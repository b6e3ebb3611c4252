import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import { createUpstreamFailures, type UpstreamFailure } from '../../../src/broker/upstream-failures.ts';
import { systemClock } from '../../../src/foundation/clocks.ts';
import { type HostileIssuer, json, startHostileIssuer } from '../../adapters/issuers/openid/hostile.ts';
import { agentsOf } from '../../broker/authentication/policies.ts';
import { startStand, type Stand } from './stand.ts';

let hostile: HostileIssuer;
let stand: Stand;
const told: UpstreamFailure[] = [];
beforeAll(async () => {
  hostile = await startHostileIssuer();
  const trust = { issuer: hostile.issuer, audience: 'flows', claims: { repository: 'acme/orders' } };
  const policy = agentsOf({ ci: { trust: [trust] } });
  stand = await startStand({
    authenticator: createAuthenticator({ policy: () => policy, now: Date.now, development: true }),
    failures: createUpstreamFailures((failure) => void told.push(failure), systemClock),
  });
});
afterAll(async () => {
  await stand.server.close();
  await hostile.close();
});

it('an issuer whose keys cannot be had is 503 for its tokens, told once; a false token is 401 all the same', async () => {
  const token = await hostile.sign({ aud: 'flows', repository: 'acme/orders' }, { typ: 'JWT' });
  const ask = (bearer: string) => fetch(`${stand.url}/v1/flows`, { headers: { authorization: `Bearer ${bearer}` } });
  hostile.handlers.set('/.well-known/openid-configuration', (_, response) => {
    json(response, { canary: 'of the issuer' }, 500);
  });
  const answers = [await ask(token), await ask(token)];
  for (const answer of answers) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(answer.headers.has('www-authenticate')).toBe(false);
    expect(JSON.stringify(await answer.json())).not.toMatch(/127\.0\.0\.1|canary/);
  }
  expect(told).toMatchObject([
    { what: [`trust ${hostile.issuer}`], code: 'unavailable', line: expect.stringContaining('500') },
  ]);
  expect(told[0]?.request).toBe(answers[0]?.headers.get('x-request-id'));
  expect(stand.events.at(-1)).toMatchObject({
    action: 'authenticate',
    outcome: 'failed',
    code: 'upstream-unavailable',
    detail: expect.stringContaining("the issuer's keys cannot be had"),
  });
  expect((await ask('eyJhbGciOiJub25lIn0.e30.')).status).toBe(401);
});
