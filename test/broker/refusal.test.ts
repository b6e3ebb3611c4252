import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { auditRefusal, BrokerRefusal, refusalOf } from '../../src/broker/refusal.ts';
import { type ErrorCode, errorCodes, FlowError } from '../../src/foundation/errors.ts';
import { problems } from '../../src/foundation/wire.ts';

describe('refusals', () => {
  const codes = Object.keys(errorCodes) as ErrorCode[];

  it.each(codes)('of %s carry no text of it', (code) => {
    const error = new FlowError(code, 'the item "Prod Stripe" at https://acme.example', {
      hint: 'ask Ada',
      place: { subject: 'op://Agents/Stripe/key' },
      retryAfter: 2.5,
    });
    const refusal = refusalOf(error, { names: ['stripe.live_key'] });
    expect(refusal.cause).toBe(error);
    expect(refusal.status).toBe(problems[refusal.code].status);
    expect(refusal.truth()).toEqual({ rule: undefined, detail: code });
    expect(refusal.toJSON()).toEqual({
      code: refusal.code,
      status: refusal.status,
      names: ['stripe.live_key'],
      retryAfter: 3,
    });
    expect(`${refusal.message} ${String(refusal)} ${JSON.stringify(refusal)}`).not.toMatch(/Stripe|acme|Ada|op:/);
    expect(JSON.stringify({ ...refusal.toJSON() })).not.toContain('cause');
  });

  it('may be tried again where the failure may pass', () => {
    const retryable = codes.filter((code) => errorCodes[code].retryable);
    expect(new Set(retryable.map((code) => refusalOf(new FlowError(code, 'x')).code))).toEqual(
      new Set(['upstream-unavailable']),
    );
  });

  it('of anything else are a fault of ours, whose text goes no further', () => {
    const refusal = refusalOf(new Error('canary'));
    expect(refusal.toJSON()).toEqual({ code: 'internal', status: 500 });
    expect(refusal.cause?.line()).not.toContain('canary');
    expect(refusalOf('text').code).toBe('internal');
    expect(refusalOf(refusal)).toBe(refusal);
    expect(auditRefusal(new Error('x')).toJSON()).toEqual({ code: 'audit-unavailable', status: 503 });
  });

  it('keep what only the trail is told to themselves', () => {
    const refusal = new BrokerRefusal('not-allowed', {
      names: [],
      rule: 'policy.yaml:7:13 deny x',
      detail: 'not there',
    });
    expect(refusal.toJSON()).toEqual({ code: 'not-allowed', status: 403 });
    expect(`${JSON.stringify(refusal)} ${inspect(refusal)}`).not.toMatch(/policy\.yaml:7|not there/);
    expect(refusal.truth()).toEqual({ rule: 'policy.yaml:7:13 deny x', detail: 'not there' });
  });
});
