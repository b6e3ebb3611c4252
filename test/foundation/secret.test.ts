import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';

const canary = 'canary-4f1c';
const secret = new Secret(canary);

test.each([
  ['string', () => String(secret)],
  ['template', () => `a ${secret as unknown as string}`],
  ['concatenation', () => 'x' + (secret as unknown as string)],
  ['JSON', () => JSON.stringify({ secret, list: [secret] })],
  ['inspect', () => inspect({ secret }, { showHidden: true, depth: 5 })],
  ['keys', () => JSON.stringify([Object.keys(secret), Object.getOwnPropertyNames(secret), Reflect.ownKeys(secret)])],
  ['structured clone', () => inspect(structuredClone(Object.assign({}, secret)))],
  ['an error about it', () => inspect(new Error('refused', { cause: secret }))],
])('%s does not show the value', (_, print) => {
  expect(print()).not.toContain(canary);
});

test('gives its value, unchanged, to reveal alone', () => {
  expect(new Secret(' a\n').reveal()).toBe(' a\n');
});

test('compares by value', () => {
  expect(secret.equals(new Secret(canary))).toBe(true);
  expect(secret.equals(new Secret(`${canary} `))).toBe(false);
});
