import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandsIn } from '../../../../src/surfaces/cli/hook/shell.ts';

const words = (script: string) => commandsIn(script).map((command) => command.words.join(' '));

test.each([
  ['cd app && cat .env | head -1; ls & pwd', ['cd app', 'cat .env', 'head -1', 'ls', 'pwd']],
  ['echo "a b" \'c;d\' e\\ f "g\\"h"', ['echo a b c;d e f g"h']],
  ['echo "$(op read x) y"', ['op read x', 'echo $() y']],
  ['a=`op read x` b', ['op read x', 'a= b']],
  ['(cd x; ls) # cat .env', ['cd x', 'ls']],
  ['cat <<EOF\nop read x\nEOF\nls', ['cat', 'ls']],
  ["cat <<-'END' >file\n\top read\n\tEND\nls", ['cat', 'ls']],
  ['cat <<< "op read"', ['cat']],
  ['make >log 2>&1 &>all >| x; ls', ['make', 'ls']],
  ['diff <(cat .env) a', ['cat .env', 'diff a']],
  ['git commit -m "then op read x; cat .env"', ['git commit -m then op read x; cat .env']],
  ['if test -f x; then cat y; fi', ['if test -f x', 'then cat y', 'fi']],
  ['cat \\\n  .env', ['cat .env']],
  [`$'cat' $'\\x2ee\\156v' $'it\\'s' $"a b"`, ["cat .env it's a b"]],
])('%j', (script, expected) => {
  expect(words(script)).toEqual(expected);
});

test('files that are read by < and variables are told', () => {
  expect(commandsIn('sort <a 0<b >c "$X" ${Y:-1} \'$Z\'')).toEqual([
    { words: ['sort', '$X', '${Y:-1}', '$Z'], inputs: ['a', 'b'], variables: ['X', 'Y'] },
  ]);
});

test('what a command is given, and by which other, is told', () => {
  const given = commandsIn('a <<E x <<F\n1\n2\nE\n3\nF\nb <<<"4 5"; c <<E | d || e\nE').map((each) => each.given);
  expect(given).toEqual(['1\n2\n3\n', '4 5', '', undefined, undefined]);
  expect(commandsIn('a <<E\n1').map((each) => each.given)).toEqual(['1']);
  expect(commandsIn('a x | b || c; d |&\n e').map(({ piped }) => piped?.words)).toEqual([
    undefined,
    ['a', 'x'],
    undefined,
    undefined,
    ['d'],
  ]);
});

test('whatever it is given, it ends, and says nothing that is not there', () => {
  const part = fc.constantFrom(
    '$(',
    ')',
    '`',
    '"',
    "'",
    '<<E',
    '\n',
    '#',
    '&',
    '|',
    '>',
    '<(',
    '\\',
    '${',
    "$'",
    '$"',
    '$X',
    'cat',
    ' ',
    '(',
    'é',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      for (const command of commandsIn(parts.join('')))
        expect(command.words.length + command.inputs.length).toBeGreaterThan(0);
    }),
  );
  expect(commandsIn('$('.repeat(100_000))).toBeDefined();
  expect(commandsIn('a <<E\n'.repeat(20_000))).toBeDefined();
});
