import { expect, test } from 'vitest';
import { deriveKey, ownershipMark } from '../../src/foundation/key-derivation.ts';
import { Secret } from '../../src/foundation/secret.ts';

const root = new Secret('root');

test('each label has a key of its own', () => {
  const keys = [
    deriveKey(root, 'ownership'),
    deriveKey(root, 'fingerprint'),
    deriveKey(new Secret('other'), 'ownership'),
  ];
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(3);
  expect(keys.every((key) => key.length === 32)).toBe(true);
});

test('a mark depends on key, flow, step and every input, not on their order', () => {
  const key = deriveKey(root, 'ownership');
  const mark = ownershipMark(key, 'f', 's', { a: '1', b: '2' });
  expect(ownershipMark(key, 'f', 's', { b: '2', a: '1' })).toBe(mark);
  expect(mark).toMatch(/^flows-owner:[\w-]{43}$/);
  const others = [
    ownershipMark(deriveKey(new Secret('other'), 'ownership'), 'f', 's', { a: '1', b: '2' }),
    ownershipMark(key, 'g', 's', { a: '1', b: '2' }),
    ownershipMark(key, 'f', 't', { a: '1', b: '2' }),
    ownershipMark(key, 'f', 's', { a: '1', b: '3' }),
    ownershipMark(key, 'f', 's', { a: '1' }),
    ownershipMark(key, 'f', 's', { a: '1","b":"2' }),
  ];
  expect(new Set([mark, ...others]).size).toBe(7);
});
