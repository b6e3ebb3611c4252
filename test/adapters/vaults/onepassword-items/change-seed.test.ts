import { describe, expect, test } from 'vitest';
import { changeSeed } from '../../../../src/adapters/vaults/onepassword-items/change-seed.ts';

type Kind = 'otp' | 'concealed' | 'text';
interface Field {
  id: string;
  title: string;
  sectionId?: string;
  fieldType: Kind;
  value: string;
}
const types = { otp: 'otp', concealed: 'concealed' } as const;
const password: Field = { id: 'password', title: 'password', fieldType: 'concealed', value: 'pw' };
const otp = (value: string, id = 'TOTP_otp-1'): Field => ({
  id,
  title: 'code',
  sectionId: 's',
  fieldType: 'otp',
  value,
});

function change(fields: readonly Field[], seed: string, previous: 'keep' | 'drop', version = 3) {
  const item = { version: 3, fields, sections: [{ id: 's', title: 'Codes' }] };
  return changeSeed<Kind>(item, { vault: 'v', item: 'i', version, seed, previous }, types);
}

/** Applies a change the way the SDK does: an OTP field's id gets its prefix. */
function after(fields: readonly Field[], seed: string, previous: 'keep' | 'drop'): readonly Field[] {
  const found = change(fields, seed, previous);
  if (found.kind !== 'changed') return fields;
  return found.parts.fields.map((each) => ({
    ...each,
    id: each.fieldType === 'otp' && !each.id.startsWith('TOTP_') ? `TOTP_${each.id}` : each.id,
  }));
}

const told = (fields: readonly Field[]) => fields.map((field) => `${field.title}=${field.value}`);

describe("an item's one-time password", () => {
  test('the first one gets a section without a title', () => {
    const found = change([password], 'A', 'keep');
    expect(found).toMatchObject({ kind: 'changed' });
    if (found.kind !== 'changed') throw new TypeError('unchanged');
    expect(told(found.parts.fields)).toEqual(['password=pw', 'one-time password=A']);
    expect(found.parts.sections).toContainEqual({ id: 'add more', title: '' });
  });

  test('no seed is ever lost before it is dropped', () => {
    let fields: readonly Field[] = [password];
    for (const seed of ['A', 'B', 'C', 'B']) fields = after(fields, seed, 'keep');
    expect(told(fields)).toEqual(['password=pw', 'previous=A', 'previous 2=B', 'previous 3=C', 'one-time password=B']);
    expect(new Set(fields.map((field) => field.id)).size).toBe(fields.length);
    expect(told(after(fields, 'B', 'drop'))).toEqual(['password=pw', 'one-time password=B']);
  });

  test('a former seed that a person removed leaves no number to be taken twice', () => {
    let fields: readonly Field[] = [password];
    for (const seed of ['A', 'B', 'C']) fields = after(fields, seed, 'keep');
    fields = after(
      fields.filter(({ value }) => value !== 'A'),
      'D',
      'keep',
    );
    expect(told(fields)).toEqual(['password=pw', 'previous 2=B', 'previous 3=C', 'one-time password=D']);
    expect(new Set(fields.map((field) => field.id)).size).toBe(fields.length);
  });

  test('a field that a person called previous is not touched', () => {
    const own: Field = { id: 'x', title: 'previous', fieldType: 'concealed', value: 'mine' };
    expect(told(after([own, otp('A')], 'A', 'drop'))).toEqual(['previous=mine', 'code=A']);
    expect(told(after([own, otp('A')], 'B', 'drop'))).toEqual(['previous=mine', 'code=B']);
  });

  test('the same seed again changes nothing', () => {
    expect(change([otp('A')], 'A', 'keep').kind).toBe('same');
    expect(change([otp('A')], 'A', 'drop').kind).toBe('same');
  });

  test('an empty field is filled, and its label and section stay', () => {
    expect(after([otp('')], 'A', 'keep')).toEqual([{ ...otp('A'), id: 'TOTP_otp-2' }]);
  });

  test('a stale version or two seeds are refused', () => {
    expect(change([otp('A')], 'B', 'keep', 2)).toMatchObject({ kind: 'problem', code: 'conflict' });
    expect(change([otp('A'), otp('B', 'TOTP_x')], 'C', 'keep')).toMatchObject({ kind: 'problem', code: 'ambiguous' });
  });
});
