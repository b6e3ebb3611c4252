import { describe, expect, test } from 'vitest';
import type { Secret } from '../../../src/foundation/secret.ts';
import { hiddenLine } from '../../../src/surfaces/cli/hidden-line.ts';

function typed(...keys: string[]): (string | undefined)[] {
  const given: (Secret | undefined)[] = [];
  const onKey = hiddenLine((value) => void given.push(value));
  for (const key of keys) onKey(key);
  return given.map((value) => value?.reveal());
}

describe('a line that nobody sees', () => {
  test.each<[string, string[], (string | undefined)[]]>([
    ['key by key', ['a', 'b', '\r'], ['ab']],
    ['pasted whole, with its spaces', [' a b \n'], [' a b ']],
    ['with a mistake', ['a', 'x', '\u007f', 'b\r'], ['ab']],
    ['begun anew', ['wrong', '\u0015', 'right\r'], ['right']],
    ['empty', ['\r'], ['']],
    ['given up', ['a', '\u0003'], [undefined]],
    ['of which more comes', ['a\rb\r', 'c\r'], ['a']],
    ['not over yet', ['a'], []],
    ['with keys that write nothing', ['\u001b', 'a', '\t', '\r'], ['a']],
    ['of any characters', ['ü✓💡', '\u007f', '\r'], ['ü✓']],
  ])('%s', (_, keys, expected) => {
    expect(typed(...keys)).toEqual(expected);
  });
});
