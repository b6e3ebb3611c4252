import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signClaim } from '../../../src/broker/authentication/operator-token.ts';
import { operatorPaths } from '../../../src/foundation/wire.ts';
import { authorized, operatorKey, type Stand, startStand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.server.close());

const claimFor = (request: string) =>
  signClaim(operatorKey, { user: 'ann', for: request, lifetime: 60, now: Date.now() }).reveal();
const look = (headers: Record<string, string>, query = '') =>
  fetch(`${stand.url}${operatorPaths.overview}${query}`, { headers });

describe("the operator's routes", () => {
  it('answer a claim for that very request, once', async () => {
    const headers = { authorization: `Bearer ${claimFor(`GET ${operatorPaths.overview}`)}` };
    const answer = await look(headers);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ environment: 'test', checks: { trail: true }, wrong: [] });
    expect((await look(headers)).status).toBe(401);
  });

  it.each([
    ["an agent's token", () => authorized.authorization],
    ['a claim for another request', () => `Bearer ${claimFor('POST /v1/operator/overview')}`],
    ['nothing', () => ''],
  ])('refuse %s, and the trail has it', async (_, authorization) => {
    const answer = await look({ authorization: authorization() });
    expect(answer.status).toBe(401);
    expect(stand.events.at(-1)).toMatchObject({ agent: 'unknown', action: 'authenticate', outcome: 'denied' });
  });

  it('refuse a query that they do not have', async () => {
    const authorization = `Bearer ${claimFor(`GET ${operatorPaths.overview}?x=1`)}`;
    expect((await look({ authorization }, '?x=1')).status).toBe(400);
    expect(stand.events.at(-1)).toMatchObject({ agent: 'local:ann', action: 'operator.look', code: 'invalid-request' });
  });

  it('give an agent nothing that its own claim would', async () => {
    const authorization = `Bearer ${claimFor('GET /v1/flows')}`;
    expect((await fetch(`${stand.url}/v1/flows`, { headers: { authorization } })).status).toBe(401);
  });
});
