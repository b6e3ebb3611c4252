import { randomBytes } from 'node:crypto';
import { createAutomaton } from '../../src/foundation/masking/automaton.ts';
import { createMasking } from '../../src/foundation/masking/masking.ts';
import { type NamedValue, patternsOf } from '../../src/foundation/masking/patterns.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { inTurn, row, type Row } from './row.ts';

const chunk = 64 * 1024;

/** Output of a program, its lines of some 80 characters; one of a thousand holds a value. */
function output(values: readonly NamedValue[], size: number): readonly Buffer[] {
  const lines: string[] = [];
  for (let length = 0, index = 0; length < size; index += 1) {
    const value = index % 1000 === 999 ? (values[index % values.length]?.value.reveal() ?? '') : '';
    const line = `2026-11-29T20:00:00Z info request=${randomBytes(12).toString('base64')} took=${index % 97} ${value}\n`;
    length += line.length;
    lines.push(line);
  }
  const all = Buffer.from(lines.join(''));
  return Array.from({ length: Math.ceil(all.length / chunk) }, (_, index) =>
    all.subarray(index * chunk, (index + 1) * chunk),
  );
}

/** Of values that stand in programs' output: MB in each second of a processor, against copying the same bytes. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const size = (short ? 8 : 64) * 1024 * 1024;
  const rounds = short ? 3 : 7;
  const rows: Row[] = [];
  for (const [count, atLeast] of [
    [10, 0.3],
    [100, 0.3],
    [1_000, 0.15],
  ] as const) {
    const values = Array.from({ length: count }, (_, index) => ({
      name: `S${index}`,
      value: new Secret(randomBytes(12 + (index % 24)).toString('base64url')),
    }));
    const chunks = output(values, size);
    const masking = createMasking(values);
    const automaton = createAutomaton(patternsOf(values, false).all);
    // each place of the text is the beginning of this one, up to its last byte
    const nearly = createMasking([...values, { name: 'NEAR', value: new Secret(`${'a'.repeat(40)}b`) }]);
    const near = Array.from({ length: size / 4 / chunk }, () => Buffer.alloc(chunk, 'a'));
    const rates = await inTurn(rounds, {
      copy: () => rate(chunks, (each) => Buffer.from(each)),
      masked: () => {
        const stream = masking.stream();
        return rate(chunks, (each) => stream.write(each));
      },
      automaton: () => {
        let state = 0;
        return rate(chunks, (each) => (state = automaton.scan(each, 0, state, () => undefined)));
      },
      near: () => {
        const stream = nearly.stream();
        return rate(near, (each) => stream.write(each));
      },
    });
    rows.push(
      row({
        name: `masking ${count} values, against a copy`,
        value: rates.of('masked'),
        unit: 'MB/s',
        against: rates.of('copy'),
        ratio: rates.ratio('masked', 'copy'),
        goal: { atLeast },
      }),
      row({
        name: `masking ${count} values, against our Aho–Corasick`,
        value: rates.of('masked'),
        unit: 'MB/s',
        against: rates.of('automaton'),
        ratio: rates.ratio('masked', 'automaton'),
        goal: { atLeast: 3 },
      }),
      row({
        name: `masking ${count} values, text that nearly holds one`,
        value: rates.of('near'),
        unit: 'MB/s',
        goal: { atLeast: 100 },
      }),
    );
  }
  return rows;
}

/** MB in a second of a processor. */
function rate(chunks: readonly Buffer[], work: (chunk: Buffer) => unknown): number {
  const start = process.cpuUsage();
  let bytes = 0;
  for (const each of chunks) {
    work(each);
    bytes += each.length;
  }
  const { user, system } = process.cpuUsage(start);
  return bytes / Math.max(1, user + system);
}
