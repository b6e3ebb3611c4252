import { expect } from 'vitest';

// `toMatchObject` compares a pattern by its members, of which it has none, and so takes any text: patterns are given to
// `expect.stringMatching`
expect.addEqualityTesters([
  (received: unknown, expected: unknown) =>
    expected instanceof RegExp && !(received instanceof RegExp) ? false : undefined,
]);
