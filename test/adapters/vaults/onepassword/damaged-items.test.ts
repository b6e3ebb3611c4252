import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { createGovernor } from '../../../../src/adapters/vaults/governor/governor.ts';
import { createOnePasswordVault } from '../../../../src/adapters/vaults/onepassword/vault.ts';
import { startVault, type DevelopmentVault } from '../../../../src/laptop/vault/server.ts';
import type { ItemSeed } from '../../../../src/laptop/vault/seeds.ts';
import { codeOf, ref, told } from '../../../contracts/vault.ts';

const item = (title: string, more: Partial<ItemSeed> = {}): ItemSeed => ({
  title,
  fields: [{ label: 'password', type: 'concealed', value: `of ${title}` }],
  ...more,
});

describe('what is damaged fails alone', () => {
  let server: DevelopmentVault;
  let vault: ReturnType<typeof open>;
  const open = () => {
    const token = server.token();
    return createOnePasswordVault({ token: () => Promise.resolve(token), development: true });
  };
  const idOf = (name: string, title: string) =>
    server.dump().find((each) => each.vault === name && each.title === title)?.id ?? '';
  const read = async (...texts: string[]) => {
    const values = await vault.read(texts.map(ref));
    return texts.map((text) => told(values.get(text)));
  };

  beforeAll(async () => {
    const many = Array.from({ length: 60 }, (_, index) => item(`n${index}`));
    server = await startVault({
      vaults: [
        { name: 'Details', items: [...many, item('bad', { damaged: 'details' }), item('old', { archived: true })] },
        { name: 'Overview', items: [item('good'), item('', { damaged: 'overview' })] },
        { name: 'Surrogate', items: [item('good'), item('half \ud83d title')] },
        {
          name: 'Field',
          items: [item('good'), item('odd', { fields: [{ label: 'password', type: 'text', value: '\ud800' }] })],
        },
        { name: 'Healthy', items: [item('good')] },
      ],
    });
    vault = open();
  });
  afterAll(async () => {
    await vault.close();
    await server.close();
  });

  test('an item of a batch, damaged or archived, in few requests', async () => {
    const texts = Array.from({ length: 60 }, (_, index) => `op://Details/n${index}/password`);
    await read('op://Details/n0/password');
    const before = server.requests();
    const found = await read(...texts, 'op://Details/bad/password', 'op://Details/old/password');
    expect(found).toEqual([...texts.map((_, index) => `of n${index}`), 'invalid-value', 'not-found']);
    expect(server.requests() - before).toBeLessThan(20);
  });

  test('its error names it, and says what to do', async () => {
    const text = 'op://Details/bad/password';
    const error = (await vault.read([ref(text)])).get(text);
    expect(error).toBeInstanceOf(FlowError);
    expect(error).toMatchObject({ code: 'invalid-value', about: 'subject', place: { subject: text } });
    expect((error as FlowError).cause).toMatchObject({ message: 'error decrypting item details' });
    const one = await vault.items?.get(ref('op://Details/bad')).catch((thrown: unknown) => thrown);
    expect(one).toMatchObject({ code: 'invalid-value', place: { subject: 'op://Details/bad' } });
  });

  test('an item whose text is no Unicode', async () => {
    expect(await read('op://Field/odd/password', 'op://Field/good/password')).toEqual(['invalid-value', 'of good']);
  });

  test.each(['Overview', 'Surrogate'])('a title in vault %s: its ids are read, and the other vaults', async (name) => {
    const byId = `op://${name}/${idOf(name, 'good')}/password`;
    const byTitle = `op://${name}/good/password`;
    expect(await read(byTitle, byId, 'op://Healthy/good/password')).toEqual(['invalid-value', 'of good', 'of good']);
    expect(await read(byId)).toEqual(['of good']);
  });

  test('none of it counts as a failure of the service', async () => {
    const governor = createGovernor(vault, { ledger: undefined, now: Date.now, random: () => 0 });
    const broken = ['op://Surrogate/good/password', 'op://Details/bad/password', 'op://Overview/good/password'];
    for (let round = 0; round < 6; round += 1) {
      expect(told((await governor.read(broken.map(ref))).get('op://Details/bad/password'))).toBe('invalid-value');
      expect(await codeOf(governor.items?.find('Surrogate', 'tag') ?? Promise.resolve())).toBe('invalid-value');
    }
    expect(governor.usage()?.circuit).toBe('closed');
    expect(told((await governor.read([ref('op://Healthy/good/password')])).get('op://Healthy/good/password'))).toBe(
      'of good',
    );
  });

  test('an archived item is told as one, by its title', async () => {
    const text = 'op://Details/old/password';
    const error = (await vault.read([ref(text)])).get(text);
    expect((error as FlowError).line()).toContain('the item "old" is archived');
    expect((error as FlowError).line()).toContain(idOf('Details', 'old'));
  });
});
