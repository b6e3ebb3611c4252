import { array, assert, constantFrom, letrec, oneof, option, property, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearPattern } from '../../src/language/linear-pattern.ts';

function matches(source: string, text: string): boolean {
  const pattern = linearPattern(source);
  if ('problem' in pattern) throw new Error(`${source} ${pattern.problem}`);
  return pattern.test(text);
}

const atoms = [
  ...['a', 'b', '-', '/', ' ', '.', 'é', '😀', String.raw`\d`, String.raw`\W`, String.raw`\s`, String.raw`\.`],
  ...['[a-c]', '[^a]', String.raw`[\]\-a]`, '[😀-😂]', String.raw`\p{L}`, String.raw`\u{1F600}`, String.raw`\u0061`],
  ...[String.raw`\ud83d\ude00`, String.raw`\x61`, String.raw`\n`, '^', '$', String.raw`\b`, String.raw`\B`, ''],
];
const edges = new Set(['^', '$', String.raw`\b`, String.raw`\B`, '']);
const times = ['*', '+', '?', '*?', '+?', '??', '{2}', '{1,}', '{0,2}', '{1,3}?'];

const often = option(constantFrom(...times), { nil: '' });
const { expression } = letrec<{ expression: string; part: string }>((tie) => ({
  expression: array(tie('part'), { maxLength: 4, depthIdentifier: 'depth' }).map((parts) => parts.join('')),
  part: oneof(
    { maxDepth: 3, depthIdentifier: 'depth', withCrossShrink: true },
    tuple(constantFrom(...atoms), often).map(([atom, repeat]) => (edges.has(atom) ? atom : `${atom}${repeat}`)),
    tuple(constantFrom('(', '(?:'), tie('expression'), option(tie('expression')), often).map(
      ([open, one, other, repeat]) => `${open}${other === null ? one : `${one}|${other}`})${repeat}`,
    ),
  ),
}));

describe('a pattern', () => {
  it('matches what JavaScript matches', () => {
    const text = string({ unit: constantFrom('a', 'b', 'c', '-', ' ', '\n', '1', 'é', '😀', '/', '.'), maxLength: 6 });
    assert(
      property(expression, array(text, { minLength: 1, maxLength: 20 }), (source, texts) => {
        const pattern = linearPattern(source);
        if ('problem' in pattern) return;
        const native = new RegExp(`^(?:${source})$`, 'u');
        for (const each of texts) expect([source, each, pattern.test(each)]).toEqual([source, each, native.test(each)]);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['^(a+)+$', `${'a'.repeat(4_095)}!`],
    ['(a|a)*b', 'a'.repeat(4_096)],
    ['(a?){200}a{200}', 'a'.repeat(4_096)],
    ['([a-z]+)*\\d', 'a'.repeat(4_096)],
    ['(.*)*(.*)*(.*)*x', '\u00e9'.repeat(4_096)],
    ['.{0,450}', 'a'.repeat(4_096)],
    ['(\\p{L}|\\p{N}|\\s){0,90}', 'é'.repeat(4_096)],
  ])('%s is done at once, whatever the text', (source, text) => {
    expect(matches(source, 'x')).toBeTypeOf('boolean');
    const start = performance.now();
    matches(source, text);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it.each([
    ['(', 'is not a regular expression'],
    ['[z-a]', 'is not a regular expression'],
    ['a)(b', 'is not a regular expression'],
    ['(?=a)', 'looks around or changes flags, which is not taken'],
    ['(?<!a)b', 'looks around or changes flags, which is not taken'],
    ['(?i:a)', 'looks around or changes flags, which is not taken'],
    ['(a)\\1', 'refers back to what it matched, which is not taken'],
    ['(?<n>a)\\k<n>', 'refers back to what it matched, which is not taken'],
    ['((a{100}){100}){100}', 'repeats too much'],
    ['a{1000000000}', 'repeats too much'],
    ['a'.repeat(1_001), 'is longer than 1000 characters'],
  ])('%s %s', (source, problem) => {
    expect(linearPattern(source)).toEqual({ problem });
  });

  it('has named groups, whose names are of no use', () => {
    expect(matches('(?<year>\\d{4})-(?<month>\\d\\d)', '2026-11')).toBe(true);
  });
});
