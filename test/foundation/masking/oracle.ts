import { type NamedValue, beginsToken, endsToken, patternsOf } from '../../../src/foundation/masking/patterns.ts';
import { createMasking, type MaskingOptions } from '../../../src/foundation/masking/masking.ts';
import { Secret } from '../../../src/foundation/secret.ts';

export function named(...values: readonly string[]): readonly NamedValue[] {
  return values.map((value, index) => ({ name: `S${index}`, value: new Secret(value) }));
}

/** What must come out, by the simplest means: every place of every pattern, what touches joined. */
export function masked(
  input: Buffer,
  values: readonly NamedValue[],
  { mask, insist = false }: MaskingOptions = {},
): string {
  const { all } = patternsOf(values, insist);
  const places: { start: number; end: number; name: string }[] = [];
  for (const { bytes, name, short } of all) {
    for (let start = input.indexOf(bytes); start >= 0; start = input.indexOf(bytes, start + 1)) {
      const end = start + bytes.length;
      if (!short || (beginsToken(input, start) && endsToken(input, end))) places.push({ start, end, name });
    }
  }
  // the beginning of a value at the very end
  for (let start = 0; start <= input.length - 8; start += 1) {
    const cut = input.subarray(start);
    const pattern = all.find(({ bytes }) => bytes.length > cut.length && bytes.subarray(0, cut.length).equals(cut));
    if (pattern === undefined) continue;
    places.push({ start, end: input.length, name: pattern.name });
    break;
  }
  const out: Buffer[] = [];
  let done = 0;
  for (const { start, end, name } of places.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (end <= done) continue;
    if (start > done || out.length === 0) out.push(input.subarray(done, start), Buffer.from(mask ?? `[${name}]`));
    done = end;
  }
  return Buffer.concat([...out, input.subarray(done)]).toString('latin1');
}

/** What comes out where the input is cut at these places. */
export function throughStream(
  input: Buffer,
  values: readonly NamedValue[],
  cuts: readonly number[] = [],
  options: MaskingOptions = {},
): string {
  const stream = createMasking(values, options).stream();
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, input.length]) {
    out.push(...stream.write(Buffer.from(input.subarray(from, cut))));
    from = Math.max(from, cut);
  }
  out.push(...stream.end());
  return Buffer.concat(out).toString('latin1');
}
