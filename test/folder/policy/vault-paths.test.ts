import { describe, expect, test } from 'vitest';
import { type ItemPlace, itemUses, placeOf, readVaultPath } from '../../../src/folder/policy/vault-paths.ts';

const rule = (text: string) => {
  const read = readVaultPath(text, ['read']);
  if ('problem' in read) throw new TypeError(read.problem);
  return read;
};
const at = (vault: string, item?: string, id = 'abcdefghijklmnopqrstuvwxyz'): ItemPlace => ({
  vault: { id: 'v'.repeat(26), titles: [vault] },
  item: item === undefined ? undefined : { id, titles: [item] },
});

describe('a path of vault-paths', () => {
  test.each<[string, ItemPlace, boolean]>([
    ['op/vaults/engineering/*', at('Engineering', 'Any'), true],
    ['op/vaults/engineering/*', at('Engineering'), true],
    ['op/vaults/engineering/*', at('Engineering 2', 'Any'), false],
    ['op/vaults/engineering/items/*', at('engineering', 'Any'), true],
    [`op/vaults/${'v'.repeat(26)}/*`, at('engineering', 'Any'), true],
    ['op/vaults/*', at('engineering', 'Any'), true],
    ['op/vaults/*', at('engineering'), true],
    ['op/vaults/E/items/Deploy key', at('E', 'deploy  KEY'), true],
    ['op/vaults/E/items/Deploy key', at('E', 'Deploy key 2'), false],
    ['op/vaults/E/items/Deploy key', at('E'), false],
    ['op/vaults/E/items/a%2Fb', at('E', 'a/b'), true],
    ['op/vaults/E/items/a/b', at('E', 'a/b'), true],
    ['op/vaults/E/items/100%2F', at('E', '100%2F'), true],
    ['op/vaults/E/items/%2A', at('E', '*'), true],
    ['op/vaults/a%2Fb/*', at('a/b', 'Any'), true],
    ['op/vaults/E/items/ключ', at('E', 'КЛЮЧ'), true],
    ['op/vaults/E/items/abcdefghijklmnopqrstuvwxyz', at('E', 'Any'), true],
    ['op/vaults/E/items/ci-*', at('E', 'CI-one'), true],
    ['op/vaults/E/items/ci-*', at('E', 'other'), false],
    // an id begins like nothing
    ['op/vaults/E/items/abc*', at('E', 'other'), false],
    ['op/vaults/E/items/abc*', at('E'), false],
  ])('%s is about %j: %s', (text, place, is) => {
    const { covers, isAbout } = rule(text);
    expect(covers(place)).toBe(is);
    // what it covers is in a vault that it is about
    expect(isAbout(place.vault)).toBe(is || place.vault.titles[0] !== 'Engineering 2');
  });

  test('that lists is about a list, and no item', () => {
    const read = readVaultPath('op/vaults/E/items', ['list']);
    if ('problem' in read) throw new TypeError(read.problem);
    expect([read.covers(at('E')), read.covers(at('E', 'Any'))]).toEqual([true, false]);
  });

  test.each([
    ['secret/data/x', ['read'], 'no path'],
    ['op/vaults', ['list'], 'no path'],
    ['op/vaults/E', ['list'], 'no path'],
    ['op/vaults/E*', ['list'], 'no path'],
    ['op/vaults/E/itemsX', ['read'], 'no path'],
    ['op/vaults/*/items/X', ['read'], 'no path'],
    ['op/vaults/E/items/a*b', ['read'], 'no path'],
    ['op/vaults/E/items/a**', ['read'], 'no path'],
    ['op/vaults/E/*', ['list', 'create'], 'a wildcard gives no "create"'],
    ['op/vaults/*', ['update'], 'a wildcard gives no "update"'],
    ['op/vaults/E/items/a*', ['delete'], 'a wildcard gives no "delete"'],
    ['op/vaults/E/items', ['create'], 'a list of items gives no "create"'],
    ['op/vaults/E/items', ['list', 'read'], 'a list of items gives no "read"'],
    ['op/vaults/E/items/X', ['list'], 'an item has no list'],
    ['op/vaults/E/items/x*', ['list'], 'an item has no list'],
    ['op/vaults/E/items/X', ['deny', 'read'], '"deny" stands alone'],
  ] as const)('%s with %j is refused: %s', (text, can, problem) => {
    expect(readVaultPath(text, can)).toMatchObject({ problem: expect.stringContaining(problem) });
  });

  test('gives each use of one item, named in full', () => {
    for (const use of itemUses.filter((each) => each !== 'list'))
      expect(readVaultPath('op/vaults/E/items/X', [use])).not.toHaveProperty('problem');
  });

  test('of a request is parted as it is written', () => {
    expect(placeOf('op/vaults/E/items/a/b')?.item?.titles).toEqual(['a/b']);
    expect(placeOf('op/vaults/E/items/a%2Fb')?.item?.titles).toEqual(['a/b', 'a%2Fb']);
    expect(placeOf('op/vaults/E/items')).toEqual({ vault: { id: undefined, titles: ['E'] }, item: undefined });
    expect(placeOf('op/vaults')).toBeUndefined();
  });
});
