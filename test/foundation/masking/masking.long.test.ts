import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { amountOf } from '../../long/amounts.ts';
import { found } from '../../e2e/markers.ts';
import { masked, named, throughStream } from './oracle.ts';

/** As programs write a value, each made here by other means than those of the source. */
const written: readonly ((value: string, neighbour: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify({ value }),
  (value) => JSON.stringify({ value }).replaceAll('/', '\\/'),
  (value) => new URL(`http://h/?v=${encodeURIComponent(value.toWellFormed())}`).search,
  (value) => new URLSearchParams([['v', value]]).toString(),
  (value, neighbour) => btoa(String.fromCharCode(...Buffer.from(`${neighbour}:${value}`))),
  (value, neighbour) => Buffer.from(`${value}${neighbour}`).toString('base64url'),
  (value) => Buffer.from(value).toString('base64').replaceAll(/.{76}/g, '$&\n'),
  (value) => Array.from(Buffer.from(value), (byte) => byte.toString(16).padStart(2, '0')).join(''),
  (value) => Buffer.from(value).toString('hex').toUpperCase(),
  (value) => `'${value.split("'").join(`'\\''`)}'`,
];

const sign = fc.constantFrom(...Array.from('abc019_-+/="\'\\%$& \u00e9\u{1f511}'));
const values = fc.array(
  fc.oneof(
    fc.string({ unit: sign, minLength: 1, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 12 }),
  ),
  { minLength: 1, maxLength: 4 },
);
const text = fc.oneof(
  fc.string({ unit: sign, maxLength: 20 }),
  fc.constantFrom('a'.repeat(40), 'ab'.repeat(20), '\n', ' '),
);

test('what comes out of random outputs holds no value, in no form, however they are cut, and is unchanged elsewhere', () => {
  const part = fc.oneof(
    text.map((text) => ({ text })),
    fc.record({
      value: fc.nat(),
      form: fc.constantFrom(...written),
      neighbour: text,
      upTo: fc.constantFrom(1, 1, 0.7),
    }),
  );
  let hits = 0;
  fc.assert(
    fc.property(
      values,
      fc.array(part, { maxLength: 12 }),
      fc.array(fc.nat(600), { maxLength: 30 }),
      fc.boolean(),
      (values, parts, cuts, everyByte) => {
        const secrets = named(...values);
        const pieces = parts.map((each) => {
          if ('text' in each) return each.text;
          const whole = each.form(values[each.value % values.length] ?? '', each.neighbour);
          return whole.slice(0, Math.ceil(whole.length * each.upTo));
        });
        const input = Buffer.from(pieces.join(' '));
        const at = everyByte ? Array.from(input, (_, index) => index) : cuts.filter((cut) => cut < input.length);
        const out = throughStream(
          input,
          secrets,
          at.toSorted((a, b) => a - b),
        );
        expect(out).toBe(masked(input, secrets));
        // base64 loses up to two characters at its ends, so that a value of fewer than twelve bytes may be told by less
        const told = values
          .map((value) => value.replace(/[\r\n]+$/, ''))
          .filter((value) => Buffer.byteLength(value) >= 12);
        const rest = Buffer.from(out.replaceAll(/\[S\d\]/g, '\n\n'), 'latin1').toString();
        hits += found(
          told.filter((value) => value.trim() !== ''),
          rest,
        ).length;
      },
    ),
    { numRuns: amountOf('masked outputs'), seed: 20_261_129 },
  );
  expect(hits).toBe(0);
});

test('bytes in which nothing is to be masked come out as they are', () => {
  const secrets = named('correct-horse-battery', 'a'.repeat(30), 'p1n!');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.array(fc.nat(3_000), { maxLength: 20 }), (bytes, cuts) => {
      const input = Buffer.from(bytes);
      const at = cuts.filter((cut) => cut < input.length).toSorted((a, b) => a - b);
      expect(throughStream(input, secrets, at)).toBe(input.toString('latin1'));
    }),
    { numRuns: amountOf('masked outputs') / 10, seed: 20_261_129 },
  );
});
