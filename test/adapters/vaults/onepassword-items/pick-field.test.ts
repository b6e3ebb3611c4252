import { describe, expect, test } from 'vitest';
import type { Pick } from '../../../../src/adapters/vaults/onepassword-items/operations.ts';
import { pickField, type PickableItem } from '../../../../src/adapters/vaults/onepassword-items/pick-field.ts';

const item: PickableItem = {
  notes: 'some notes',
  sections: [
    { id: 'add more', title: '' },
    { id: 's1', title: 'Primary' },
    { id: 's2', title: 'primary' },
    { id: 's3', title: 'Keys' },
    { id: 's4', title: 'Keys' },
  ],
  fields: [
    { id: 'username', title: 'username', sectionId: null, fieldType: 'Text', value: 'ada' },
    { id: 'password', title: 'Passwort', sectionId: null, fieldType: 'Concealed', value: 'pw' },
    { id: 'f1', title: 'username', sectionId: 's1', fieldType: 'Text', value: 'in s1' },
    { id: 'f2', title: 'host', sectionId: 's2', fieldType: 'Text', value: 'in s2' },
    { id: 'f3', title: 'a', sectionId: 's3', fieldType: 'Text', value: 'a3' },
    { id: 'f4', title: 'b', sectionId: 's4', fieldType: 'Text', value: 'b4' },
    { id: 'f5', title: 'twice', sectionId: 's3', fieldType: 'Text', value: 't3' },
    { id: 'f6', title: 'twice', sectionId: 's4', fieldType: 'Text', value: 't4' },
    { id: 'constructor', title: '__proto__', sectionId: null, fieldType: 'Text', value: 'odd' },
    {
      id: 'TOTP_1',
      title: 'code',
      sectionId: 'add more',
      fieldType: 'Totp',
      value: 'SEED',
      details: { type: 'Otp', content: { code: '123456' } },
    },
    {
      id: 'TOTP_2',
      title: 'broken',
      sectionId: 'add more',
      fieldType: 'Totp',
      value: '!',
      details: { type: 'Otp', content: { errorMessage: 'x' } },
    },
    {
      id: 'private_key',
      title: 'private key',
      sectionId: '',
      fieldType: 'SshKey',
      value: 'PEM',
      details: { type: 'SshKey', content: { publicKey: 'ssh-ed25519 A', fingerprint: 'SHA256:x', keyType: 'Ed25519' } },
    },
  ],
  files: [{ attributes: { id: 'file1', name: 'cert.pem', size: 12 }, sectionId: 's1', fieldId: 'ff' }],
  document: { id: 'doc1', name: 'deed.txt', size: 3 },
};

function pick(field: string, more: Partial<Pick> = {}) {
  return pickField(item, { item: 'i', field: [field], ...more });
}

