import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StepContext, StepKind, StepPlan } from '../../src/steps/contract.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { vaultDropPrevious } from '../../src/steps/vault-drop-previous.ts';
import { vaultPromoteSecret } from '../../src/steps/vault-promote-secret.ts';
import { vaultStageSecret } from '../../src/steps/vault-stage-secret.ts';
import { codeOf, ref } from '../contracts/vault.ts';
import { startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop([], 'connect');
});
afterAll(() => laptop.close());

let count = 0;
/** A field of an item of its own. */
function newField(further: readonly { label: string; section?: string; type: 'concealed'; value: string }[] = []) {
  count += 1;
  const fields = [{ label: 'credential', type: 'concealed', value: 'first' } as const, ...further];
  laptop.server.add('Accounts', { title: `Client ${count}`, category: 'api-credential', fields });
  return ref(`op://Accounts/Client ${count}/credential`);
}
const day = 86_400_000;
const value = { length: 40, digits: true, symbols: false };
const later = (days: number) => laptop.context({ now: () => Date.now() + days * day });

type Output = Readonly<Record<string, Reference>>;
async function planOf(kind: StepKind, input: object, context: StepContext = laptop.context()) {
  if (kind.effect !== 'write') throw new TypeError('it does not write');
  return (await kind.plan(input, context)) as StepPlan<Output>;
}
const action = async (kind: StepKind, input: object, context?: StepContext) =>
  (await planOf(kind, input, context)).changes[0]?.action;
const run = async (kind: StepKind, input: Readonly<Record<string, unknown>>, context: StepContext = laptop.context()) =>
  (await kind.run(input, context)) as unknown as Output;
const stage = (field: Reference, ifOlderThan?: string, context?: StepContext) =>
  run(vaultStageSecret, { field, value, 'if-older-than': ifOlderThan }, context);
const valuesOf = (field: Reference) =>
  Object.fromEntries(
    laptop.server
      .dump()
      .find(({ title }) => title === field.item)
      ?.fields.map((each) => [each.label, each.value]) ?? [],
  );

