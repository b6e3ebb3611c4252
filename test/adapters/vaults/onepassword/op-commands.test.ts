import { describe, expect, it } from 'vitest';
import { opSetup } from '../../../../src/adapters/vaults/onepassword/op-commands.ts';
import type { FieldNeeds } from '../../../../src/adapters/vaults/adapter.ts';
import { ref } from '../../../contracts/vault.ts';

const field = (name: string, type: FieldNeeds['type'] = 'password', section?: string): FieldNeeds => ({
  section,
  name,
  type,
});
const create = (category: string, rest: string, title = 'I') =>
  `op item create --category ${category} --vault V --title ${title}${rest}\n`;

describe('an item', () => {
  it.each<[string, readonly FieldNeeds[], string]>([
    ['a login', [field('username', 'text'), field('password')], create('Login', ' username= password=')],
    ['for a program', [field('credential')], create("'API Credential'", ' credential=')],
    ['with a field of its own', [field('client id', 'text')], create("'API Credential'", " 'client id[text]='")],
    ['with a section', [field('host', 'text', 'Primary')], create("'API Credential'", " 'Primary.host[text]='")],
    // https://developer.1password.com/docs/cli/reference/management-commands/item: these three are escaped
    ['with special characters', [field('a.b=c\\d')], create("'API Credential'", String.raw` 'a\.b\=c\\d[password]='`)],
    [
      'that takes what a shell would',
      [field("it's $HOME")],
      create("'API Credential'", String.raw` 'it'\''s $HOME[password]='`),
    ],
    [
      'the root of our keys',
      [field('password', 'key')],
      'op item create --category Password --generate-password=letters,digits,32 --vault V --title I\n',
    ],
    [
      'a one-time password',
      [field('password'), field('one-time password', 'otp')],
      `${create('Login', ' password=')}# then add to it in the app: one-time password\n`,
    ],
    ['an SSH key', [field('private key', 'ssh')], create("'SSH Key'", '')],
    ['with nothing known of it', [], create('Login', '')],
  ])('%s', (_, fields, command) => {
    expect(opSetup.item({ reference: ref('op://V/I'), fields })).toBe(command);
  });

  it('never has a value on its command line', () => {
    const all = (['text', 'password', 'key', 'otp', 'ssh'] as const).map((type) => field(`f ${type}`, type));
    const command = opSetup.item({ reference: ref('op://V/I'), fields: all });
    for (const [, value] of command.matchAll(/=(\S*)/g)) expect(['', "'", 'letters,digits,32']).toContain(value);
  });

  it('whose names a shell would take apart is quoted', () => {
    expect(opSetup.item({ reference: ref('op://My Vault/it%27s; rm'), fields: [] })).toContain(
      String.raw`--vault 'My Vault' --title 'it'\''s; rm'`,
    );
  });
});

describe('access', () => {
  const given = (vaults: readonly { name: string; writes: boolean }[], account?: string) =>
    opSetup.access({ number: 2, environment: 'production', settings: { account }, vaults });

  it.each([
    [[{ name: 'Agents', writes: false }], undefined, 'Agents:read_items'],
    [[{ name: 'My Accounts', writes: true }], undefined, "'My Accounts:read_items,write_items'"],
  ])('case %#: a service account for what flows do, and no more', (vaults, account, grant) => {
    expect(given(vaults, account)).toBe(
      `op service-account create 'flows production 2' --expires-in 90d \\\n  --vault ${grant}\n`,
    );
  });

  it('of the desktop app is its user’s', () => {
    expect(given([{ name: 'Agents', writes: true }], 'acme')).toBe(
      '# the desktop app, account acme: its user needs Agents\n',
    );
    expect(given([], 'acme')).toMatch(/needs no vault\n$/);
  });

  it('of an entry that no flow uses is not asked for', () => {
    expect(given([])).toBe('# vault entry 2: no flow uses it\n');
  });
});
