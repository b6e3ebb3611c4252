import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/audit/contract.ts';
import { BrokerRefusal } from '../../src/broker/refusal.ts';
import { decide } from '../../src/broker/policy/decide.ts';
import type { Policy } from '../../src/folder/policy/policy.ts';
import { arrange, as, settle } from './arrange.ts';

const secrets = ['openai.api_key', 'github.token', 'stripe.live_key', 'orders.token', 'nothing.there'] as const;
const flows = ['orders-token', 'read-one', 'tenant-token'] as const;
const rights = fc.record({
  allow: fc.uniqueArray(fc.constantFrom('openai.api_key', 'github.*', '**', 'orders.token'), { maxLength: 2 }),
  flows: fc.uniqueArray(fc.constantFrom('orders-token', '*', 'read-one'), { maxLength: 2 }),
  deny: fc.uniqueArray(fc.constantFrom('openai.api_key', 'orders-token', 'github.**'), { maxLength: 1 }),
  approve: fc.array(
    fc.constantFrom(
      { names: ['openai.api_key'], by: ['ann'] },
      { names: ['github.*'], flows: ['orders-*'], by: ['ann'], scope: 'session' },
    ),
    { maxLength: 1 },
  ),
});
const approvers = { ann: {} };
const all = { allow: ['**'], flows: ['*'] };
const agent = fc.constantFrom('a', 'b');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      agent,
      secrets: fc.uniqueArray(fc.constantFrom(...secrets), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ agent, token: fc.constantFrom(...flows) }) },
  { weight: 1, arbitrary: fc.record({ agent, run: fc.constantFrom(...flows) }) },
  { weight: 2, arbitrary: fc.record({ policy: fc.record({ a: rights, b: rights }) }) },
  { weight: 2, arbitrary: fc.record({ hold: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ turn: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 400 }) }) },
);

/** Whether the rules, as they are now, allow everything that an event says was allowed. */
function isAllowed(policy: Policy, { agent, action, what }: AuditEvent): boolean {
  return what.every((name) => {
    const question =
      action === 'secrets.resolve'
        ? ({ kind: 'secret', agent, name } as const)
        : ({ kind: 'flow', agent, name, effect: 'none' } as const);
    const { allowed, approvals } = decide(policy, question);
    return allowed && approvals === undefined;
  });
}

/** What is no refusal. */
function failureOf(error: unknown): unknown {
  return error instanceof BrokerRefusal && error.code !== 'internal' ? undefined : error;
}

describe('rights', () => {
  it('that a person must approve are given by no memory, however often they were given before', async () => {
    const { broker, rewrite, trail } = await arrange();
    await broker.secrets(as('codex'), ['openai.api_key']);
    await broker.token(as('codex'), 'orders-token', {});
    expect(broker.cachedSecrets(as('codex'), ['openai.api_key'])).toBeDefined();
    expect(broker.cachedToken(as('codex'), 'orders-token')).toBeDefined();
    const approve = [{ names: ['openai.*'], flows: ['orders-token'], by: ['ann'] }];
    const codex = { allow: ['openai.api_key'], flows: ['orders-token'], approve };
    rewrite({ policy: JSON.stringify({ approvers, agents: { codex } }) });
    expect(broker.cachedSecrets(as('codex'), ['openai.api_key'])).toBeUndefined();
    expect(broker.cachedToken(as('codex'), 'orders-token')).toBeUndefined();
    for (const refused of [
      broker.secrets(as('codex'), ['openai.api_key']),
      broker.token(as('codex'), 'orders-token', {}),
      broker.run(as('codex'), 'orders-token', {}),
    ])
      await expect(refused).rejects.toMatchObject({ code: 'approval-required', status: 403 });
    expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'approval-required' });
    expect(trail.last()?.rule).toMatch(/^policy.yaml:1:\d+ approve$/);
  });

  it('are those of the policy when the answer is given, whoever waits for whatever meanwhile', async () => {
    let granted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const { broker, clock, vault, issuer, trail, rewrite, policy } = await arrange();
        rewrite({ policy: JSON.stringify({ agents: { a: all, b: all } }) });
        const breaches: unknown[] = [];
        let events = 0;
        trail.heard = (event) => {
          if (event.action !== 'flow.started') events += 1;
          if (event.outcome !== 'allowed') return;
          granted += 1;
          if (!isAllowed(policy(), event)) breaches.push(event);
        };
        let open = Promise.withResolvers<void>();
        open.resolve();
        const asked: Promise<unknown>[] = [];
        const ask = (answer: Promise<unknown>) => asked.push(answer.then(() => undefined, failureOf));
        for (const each of steps) {
          if ('secrets' in each) ask(broker.secrets(as(each.agent), each.secrets));
          else if ('token' in each) {
            const found = broker.cachedToken(as(each.agent), each.token);
            ask(found?.recorded ?? broker.token(as(each.agent), each.token, {}));
          } else if ('run' in each) ask(broker.run(as(each.agent), each.run, {}));
          else if ('policy' in each) rewrite({ policy: JSON.stringify({ approvers, agents: each.policy }) });
          else if ('pass' in each) clock.pass(each.pass);
          else if ('turn' in each) await settle();
          else {
            open.resolve();
            if (each.hold) open = Promise.withResolvers<void>();
            vault.gate = issuer.gate = open.promise;
            await settle();
          }
        }
        open.resolve();
        expect((await Promise.all(asked)).filter((each) => each !== undefined)).toEqual([]);
        expect(breaches).toEqual([]);
        // one event for each answer, no more and no less, besides those that begin
        expect(events).toBe(asked.length);
      }),
      { numRuns: 60 },
    );
    expect(granted).toBeGreaterThan(20);
  });
});
