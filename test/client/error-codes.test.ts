import { describe, expect, test } from 'vitest';
import { brokerErrorCodes } from '../../src/client.ts';

describe('the codes of a broker error', () => {
  test.each(Object.entries(brokerErrorCodes))('%s says what it means and what to do', (_, { meaning, remedy }) => {
    for (const sentence of [meaning, remedy]) expect(sentence).toMatch(/^[A-Z][^\n]*\.$/);
  });

  test('may be tried again where the broker or a service has no time, or nobody answers', () => {
    const retryable = Object.entries(brokerErrorCodes).flatMap(([code, facts]) => (facts.retryable ? [code] : []));
    expect(retryable.toSorted()).toEqual([
      'approval-pending-limit',
      'audit-unavailable',
      'overloaded',
      'rate-limited',
      'request-timeout',
      'restarting',
      'runs-unavailable',
      'timeout',
      'unreachable',
      'upstream-unavailable',
    ]);
  });
});
