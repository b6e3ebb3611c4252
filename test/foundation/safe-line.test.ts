import { expect, it } from 'vitest';
import { isSafeLine, safeColumns, safeLine } from '../../src/foundation/safe-line.ts';

it.each([
  ['a\nb\r\nc', 'a b c'],
  ['\u001b[31mred', '[31mred'],
  ['a\u202eb\u2066c\u200bd\ufeff', 'a b c d'],
  ['::error::x', ':·error::x'],
  ['  ::set-output name=a::b', ':·set-output name=a::b'],
  ['x ##[add-matcher]y', 'x #·[add-matcher]y'],
  ['a\tb', 'a b'],
  ['a\u00adb\u180ec\u3164d', 'a b c d'],
  ['approved\u{e0041}\u{e0042}', 'approved'],
  ['a\ud800b\ufffbc', 'a b c'],
  ['می\u200cخواهم 👩\u200d💻 ✔\ufe0f', 'می\u200cخواهم 👩\u200d💻 ✔\ufe0f'],
  ['Zürich – 東京', 'Zürich – 東京'],
])('%j is %j on one line', (text, line) => {
  expect(safeLine(text)).toBe(line);
  expect(isSafeLine(safeLine(text))).toBe(true);
});

it('keeps columns and tabs', () => {
  expect(safeColumns('\ta\u001b\u202eb ##[x]')).toBe('\ta··b #·[x]');
});
