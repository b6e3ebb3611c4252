import { describe, expect, it } from 'vitest';
import {
  knownAgent,
  rotated,
  sameLifeAgain,
  withOneMore,
  withoutToken,
} from '../../../src/broker/authentication/rotate-tokens.ts';
import type { AgentToken, Policy } from '../../../src/folder/policy/policy.ts';
import { agentsOf } from './policies.ts';
import { FlowError } from '../../../src/foundation/errors.ts';

const now = Date.UTC(2026, 10, 22);
const token = (digit: string, expires?: number): AgentToken => ({ sha256: digit.repeat(64), expires });
const [a, b, c] = [token('a'), token('b', now + 1), token('c')];
const old = token('0', now - 1);

const policyWith = (...tokens: readonly AgentToken[]): Policy => agentsOf({ codex: { tokens } });

/** The first digit of each token's hash, or the code of the error. */
function left(work: () => readonly AgentToken[]): string {
  try {
    return work()
      .map(({ sha256 }) => sha256.charAt(0))
      .join('');
  } catch (error) {
    if (error instanceof FlowError) return error.code;
    throw error;
  }
}

describe('tokens of an agent', () => {
  it.each([
    [[], 'c', 'c'],
    [[a], 'ac', 'ac'],
    [[old], 'c', 'c'],
    [[old, a], 'ac', 'ac'],
    [[a, b], 'conflict', 'bc'],
    [[a, b, old], 'conflict', 'bc'],
  ])('case %#: one more, and a new one in place of the older', (tokens, more, instead) => {
    expect(left(() => withOneMore(policyWith(...tokens), 'codex', c, now))).toBe(more);
    expect(left(() => rotated(policyWith(...tokens), 'codex', c, now))).toBe(instead);
  });

  it.each([
    [[a], undefined, ''],
    [[a, b], 'a', 'b'],
    [[a, b], 'sha256:BBBB', 'a'],
    [[old, b], '0', 'b'],
    [[a, b], undefined, 'usage'],
    [[a, b], '', 'usage'],
    [[a], '', 'usage'],
    [[a, b], 'c', 'usage'],
    [[a, token('a')], 'a', 'usage'],
    [[], undefined, 'usage'],
  ])('case %#: without the one that is meant', (tokens, which, rest) => {
    expect(left(() => withoutToken(policyWith(...tokens), 'codex', which))).toBe(rest);
  });

  const day = 86_400_000;
  const lived = { sha256: 'd'.repeat(64), issued: now - 80 * day, expires: now + 10 * day };
  const ended = { ...lived, expires: now - day };
  it.each<[string, AgentToken[], number | undefined]>([
    ['none', [], undefined],
    ['one without an end', [lived, a], undefined],
    ['one of 90 days', [a, lived], now + 90 * day],
    ['one of 79 days that has ended', [ended], now + 79 * day],
  ])('whose newest is %s are followed by one that lives as long', (_, tokens, end) => {
    expect(sameLifeAgain(policyWith(...tokens), 'codex', now)).toBe(end);
  });

  it.each<[string, AgentToken]>([
    ['does not say when it was made', b],
    ['was made after its end', { ...lived, issued: now + 20 * day }],
  ])('that end are never followed by one without an end: whose newest %s', (_, newest) => {
    expect(left(() => [token('e', sameLifeAgain(policyWith(newest), 'codex', now))])).toBe('usage');
  });

  it('of an agent that is new, there is one', () => {
    expect(left(() => withOneMore(policyWith(a), 'new', c, now))).toBe('c');
  });

  it('of an agent that is not there, there is none to replace or end, and the nearest name is told', () => {
    expect(left(() => rotated(policyWith(a), 'codxe', c, now))).toBe('usage');
    expect(left(() => withoutToken(policyWith(a), 'codxe', undefined))).toBe('usage');
    expect(() => knownAgent(policyWith(a), 'codxe')).toThrow(
      expect.objectContaining({ hint: 'did you mean "codex"?' }),
    );
  });

  it('that are told of in an error are told by their first digits', () => {
    expect(() => withoutToken(policyWith(a, b), 'codex', undefined)).toThrow(
      expect.objectContaining({ hint: `--token ${'a'.repeat(12)} or ${'b'.repeat(12)}, or --all` }),
    );
  });
});
