import { describe, expect, test } from 'vitest';
import { Reference } from '../../../../src/foundation/reference.ts';
import { namesOf } from '../../../../src/adapters/vaults/onepassword-items/read-references.ts';

function names(text: string) {
  const reference = Reference.parse(text);
  if (!(reference instanceof Reference)) throw new Error(reference.problem);
  return namesOf(reference);
}

describe('how a part of a reference may be meant', () => {
  test.each([
    ['op://V/I/password', ['password']],
    ['op://V/I/one-time password?attribute=otp', ['one-time password']],
    ['op://V/I/key?ssh-format=openssh', ['key']],
    ['op://V/I/a%2Fb?attr=type', ['a/b', 'a%2Fb']],
    ['op://V/I/why?', ['why?']],
    // a misspelt attribute names no field: it must not give the seed instead of a code
    ['op://V/I/one-time password?attribut=otp', ['one-time password?attribut=otp']],
  ])('the field of %s', (text, field) => {
    expect(names(text).field).toEqual(field);
  });

  test('a question mark in the title of an item that is named as a whole', () => {
    expect(names('op://V/Who?').item).toEqual(['Who?']);
    expect(names('op://V/Who?').field).toBeUndefined();
  });
});
