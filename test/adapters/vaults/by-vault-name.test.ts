import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import type { Vault, VaultItems } from '../../../src/adapters/vaults/contract.ts';
import { createVaults } from '../../../src/adapters/vaults/by-vault-name.ts';
import { codeOf, ref, told } from '../../contracts/vault.ts';

function entry(name: string, fails?: FlowError) {
  const asked: string[][] = [];
  const vault: Vault = {
    address: `https://${name}.example`,
    read(references) {
      asked.push(references.map(String));
      if (fails !== undefined) return Promise.reject(fails);
      return Promise.resolve(new Map(references.map((each) => [each.toString(), new Secret(name)])));
    },
    requests: () => 2,
    close: () => Promise.resolve(),
  };
  return { vault, asked };
}

describe('several entries as one vault', () => {
  test('a reference goes to the entry that names its vault, else to the one that names none', async () => {
    const [agents, accounts, rest] = [entry('agents'), entry('accounts'), entry('rest')];
    const vaults = createVaults([
      { vaults: ['Agents', 'More'], vault: agents.vault },
      { vaults: ['Accounts'], vault: accounts.vault },
      { vault: rest.vault },
    ]);
    const texts = ['op://agents/a/b', 'op://ACCOUNTS/a/b', 'op://Else/a/b', 'op://More/a/b'];
    const found = await vaults.read(texts.map(ref));
    expect(texts.map((text) => told(found.get(text)))).toEqual(['agents', 'accounts', 'rest', 'agents']);
    expect(agents.asked).toEqual([['op://agents/a/b', 'op://More/a/b']]);
    expect(vaults.requests()).toBe(6);
    expect(vaults.address).toBe('https://agents.example, https://accounts.example, https://rest.example');
  });

  test('a vault that no entry serves is not found, and what is served is told', async () => {
    const vaults = createVaults([{ vaults: ['Agents'], vault: entry('agents').vault }]);
    const found = (await vaults.read([ref('op://Else/a/b'), ref('op://Agents/a/b')])).get('op://Else/a/b');
    expect(told(found)).toBe('not-found');
    expect(found instanceof FlowError ? [found.hint, found.place.subject] : []).toEqual([
      'served are: Agents',
      'op://Else/a/b',
    ]);
    expect(await codeOf(vaults.items?.find('Else', 't') ?? Promise.resolve())).toBe('not-found');
    expect(await codeOf(vaults.items?.find('Agents', 't') ?? Promise.resolve())).toBe('refused');
  });

  test('vaults are told once, each by the name that leads to its entry', async () => {
    const unused = () => Promise.reject(new Error('not used'));
    const seeing = (...titles: readonly string[]): Vault => {
      const found = titles.map((title) => ({ id: `id-${title}`, title, name: `id-${title}` }));
      const others = {
        get: unused,
        find: unused,
        list: unused,
        createAll: unused,
        createLogin: unused,
        archive: unused,
      };
      const items: VaultItems = {
        ...others,
        setOneTimePassword: unused,
        setFields: unused,
        vaults: () => Promise.resolve(found),
      };
      return { ...entry('seeing').vault, items };
    };
    const vaults = createVaults([
      { vaults: ['agents'], vault: seeing('Agents', 'Accounts') },
      { vaults: ['id-Accounts'], vault: seeing('Agents', 'Accounts') },
      { vaults: ['Read'], vault: entry('no items').vault },
      { vault: seeing('Agents', 'Accounts', 'Else') },
    ]);
    expect(await vaults.items?.vaults()).toEqual([
      { id: 'id-Agents', title: 'Agents', name: 'agents' },
      { id: 'id-Accounts', title: 'Accounts', name: 'id-Accounts' },
      { id: 'id-Else', title: 'Else', name: 'id-Else' },
    ]);
  });

  test('the failure of one entry concerns its own references; of the only one, all', async () => {
    const down = entry('down', new FlowError('unavailable', 'down'));
    const both = createVaults([
      { vaults: ['Up'], vault: entry('up').vault },
      { vaults: ['Down'], vault: down.vault },
    ]);
    const found = await both.read([ref('op://Up/a/b'), ref('op://Down/a/b')]);
    expect([told(found.get('op://Up/a/b')), told(found.get('op://Down/a/b'))]).toEqual(['up', 'unavailable']);
    const alone = createVaults([{ vaults: ['Down'], vault: down.vault }]);
    expect(await codeOf(alone.read([ref('op://Down/a/b')]))).toBe('unavailable');
  });

  test('entries that contradict each other are misuse', () => {
    const { vault } = entry('x');
    expect(() => createVaults([{ vault }, { vault }])).toThrow(TypeError);
    expect(() =>
      createVaults([
        { vaults: ['A'], vault },
        { vaults: ['a'], vault },
      ]),
    ).toThrow(TypeError);
  });
});
