import { describe, expect, it } from 'vitest';
import { arrange, as, refusalOf } from './arrange.ts';

const policy = `default: deny
agents:
  careful: { allow: ['**'], flows: ['*', only-elsewhere], deny: [orders-again], require-reason: true }
  free: { flows: ['*'] }
  named: { flows: [glass] }
`;
const glass = `description: For when all else is down
break-glass: true
steps: [{ id: token, uses: oauth/client-credentials, with: { issuer: "\${{ issuers.main }}", client-id: x, client-secret: op://Agents/Orders/credential } }]
output: \${{ steps.token }}
`;
const files = { 'policy.yaml': policy, 'glass.yaml': glass };

/** Both ways to a flow; what writes or gives no token is not the matter here. */
const ways = ['token', 'run'] as const;

describe.each(ways)('a flow asked for by %s', (way) => {
  const ask = async (agent: string, name: string, reason?: string) => {
    const { broker, trail, issuer, vault } = await arrange({ files });
    const caller = as(agent, reason === undefined ? {} : { reason });
    const answer: Promise<unknown> = way === 'token' ? broker.token(caller, name, {}) : broker.run(caller, name, {});
    const refused = await answer.then(
      () => undefined,
      () => refusalOf(answer),
    );
    return { refused, event: trail.last(), asked: issuer.requests + vault.batches.length };
  };

  it.each([
    ['careful', 'orders-token', undefined],
    ['careful', 'orders-token', ''],
    ['careful', 'orders-token', ' \t'],
  ])('by %s: "%s" wants a reason, and %j is none', async (agent, name, reason) => {
    const { refused, event, asked } = await ask(agent, name, reason);
    expect(refused?.toJSON()).toEqual({ code: 'reason-required', status: 403, names: [name] });
    expect(event).toMatchObject({ outcome: 'denied', code: 'reason-required' });
    expect(event?.rule).toMatch(/^policy\.yaml:3:\d+ flows \*, with require-reason$/);
    expect(asked).toBe(0);
  });

  it('with a reason it is given', async () => {
    const { refused, event, asked } = await ask('careful', 'orders-token', 'nightly report');
    expect(refused).toBeUndefined();
    expect(event).toMatchObject({ outcome: 'allowed', reason: 'nightly report' });
    expect(asked).toBeGreaterThan(0);
  });

  it.each([
    ['there is none of this name, though a reason would allow it', 'careful', 'nothing-there', undefined],
    ['it is for another environment', 'careful', 'only-elsewhere', undefined],
    ['it is denied, reason or not', 'careful', 'orders-again', undefined],
    ['it is denied, reason or not', 'careful', 'orders-again', 'nightly report'],
    ['it writes, and no line names it', 'careful', 'make-login', undefined],
    ['it is for break-glass, and no line names it', 'careful', 'glass', 'nightly report'],
    ['it is for break-glass, and no line names it', 'free', 'glass', undefined],
    ['there is none of this name', 'free', 'nothing-there', undefined],
    ['the agent is unknown', 'nobody', 'orders-token', 'nightly report'],
  ])('no reason is asked for where %s', async (_, agent, name, reason) => {
    const { refused, event, asked } = await ask(agent, name, reason);
    expect(refused?.toJSON()).toEqual({ code: 'not-allowed', status: 403, names: [name] });
    expect(event).toMatchObject({ outcome: 'denied', code: 'not-allowed' });
    expect(asked).toBe(0);
  });

  it('one for break-glass is given to whom a line names it for', async () => {
    expect((await ask('named', 'glass')).refused).toBeUndefined();
  });

  it('one that is not there is refused by the rule that a pure one would be allowed by', async () => {
    expect((await ask('free', 'nothing-there')).event?.rule).toMatch(/^policy\.yaml:4:\d+ flows \*$/);
    expect((await ask('named', 'nothing-there')).event?.rule).toBe('default: deny');
  });
});

it('no reason is asked for a secret that is not there, though a reason would allow it', async () => {
  const { broker, trail } = await arrange({ files });
  const refused = await refusalOf(broker.secrets(as('careful'), ['openai.api_key', 'nothing.there']));
  expect(refused.toJSON()).toEqual({ code: 'not-allowed', status: 403, names: ['nothing.there'] });
  expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'not-allowed' });
});
