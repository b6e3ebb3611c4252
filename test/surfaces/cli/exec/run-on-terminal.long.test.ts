import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { createMasking } from '../../../../src/foundation/masking/masking.ts';
import { runOnTerminal } from '../../../../src/surfaces/cli/exec/run-on-terminal.ts';
import { found } from '../../../e2e/markers.ts';
import { named } from '../../../foundation/masking/oracle.ts';
import { amountOf } from '../../../long/amounts.ts';

const folder = mkdtempSync(join(tmpdir(), 'flows-terminal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes each piece by itself, after its pause. */
const printer = `
  const pieces = JSON.parse(require('node:fs').readFileSync(process.argv[1], 'utf8'));
  (async () => {
    for (const [bytes, pause] of pieces) {
      process.stdout.write(Buffer.from(bytes, 'base64'));
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  })();
`;

/** What is seen of a program that prints these on a terminal. */
async function seen(pieces: readonly (readonly [Buffer, number])[], values: readonly string[]): Promise<string> {
  const file = join(folder, 'pieces.json');
  writeFileSync(file, JSON.stringify(pieces.map(([bytes, pause]) => [bytes.toString('base64'), pause])));
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const stdin = new PassThrough();
  const ending = await runOnTerminal(
    { name: 'node', args: ['-e', printer, file], path: process.execPath, env: { PATH: process.env['PATH'] ?? '' } },
    createMasking(named(...values)),
    { stdin, stdout: Object.assign(stdout, { columns: 80, rows: 24 }), setRaw: () => undefined },
  );
  expect(ending).toMatchObject({ code: 0 });
  return Buffer.concat(chunks).toString();
}

const word = fc.string({ unit: fc.constantFrom(...Array.from('abc019-_/+')), minLength: 8, maxLength: 40 });
const forms: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => Buffer.from(value).toString('hex'),
  (value) => Buffer.from(`x${value}`).toString('base64'),
  (value) => encodeURIComponent(value),
];

test('what is seen of a program on a terminal holds no value, in whatever pieces and at whatever times it prints it', async () => {
  const part = fc.oneof(
    fc.record({ value: fc.nat(), form: fc.constantFrom(...forms) }),
    fc.constantFrom('plain\n', '\u001b[31mred\u001b[0m ', 'é\n').map((text) => ({ text })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.array(part, { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(0, 0, 0, 1, 120)), {
        minLength: 1,
        maxLength: 8,
      }),
      async (values, parts, sizes) => {
        const text = parts.map((each) =>
          'text' in each ? each.text : each.form(values[each.value % values.length] ?? ''),
        );
        const input = Buffer.from(text.join(' '));
        const printed = input.toString().replaceAll('\n', '\r\n');
        const pieces: (readonly [Buffer, number])[] = [];
        for (let at = 0, index = 0; at < input.length; index += 1) {
          const [size, pause] = sizes[index % sizes.length] ?? [1, 0];
          pieces.push([input.subarray(at, at + size), index < 10 ? pause : 0]);
          at += size;
        }
        const shown = await seen(pieces, values);
        expect(found(values, shown)).toEqual([]);
        // nothing else is changed: a terminal ends its lines in its own way
        const all = parts.every((each) => 'text' in each) ? shown : printed;
        expect(all).toBe(printed);
      },
    ),
    { numRuns: amountOf('masked outputs on a terminal') },
  );
}, 3_600_000);
