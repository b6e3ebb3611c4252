import { describe, expect, test } from 'vitest';
import { createMasking } from '../../../src/foundation/masking/masking.ts';
import { masked, named, throughStream } from './oracle.ts';

const secret = 'correct-horse/battery+staple';
const shown = (text: string, ...values: readonly string[]) => throughStream(Buffer.from(text), named(...values));

describe('a value', () => {
  const forms: readonly (readonly [string, string])[] = [
    ['itself', secret],
    ['JSON of PHP', String.raw`correct-horse\/battery+staple`],
    ['JSON of .NET', String.raw`correct-horse/battery\u002Bstaple`],
    ['a URL', 'correct-horse%2Fbattery%2Bstaple'],
    ['a URL in lower case', 'correct-horse%2fbattery%2bstaple'],
    ['a path of a URL', 'correct-horse/battery%2Bstaple'],
    ['hex', Buffer.from(secret).toString('hex')],
    ['HEX', Buffer.from(secret).toString('hex').toUpperCase()],
    ['base64', Buffer.from(secret).toString('base64')],
    ['base64url', Buffer.from(secret).toString('base64url')],
  ];
  test.each(forms)('is masked as %s', (_, text) => {
    expect(shown(`<${text}>`, secret)).toBe('<[S0]>');
  });

  test.each([0, 1, 2, 3, 4])('is masked within base64, %i bytes from its beginning', (before) => {
    const text = Buffer.from(`${'u'.repeat(before)}${secret}: and more`).toString('base64');
    const out = shown(text, secret);
    expect(out).toContain('[S0]');
    expect(Buffer.from(out.replace('[S0]', ''), 'base64').toString('latin1')).not.toMatch(/horse|battery|staple/);
  });

  test.each([
    ['JSON', JSON.stringify('it\'s "so" \\ \u00e9\n')],
    ['JSON of Python', String.raw`it's \"so\" \\ \u00e9\n`],
    ['single quotes', String.raw`'it'\''s "so" \ ` + "\u00e9\n'"],
    ['single quotes of Python', `'it'"'"'s "so" \\ \u00e9\n'`],
    ['single quotes of YAML', `'it''s "so" \\ \u00e9\n'`],
    ['CSV', `"it's ""so"" \\ \u00e9\n"`],
    ['words of bash', String.raw`it\'s\ \"so\"\ \\\ ` + '\u00e9\n'],
    ['double quotes', String.raw`"it's \"so\" \\ ` + '\u00e9\n"'],
    ['XML', 'it&#39;s &quot;so&quot; \\ \u00e9\n'],
    ['a form', 'it%27s+%22so%22+%5C+%C3%A9%0A'],
  ])('with quotes is masked in %s', (_, text) => {
    expect(shown(text, 'it\'s "so" \\ \u00e9')).toMatch(/^['"]?\[S0\](?:\n|\\n|%0A)?['"]?$/);
  });

  test('of several lines is masked as a whole, in each form, and line by line, without the lines that frame it', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n{\n-----END KEY-----\n';
    expect(shown(`a\n${key}b`, key)).toBe('a\n[S0]\nb');
    expect(shown(key.replaceAll('\n', '\r\n'), key)).toBe('[S0]\r\n');
    expect(shown(JSON.stringify(key), key)).toBe(String.raw`"[S0]\n"`);
    expect(shown('> kqhkiG9w0BAQEF <\n-----BEGIN KEY-----\n{ }\n', key)).toBe('> [S0] <\n-----BEGIN KEY-----\n{ }\n');
  });

  const inLines = (text: string) =>
    Buffer.from(text)
      .toString('base64')
      .replaceAll(/.{76}(?=.)/g, '$&\n');

  test('of very many bytes is masked in lines of base64', () => {
    const long = 'xyz'.repeat(40_000);
    expect(shown(`a ${inLines(long)}\n`, long)).toBe('a [S0]\n');
  });

  test('is masked in lines of hex, as xxd -p prints it', () => {
    const long = 'xyz'.repeat(23);
    for (const after of ['', '\n', ' and more']) {
      const hex = Buffer.from(`${long}${after}`).toString('hex');
      expect(shown(hex.replaceAll(/.{60}(?=.)/g, '$&\n'), long)).toBe(`[S0]${Buffer.from(after).toString('hex')}`);
    }
  });

  // as `base64 key.pem` and `echo "$KEY" | base64` print it
  test.each([60, 61, 62])('of %i bytes is masked in lines of base64, whatever follows it there', (size) => {
    const long = 'xyz'.repeat(21).slice(0, size);
    for (const after of ['', '\n', '\r\n', ': and so on, to the next line and beyond it']) {
      const out = shown(inLines(`${long}${after}`), long);
      expect(out).toMatch(/^\[S0\]/);
      expect(out).not.toContain(Buffer.from('xyz').toString('base64'));
    }
  });
});

describe('a short value', () => {
  test.each([
    ['p1n!', 'pin=p1n! xp1n!2', 'pin=[S0] xp1n!2'],
    ['a1b2', 'a1b2', '[S0]'],
    ['a1b2', 'xa1b2 a1b2x a1b2_ \u00e9a1b2', 'xa1b2 a1b2x a1b2_ \u00e9a1b2'],
    ['a1b2', '\u001b[32ma1b2\u001b[0m', '\u001b[32m[S0]\u001b[0m'],
    ['a1b2', String.raw`"is:\na1b2"`, String.raw`"is:\n[S0]"`],
    ['a1b2', 'k%3Da1b2%26', 'k%3D[S0]%26'],
    ['a1b2c3d', '6131623263336421', '6131623263336421'],
  ])('%j is masked between the borders of a token only: %j', (value, text, expected) => {
    expect(Buffer.from(shown(text, value), 'latin1').toString()).toBe(expected);
  });

  test.each(['abc', 'x', 'true', 'localhost', 'POSTGRES', '          '])('%j is not masked, and is named', (value) => {
    const masking = createMasking(named('a-value-to-mask', value));
    expect(masking.left).toEqual(['S1']);
    expect(masking.text(`a ${value} b`)).toBe(`a ${value} b`);
  });

  test('is masked, where one insists', () => {
    const masking = createMasking(named('abc', 'localhost'), { insist: true });
    expect(masking.left).toEqual([]);
    expect(masking.text('abc at localhost, xabc')).toBe('[S0] at [S1], xabc');
  });

  test('that is empty is nothing', () => {
    expect(createMasking(named('', '\n')).text('a\n')).toBe('a\n');
    expect(createMasking(named('', '\n')).left).toEqual([]);
  });
});

describe('masks', () => {
  test('that touch or overlap are one, with the name of what begins first, the longest there', () => {
    expect(shown('.abcdefghijkl.', 'abcdefgh', 'efghijkl')).toBe('.[S0].');
    expect(shown('.abcdefghijklmnop.', 'abcdefgh', 'ijklmnop')).toBe('.[S0].');
    expect(shown('.abcdefghijkl.', 'abcdefgh', 'abcdefghijkl')).toBe('.[S1].');
    expect(shown('abcdefgh abcdefgh', 'abcdefgh')).toBe('[S0] [S0]');
  });

  test('may be a text of one choice', () => {
    expect(throughStream(Buffer.from('a correct-horse b'), named('correct-horse'), [], { mask: '***' })).toBe(
      'a *** b',
    );
  });
});

describe('a stream', () => {
  const write = (...values: readonly string[]) => {
    const stream = createMasking(named(...values)).stream();
    const text = (parts: readonly Buffer[]) => Buffer.concat(parts).toString();
    return {
      of: (chunk: string) => text(stream.write(Buffer.from(chunk))),
      pause: () => text(stream.pause()),
      end: () => text(stream.end()),
    };
  };

  test('keeps what may begin a value, and nothing else', () => {
    const stream = write('correct-horse');
    expect(stream.of('Password: ')).toBe('Password: ');
    expect(stream.of('is corr')).toBe('is ');
    expect(stream.of('upt, ')).toBe('corrupt, ');
    expect(stream.of('correct-hors')).toBe('');
    expect(stream.of('e')).toBe('[S0]');
  });

  test.each([
    ['a value at the end of a chunk whose last byte begins it', 'abcdefgha', ['abcdefgha', '']],
    ['halves that come apart', 'abcdefghij', ['abcde', 'fghij']],
    ['in base64', 'abcdefghij', [Buffer.from('abcdefghij').toString('base64'), '']],
  ])('masks %s', (_, value, [one = '', other = '']) => {
    const stream = write(value);
    expect([stream.of(one), stream.pause(), stream.of(other), stream.end()].join('')).toBe('[S0]');
  });

  test('masks at once what no longer value can go on from', () => {
    const stream = write('abcdefgh', 'ghijklmn');
    expect(stream.of('abcdefgh')).toBe('[S0]');
    expect(stream.of('ijklmn.')).toBe('.');
    expect(stream.of('abcdefgh')).toBe('[S0]');
    expect(stream.of('ijk.')).toBe('ijk.');
  });

  test('shows up to three bytes after a while, and still masks what they begin', () => {
    const stream = write('$ecret-value');
    expect(stream.of('sh$')).toBe('sh');
    expect(stream.pause()).toBe('$');
    expect(stream.pause()).toBe('');
    expect(stream.of('ecret-value!')).toBe('[S0]!');
    expect(stream.of('$ecr')).toBe('');
    expect(stream.pause()).toBe('');
    expect(stream.end()).toBe('$ecr');
  });

  test('masks at its end the beginning of a value, from eight bytes on', () => {
    const of = (text: string) => shown(text, 'correct-horse');
    expect(of('a correct-')).toBe('a [S0]');
    expect(of('a correct')).toBe('a correct');
  });

  test('takes bytes that are no text as they are', () => {
    const input = Buffer.from([0xff, 0xc3, 0x28, 0, ...Buffer.from('correct-horse'), 0xed, 0xa0, 0x80, 0]);
    const out = throughStream(input, named('correct-horse'), [2, 9]);
    expect(out).toBe('\u00ff\u00c3(\0[S0]\u00ed\u00a0\u0080\0');
  });
});

describe('text that nearly holds a value', () => {
  const values = named('a'.repeat(400) + 'b', 'ab'.repeat(100) + 'c', 'p1n!');
  const cases: readonly (readonly [string, string])[] = [
    ['one letter', 'a'.repeat(60_000)],
    ['two letters', 'ab'.repeat(30_000)],
    ['with values in it', `${'a'.repeat(30_000)}b ${'a'.repeat(9_000)} p1n! ${'ab'.repeat(5_000)}c`],
  ];
  test.each(cases)('is masked as any other: %s', (_, near) => {
    const input = Buffer.from(`${near}${'-'.repeat(1000)} ${'a'.repeat(400)}b p1n!`);
    const expected = masked(input, values);
    expect(expected).toMatch(/\[S0\] \[S2\]$/);
    for (const width of [1_000, 40_000]) {
      const cuts = Array.from({ length: Math.floor(input.length / width) }, (_, index) => (index + 1) * width);
      expect(throughStream(input, values, cuts)).toBe(expected);
    }
  });

  test('costs a bounded number of steps a byte, also where it comes in very small chunks', () => {
    const stream = createMasking(named('a'.repeat(5_000) + 'b')).stream();
    let out = 0;
    for (let index = 0; index < 20_000; index += 1)
      for (const part of stream.write(Buffer.from('a'))) out += part.length;
    for (const part of stream.end()) out += part.length;
    // what is kept at the end is the beginning of the value
    expect(out).toBe(15_000 + '[S0]'.length);
  });
});