describe('a secret that rotates in the vault', () => {
  test('is staged, promoted and dropped, each stage once, and says its stage in the plan', async () => {
    const field = newField();
    expect(await action(vaultStageSecret, { field, value })).toBe('create');
    const { secret: next } = await stage(field);
    if (next === undefined) throw new TypeError('nothing is staged');
    expect(String(next)).toBe(`${String(field)} (next)`);
    const staged = valuesOf(field);
    expect(staged).toEqual({ credential: 'first', 'credential (next)': expect.stringMatching(/^[A-Za-z0-9]{40}$/) });
    expect((await planOf(vaultStageSecret, { field, value })).changes).toMatchObject([
      { action: 'none', detail: 'staged, and not promoted yet' },
    ]);
    await stage(field);
    expect(valuesOf(field)).toEqual(staged);
    expect(await action(vaultDropPrevious, { secret: field })).toBe('none');

    expect(await action(vaultPromoteSecret, { secret: next })).toBe('update');
    const { secret, previous } = await run(vaultPromoteSecret, { secret: next });
    const second = staged['credential (next)'];
    expect(valuesOf(field)).toEqual({ credential: second, 'credential (previous)': 'first' });
    expect([String(secret), String(previous)]).toEqual([String(field), `${String(field)} (previous)`]);
    expect(await action(vaultPromoteSecret, { secret: next })).toBe('none');
    await run(vaultPromoteSecret, { secret: next });
    expect((await planOf(vaultStageSecret, { field, value })).changes).toMatchObject([
      { action: 'none', detail: 'promoted; "credential (previous)" is not retired yet' },
    ]);
    expect(String((await stage(field)).secret)).toBe(String(field));
    expect(valuesOf(field)).toEqual({ credential: second, 'credential (previous)': 'first' });

    // what is not retired is kept, whoever asks
    expect(await action(vaultDropPrevious, { secret: field })).toBe('none');
    await run(vaultDropPrevious, { secret: field });
    expect(valuesOf(field)).toHaveProperty('credential (previous)');
    expect(await action(vaultDropPrevious, { secret: previous })).toBe('remove');
    await run(vaultDropPrevious, { secret: previous });
    await run(vaultDropPrevious, { secret: previous });
    expect(valuesOf(field)).toEqual({ credential: second });
  });

  test('rests until it is older than it may be, by when it was promoted last', async () => {
    const field = newField();
    expect((await planOf(vaultStageSecret, { field, value, 'if-older-than': '60d' })).changes).toMatchObject([
      { action: 'none', detail: expect.stringMatching(/^in force since \d{4}-\d\d-\d\d, and not 60d old$/) },
    ]);
    expect(String((await stage(field, '60d')).secret)).toBe(String(field));
    const { secret: next } = await stage(field, '60d', later(61));
    await run(vaultPromoteSecret, { secret: next }, later(61));
    const { previous } = await run(vaultPromoteSecret, { secret: next }, later(61));
    await run(vaultDropPrevious, { secret: previous });
    for (const [days, expected] of [
      [120, 'none'],
      [122, 'create'],
    ] as const)
      expect(await action(vaultStageSecret, { field, value, 'if-older-than': '60d' }, later(days))).toBe(expected);
  });

  test('nothing staged is promoted as nothing: the field itself goes through every stage', async () => {
    const field = newField();
    expect(await planOf(vaultPromoteSecret, { secret: field })).toMatchObject({ changes: [{ action: 'none' }] });
    expect(await planOf(vaultDropPrevious, { secret: field })).toMatchObject({ changes: [{ action: 'none' }] });
    await run(vaultPromoteSecret, { secret: field });
    expect(valuesOf(field)).toEqual({ credential: 'first' });
  });

  test('is the one of its section, and its fields are named by id too', async () => {
    const other = { label: 'credential', section: 'Replica', type: 'concealed', value: 'other' } as const;
    const field = newField([other]);
    const inSection = ref(`op://Accounts/${field.item}/Replica/credential`);
    const { secret } = await stage(inSection);
    expect((await laptop.context().read(secret ?? field)).reveal()).toHaveLength(40);
    const item = await laptop.vault.items?.get(field);
    const id = item?.fields.find((each) => each.section === undefined)?.id ?? '';
    const byId = field.sibling(id);
    expect(String((await stage(byId)).secret)).toBe(`${String(field)} (next)`);
  });

  test.each([
    ['an unknown field', 'op://Accounts/NAME/nothing', [], 'not-found'],
    [
      'a field at two stages at once',
      'op://Accounts/NAME/credential',
      ['credential (next)', 'credential (previous)'],
      'conflict',
    ],
    ['two fields of one name', 'op://Accounts/NAME/credential', ['credential'], 'ambiguous'],
    [
      'a next value that is the one in force',
      'op://Accounts/NAME/credential (next)',
      ['credential (next)'],
      'conflict',
    ],
  ])('%s changes nothing', async (_, text, labels, code) => {
    const { item } = newField(labels.map((label) => ({ label, type: 'concealed', value: 'first' })));
    const before = laptop.server.dump();
    expect(await codeOf(run(vaultPromoteSecret, { secret: ref(text.replace('NAME', item)) }))).toBe(code);
    expect(laptop.server.dump()).toEqual(before);
  });

  test('a field that a person has emptied is as good as none', async () => {
    const field = newField([{ label: 'credential (next)', type: 'concealed', value: '' }]);
    expect(await action(vaultStageSecret, { field, value })).toBe('create');
  });

  test('what someone else changed meanwhile is not written over', async () => {
    const field = newField();
    const { items } = laptop.vault;
    if (items === undefined) throw new TypeError('no items');
    const late = {
      ...laptop.vault,
      items: {
        ...items,
        async setFields(...[item, ...more]: Parameters<typeof items.setFields>) {
          const current = item.fields.find(({ label }) => label === 'credential');
          if (current !== undefined) await items.setFields(item, [{ field: current, value: new Secret('by hand') }]);
          return items.setFields(item, ...more);
        },
      },
    };
    expect(await codeOf(stage(field, undefined, laptop.context({ vault: late })))).toBe('conflict');
    expect(valuesOf(field)).toEqual({ credential: 'by hand' });
  });

  test('a plan that knows its field only after run says so', async () => {
    for (const kind of [vaultStageSecret, vaultPromoteSecret, vaultDropPrevious])
      expect((await planOf(kind, {})).changes).toMatchObject([{ detail: 'known after run' }]);
  });
});
