import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { createDirectory } from '../../../../src/adapters/vaults/onepassword-items/id-lookup.ts';
import type { Operation, Operations } from '../../../../src/adapters/vaults/onepassword-items/operations.ts';
import { codeOf } from '../../../contracts/vault.ts';

/** A thread that lists what the test says, and how often it was asked. */
function arrange(...titles: readonly string[]) {
  const service = { titles, down: false, asked: 0 };
  async function call<O extends Operation>(): Promise<Operations[O]['gives']> {
    service.asked += 1;
    const listed = service.titles.map((title) => ({ id: `id of ${title}`, title, tags: [], createdAt: 0 }));
    await new Promise((resolve) => setImmediate(resolve));
    if (service.down) throw new FlowError('unavailable', 'down');
    return listed;
  }
  return { service, directory: createDirectory({ call }) };
}

const lookups: readonly [string, (directory: ReturnType<typeof createDirectory>, name: string) => Promise<string>][] = [
  ['vaults', (directory, name) => directory.vault([name])],
  ['items', (directory, name) => directory.item('a vault', [name])],
];

describe.each(lookups)('%s by name', (_, idOf) => {
  test('are listed once, however many ask', async () => {
    const { directory, service } = arrange('one', 'two');
    const ids = await Promise.all([idOf(directory, 'one'), idOf(directory, 'two')]);
    expect([...ids, await idOf(directory, 'ONE')]).toEqual(['id of one', 'id of two', 'id of one']);
    expect(service.asked).toBe(1);
  });

  test('that are new since are found, by a list that those who miss one share', async () => {
    const { directory, service } = arrange('one');
    await idOf(directory, 'one');
    service.titles = ['one', 'two', 'three'];
    const ids = await Promise.all([idOf(directory, 'two'), idOf(directory, 'three')]);
    expect([ids, service.asked]).toEqual([['id of two', 'id of three'], 2]);
  });

  test('that are not there are not looked for again in a list that was just asked for', async () => {
    const { directory, service } = arrange('one');
    expect(await codeOf(idOf(directory, 'two'))).toBe('not-found');
    expect(service.asked).toBe(1);
  });

  test('that fit several are told as such, without another list', async () => {
    const { directory, service } = arrange('one', 'one');
    expect(await codeOf(idOf(directory, 'one'))).toBe('ambiguous');
    expect(await codeOf(idOf(directory, 'one'))).toBe('ambiguous');
    expect(service.asked).toBe(1);
  });

  test('are asked for again after a failure', async () => {
    const { directory, service } = arrange('one');
    service.down = true;
    expect(await codeOf(idOf(directory, 'one'))).toBe('unavailable');
    service.down = false;
    expect(await idOf(directory, 'one')).toBe('id of one');
  });
});
