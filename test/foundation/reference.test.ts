import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Reference } from '../../src/foundation/reference.ts';

describe('what is no reference', () => {
  test.each([
    ['op://${APP_ENV}/I/f', 'fill in'],
    ['op://V/a ${X}/f', 'fill in'],
    ['op://$X/I/f', 'fill in'],
    ['op://V/I/{{ field }}', 'fill in'],
    ['op://$env/I/f', 'fill in'],
    ['op://app-$APP_ENV/I/f', 'fill in'],
    ['op://$ENV-vault/I/f', 'fill in'],
    ['op://$(id -un)/I/f', 'fill in'],
    ['op://%APP_ENV%/I/f', 'fill in'],
    ['op://<vault>/I/f', 'fill in'],
    ['op://V/I/f ', 'space'],
    ['op://V/ I/f', 'space'],
    ['op://V/I\u00a0/f', 'space'],
    ['op://V/I/f?attribute=OTP', 'attribute "OTP"'],
    ['op://V/I/f?attr=code', 'attribute "code"'],
    ['op://V/I/f?otp', 'no query'],
    ['op://V/I/f?Attribute=otp', 'no query'],
    ['op://V/I/f?attribute=o_tp', 'no query'],
  ])('%s', (text, problem) => {
    const found = Reference.parse(text);
    expect(found).not.toBeInstanceOf(Reference);
    expect(found).toMatchObject({ problem: expect.stringContaining(problem) });
  });
});

test.each([
  ['op://%24X/I/f', '$X'],
  ['op://%24{X}/I/f', '${X}'],
  ['op://V%20/I/f', 'V '],
  ['op://a$b/I/f', 'a$b'],
  ['op://$5 off/I/f', '$5 off'],
  ['op://{x}/I/f', '{x}'],
  ['op://US$/I/f', 'US$'],
  ['op://a <b> c/I/f', 'a <b> c'],
  ['op://%3Cb>/I/f', '<b>'],
  ['op://100%/I/f', '100%'],
  ['op://%25A%/I/f', '%A%'],
])('%s names the vault "%s"', (text, vault) => {
  expect(Reference.parse(text)).toMatchObject({ vault });
});

test('what is made of parts is read back as those parts', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom(' a', '$A', 'a$AB', '$(a)', '${a}', '{{b}}', '%24', '%A%', '<a>', 'a/b '),
  );
  fc.assert(
    fc.property(part, part, part, (vault, item, field) => {
      fc.pre([vault, item, field].every((each) => each.isWellFormed()));
      expect(Reference.parse(Reference.of({ vault, item, field }).toString())).toMatchObject({ vault, item, field });
    }),
  );
});
