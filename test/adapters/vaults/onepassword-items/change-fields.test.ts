import { describe, expect, test } from 'vitest';
import { changeFields } from '../../../../src/adapters/vaults/onepassword-items/change-fields.ts';
import type { NewField } from '../../../../src/adapters/vaults/onepassword-items/operations.ts';

interface Field {
  id: string;
  title: string;
  sectionId?: string;
  fieldType: 'concealed' | 'text';
  value: string;
}
const password: Field = { id: 'password', title: 'password', fieldType: 'concealed', value: 'pw' };
const inSection: Field = { id: 'password', title: 'password', sectionId: 's', fieldType: 'text', value: 'other' };

function change(fields: readonly NewField[], of: readonly Field[] = [password], version = 3) {
  const item = { version: 3, fields: of, sections: [{ id: 's', title: 'Section' }] };
  const found = changeFields<Field['fieldType']>(
    item,
    { vault: 'v', item: 'i', version, fields },
    { concealed: 'concealed' },
    ({ length }) => 'x'.repeat(length),
  );
  return 'kind' in found ? found.code : found;
}

describe("an item's fields", () => {
  test('a new one stands in the section of the one beside it, else in one without a title', () => {
    const field = { label: 'password (next)', value: { length: 8, digits: true, symbols: false } };
    expect(change([{ ...field, section: 's' }])).toMatchObject({
      fields: [password, { id: 'password-next', title: 'password (next)', sectionId: 's', value: 'xxxxxxxx' }],
      sections: [{ id: 's' }],
    });
    expect(change([{ ...field, section: undefined }])).toMatchObject({
      fields: [password, { fieldType: 'concealed', sectionId: 'add more' }],
      sections: [{ id: 's' }, { id: 'add more', title: '' }],
    });
  });

  test('two fields of one id in two sections are two', () => {
    const changed = change([{ id: 'password', section: 's', label: 'password', value: 'new' }], [password, inSection]);
    expect(changed).toMatchObject({ fields: [password, { ...inSection, value: 'new' }] });
  });

  test('a new field takes no id that another one has, whatever its label', () => {
    const taken: Field = { ...password, id: 'a-b' };
    const added = { section: undefined, value: 'v' };
    const changed = change(
      [
        { ...added, label: 'A b' },
        { ...added, label: '✓' },
        { ...added, label: '✓' },
      ],
      [taken],
    );
    expect(changed).toMatchObject({ fields: [taken, { id: 'a-b-2' }, { id: 'field' }, { id: 'field-2' }] });
  });

  test('one that is gone already is no trouble, and another version is', () => {
    const gone = { id: 'gone', section: undefined, label: 'gone', value: undefined };
    expect(change([gone])).toMatchObject({ fields: [password] });
    expect(change([gone], [password], 2)).toBe('conflict');
  });
});
