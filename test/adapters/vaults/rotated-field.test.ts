import { describe, expect, test } from 'vitest';
import type { Item, ItemField, Vault } from '../../../src/adapters/vaults/contract.ts';
import { placeOf, rotatedField, sinceTag } from '../../../src/adapters/vaults/rotated-field.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { codeOf, ref } from '../../contracts/vault.ts';

const createdAt = Date.parse('2026-01-01T00:00:00Z');
const reference = Reference.of({ vault: 'V', item: 'id' });

function holding(
  labels: readonly (string | readonly [section: string, label: string])[],
  tags: readonly string[] = [],
) {
  const fields = labels.map((each, index): ItemField => {
    const [section, label] = typeof each === 'string' ? [undefined, each] : each;
    const id = `f${index}`;
    return { id, label, section, type: 'concealed', value: new Secret(id), reference: reference.sibling(id, section) };
  });
  const item: Item = { vault: 'V', id: 'id', title: 'I', version: 1, tags, createdAt, fields, reference };
  const unused = () => Promise.reject(new Error('not used'));
  const makes = { createLogin: unused, createAll: unused, archive: unused };
  const items = { get: async () => item, find: unused, list: unused, vaults: unused, ...makes };
  const vault: Vault = {
    address: 'memory',
    read: unused,
    items: { ...items, setOneTimePassword: unused, setFields: unused },
    requests: () => 0,
    close: async () => undefined,
  };
  return { vault };
}

describe('the places of a secret that rotates', () => {
  test.each([
    ['op://V/I/credential', 'current'],
    ['op://V/I/credential (next)', 'next'],
    ['op://V/I/S/credential (previous)', 'previous'],
    ['op://V/I/(next)', 'current'],
    ['op://V/I/credential (next) 2', 'current'],
  ])('%s is %s', (text, place) => {
    expect(placeOf(ref(text))).toBe(place);
  });

  test.each([
    ['op://V/I/credential', ['credential', 'credential (next)'], 'f0', 'f1', undefined],
    ['op://V/I/CREDENTIAL (next)', ['credential', 'credential (previous)'], 'f0', undefined, 'f1'],
    ['op://V/I/f1', ['other', 'credential', 'credential (next)', 'other (next)'], 'f1', 'f2', undefined],
    ['op://V/I/credential', [['S', 'credential'], 'credential', ['S', 'credential (next)']], 'f1', 'f2', undefined],
    ['op://V/I/S/credential', [['S', 'credential'], 'credential', 'credential (next)'], 'f0', undefined, undefined],
  ] as const)('%s in an item of %j', async (text, labels, current, next, previous) => {
    const found = await rotatedField(ref(text), holding(labels));
    expect([found.current.id, found.next?.id, found.previous?.id]).toEqual([current, next, previous]);
    expect(placeOf(found.references.next)).toBe('next');
    expect(found.references.next.section).toBe(ref(text).section);
  });

  test.each([
    ['op://V/I/credential', ['other'], 'not-found'],
    ['op://V/I/credential', ['credential', 'credential'], 'ambiguous'],
    ['op://V/I/credential', ['credential', 'credential (next)', 'credential (previous)'], 'conflict'],
  ])('%s in an item of %j is refused', async (text, labels, code) => {
    expect(await codeOf(rotatedField(ref(text), holding(labels)))).toBe(code);
  });

  test('its age is by the tag of its own last promotion, else by when the item was made', async () => {
    const at = Date.parse('2026-06-01T12:00:00Z');
    const { current, since } = await rotatedField(ref('op://V/I/a b: c'), holding(['a b: c']));
    expect(since).toBe(createdAt);
    const tag = sinceTag(current, at);
    expect(tag).toBe('flows-rotated/a%20b%3A%20c:2026-06-01T12:00:00.000Z');
    expect((await rotatedField(ref('op://V/I/a b: c'), holding(['a b: c'], ['x', tag]))).since).toBe(at);
    expect((await rotatedField(ref('op://V/I/a b'), holding(['a b'], [tag]))).since).toBe(createdAt);
    const damaged = 'flows-rotated/a b:yesterday';
    expect((await rotatedField(ref('op://V/I/a b'), holding(['a b'], [damaged]))).since).toBe(createdAt);
  });
});