describe('picking one value of an item', () => {
  test.each<readonly [string, string, Partial<Pick>, string]>([
    ['by label, outside a section first', 'username', {}, 'ada'],
    ['by id', 'password', {}, 'pw'],
    ['by label in another case', 'passWORT', {}, 'pw'],
    ['in a section by its exact title', 'username', { section: ['Primary'] }, 'in s1'],
    ['in a section by its id', 'host', { section: ['s2'] }, 'in s2'],
    ['in either of two sections of one title', 'b', { section: ['Keys'] }, 'b4'],
    ['by the written form, where the decoded one is none', 'f/1', { field: ['f/1', 'f1'] }, 'in s1'],
    ['a name that objects have', '__proto__', {}, 'odd'],
    ['another such', 'constructor', {}, 'odd'],
    ['a seed', 'code', {}, 'SEED'],
    ['a code', 'code', { attribute: 'otp' }, '123456'],
    ['a code', 'code', { attribute: 'totp' }, '123456'],
    ['the value by name', 'code', { attribute: 'value' }, 'SEED'],
    ['an id', 'Passwort', { attribute: 'id' }, 'password'],
    ['a type', 'code', { attribute: 'type' }, 'OTP'],
    ['a type', 'password', { attribute: 'type' }, 'CONCEALED'],
    ['a purpose', 'username', { attribute: 'purpose' }, 'USERNAME'],
    ['notes', 'notesPlain', {}, 'some notes'],
    ["an SSH key's public part", 'public key', {}, 'ssh-ed25519 A'],
    ["an SSH key's fingerprint", 'fingerprint', {}, 'SHA256:x'],
    ["a file's name", 'file1', { attribute: 'name' }, 'cert.pem'],
    ["a document's size", 'deed.txt', { attribute: 'size' }, '3'],
  ])('%s: %s', (_, field, more, value) => {
    expect(pick(field, more)).toEqual({ kind: 'value', value });
  });

  test.each<readonly [string, string, Partial<Pick>, string]>([
    ['no such field', 'usernam', {}, 'not-found'],
    ['no such section', 'username', { section: ['Primar'] }, 'not-found'],
    ['not in that section', 'password', { section: ['Primary'] }, 'not-found'],
    ['two of one label', 'twice', { section: ['Keys'] }, 'ambiguous'],
    ['two of one label anywhere', 'twice', {}, 'ambiguous'],
    ['a code of what is none', 'password', { attribute: 'otp' }, 'invalid-value'],
    ['a code of a broken seed', 'broken', { attribute: 'otp' }, 'invalid-value'],
    ['an unknown attribute', 'password', { attribute: 'toString' }, 'not-found'],
    ['an unknown attribute of a file', 'cert.pem', { attribute: 'otp' }, 'not-found'],
    ['the SSH form of what is no key', 'password', { sshFormat: 'openssh' }, 'invalid-value'],
  ])('%s: %s', (_, field, more, code) => {
    const found = pick(field, more);
    expect(found).toMatchObject({ kind: 'problem', code });
    expect(JSON.stringify(found)).not.toMatch(/SEED|PEM|"pw"|in s1|t3/);
  });

  const text = (id: string, title: string, sectionId: string | null = null) => {
    return { id, title, sectionId, fieldType: 'Text', value: `value of ${id}` };
  };
  const made = (more: Partial<PickableItem>): PickableItem => ({
    fields: [],
    sections: [],
    notes: '',
    files: [],
    ...more,
  });

  test('an id wins over a title', () => {
    const both = made({ fields: [text('abc1', 'credential'), text('credential', 'other')] });
    expect(pickField(both, { item: 'i', field: ['credential'] })).toEqual({
      kind: 'value',
      value: 'value of credential',
    });
  });

  test('two files of one name are told by their ids', () => {
    const files = ['f1', 'f2'].map((id) => ({
      attributes: { id, name: 'a.pem', size: 1 },
      sectionId: 's',
      fieldId: id,
    }));
    expect(pickField(made({ files }), { item: 'i', field: ['a.pem'] })).toMatchObject({
      code: 'ambiguous',
      hint: 'use one of the ids: s/f1, s/f2',
    });
  });

  test.each<readonly [string, PickableItem, Partial<Pick>, string]>([
    [
      'an empty section',
      made({ sections: [{ id: 's', title: 'S' }], fields: [text('b', 'b')] }),
      {},
      'the section "S" has no fields',
    ],
    [
      'elsewhere',
      made({ sections: [{ id: 's', title: 'S' }], fields: [text('a', 'A')] }),
      {},
      'it stands in no section: leave the section out',
    ],
    [
      'in another section',
      made({
        sections: [
          { id: 's', title: 'S' },
          { id: 't', title: 'T' },
        ],
        fields: [text('a', 'A', 't')],
      }),
      {},
      'it stands in the section "T"',
    ],
    ['no fields at all', made({}), { section: undefined }, 'the item has no fields'],
    ['a slash', made({ fields: [text('x', 'a/b')] }), { section: undefined }, '"a/b" is written with %2F for its /'],
  ])('the hint: %s', (_, of, more, hint) => {
    expect(pickField(of, { item: 'i', section: ['S'], field: ['a'], ...more })).toMatchObject({
      code: 'not-found',
      hint,
    });
  });

  test('what only the SDK can give is named by ids', () => {
    expect(pick('private key', { sshFormat: 'openssh' })).toMatchObject({
      kind: 'ssh',
      field: 'private_key',
      format: 'openssh',
    });
    expect(pick('cert.pem')).toMatchObject({ kind: 'file', file: { id: 'file1' } });
    expect(pick('deed.txt', { attribute: 'content' })).toMatchObject({ kind: 'file', file: { id: 'doc1' } });
  });
});
