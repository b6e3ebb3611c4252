import { openFolder } from '../../src/app/open-folder.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseExpressions } from '../../src/language/expressions.ts';
import { type Folder } from '../../src/folder/load-folder.ts';
import { formatProblem } from '../../src/language/problems.ts';
import { usesOf } from '../../src/folder/flows/flow-uses.ts';
import { encodeSegment, Reference } from '../../src/foundation/reference.ts';
import { stepKinds } from '../../src/steps/index.ts';
import { service } from './folder.ts';
import { amountOf } from '../long/amounts.ts';

const seed = 20_261_122;
const perFolder = 200;
const texts = fc.oneof(
  fc.constantFrom(
    'op://Agents/x/y',
    'op://',
    'op://a',
    'op://Nowhere/x/y?attribute=otp',
    'true',
    '5',
    '~',
    '',
    '{}',
    '[]',
    '- a',
    '*a',
    '&a b',
    '!x y',
    '|',
    '>-',
    '"',
    "'",
    '%',
    '@',
    '`',
    '#',
    ':',
    '? a',
    '<<: x',
    '\t',
    '${{',
    '}}',
    '{{',
    '\u0000',
    '\u2028',
    '\ud800',
    '__proto__',
    'constructor',
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ maxLength: 12, unit: 'binary' }),
);
const paths = fc
  .array(
    fc.constantFrom(
      'inputs',
      'vars',
      'steps',
      'issuers',
      'stores',
      'identity-providers',
      'env',
      'secrets',
      'a',
      'b',
      'main',
      'aws',
      'prefix',
      'value',
      'outputs',
      'claims',
      '__proto__',
      'constructor',
      '0',
    ),
    { maxLength: 4 },
  )
  .map((parts) => `\${{ ${parts.join('.')} }}`);
const scalars = fc.oneof(
  texts,
  paths,
  fc.tuple(texts, paths, texts).map((parts) => parts.join('')),
  paths.map((path) => `op://${path}/x/y`),
  paths.map((path) => `a {{ op://Agents/${path}/y }} b`),
);
const keyNames = [
  ...new Set([
    'id',
    'uses',
    'with',
    'description',
    'inputs',
    'steps',
    'output',
    'environments',
    'break-glass',
    'if',
    'run',
    'a',
    '__proto__',
    'constructor',
    ...[...stepKinds.values()].flatMap((kind) => Object.keys(kind.with)),
  ]),
];
const keys = fc.constantFrom(...keyNames);

/** JSON is YAML: any structure of known and unknown words. */
const anything = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e300),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(keys, tie('node'), { maxKeys: 4 }),
  ),
})).node;

/** Steps of real kinds whose keys hold anything. */
const steps = fc.array(
  fc.constantFrom(...stepKinds.values()).chain((kind) =>
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      uses: fc.constant(kind.name),
      with: fc.record(Object.fromEntries(Object.keys(kind.with).map((key) => [key, anything])), { requiredKeys: [] }),
    }),
  ),
  { maxLength: 3 },
);
/** Nearly right: each word is one that could stand there. */
const nearlyRight = fc
  .record({
    description: fc.constantFrom('d', 'what it does'),
    inputs: fc.constantFrom({}, { a: 'string' }, { a: { enum: ['x/y', 'op://z'] } }),
    steps: fc.tuple(
      fc.record({
        id: fc.constant('a'),
        uses: fc.constantFrom('vault/read', 'totp/code'),
        with: fc.record({
          reference: fc.constantFrom('op://Agents/x/y', 'op://${{ vars.vault }}/x/y', 'op://Agents/${{ inputs.a }}/y'),
        }),
      }),
      fc.record({
        id: fc.constantFrom('b', 'a'),
        uses: fc.constant('oauth/client-credentials'),
        with: fc.record({
          issuer: fc.constantFrom('${{ issuers.main }}', '${{ stores.aws }}'),
          'client-id': fc.constantFrom(
            'x',
            'op://Agents/x/y',
            '${{ vars.prefix }}-${{ vars.count }}',
            '${{ inputs.a }}',
            '${{ steps.a }}',
          ),
          'client-secret': fc.constantFrom<unknown>('op://Agents/x/y', ['op://Agents/x/y', 'op://Agents/x/z']),
        }),
      }),
    ),
    output: fc.oneof(
      paths,
      fc.constantFrom('${{ steps.b }}', '${{ steps.a }}', 'x ${{ vars.prefix }}', 'op://Agents/x/y'),
    ),
  })
  .map((value) => JSON.stringify(value, null, 1));
const flows = fc.oneof(
  nearlyRight,
  fc
    .record(
      {
        description: scalars,
        inputs: fc.dictionary(fc.constantFrom('a', 'b', 'plan'), anything, { maxKeys: 2 }),
        steps,
        output: anything,
      },
      { requiredKeys: ['description', 'steps'] },
    )
    .map((value) => JSON.stringify(value, null, 1)),
  anything.map((value) => JSON.stringify(value, null, 1) ?? ''),
  // a file of words and punctuation in lines
  fc
    .array(
      fc.tuple(
        fc.nat({ max: 6 }),
        fc.constantFrom('- ', ''),
        fc.oneof(keys, texts),
        fc.constantFrom(': ', ':', ' ', ''),
        scalars,
      ),
    )
    .map((lines) =>
      lines.map(([indent, dash, key, colon, value]) => `${' '.repeat(indent)}${dash}${key}${colon}${value}`).join('\n'),
    ),
  fc.string({ maxLength: 200, unit: 'binary' }),
);

describe(`${amountOf('flow files')} generated files`, () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'fuzz-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const names = Array.from({ length: perFolder }, (_, index) => `f${index}.yaml`);

  function look(folder: Folder, sources: ReadonlyMap<string, string>): void {
    for (const problem of folder.problems) {
      const text = sources.get(problem.file) ?? '';
      const lines = text.split('\n');
      expect(problem.line).toBeGreaterThanOrEqual(1);
      expect(problem.line).toBeLessThanOrEqual(lines.length);
      expect(problem.column).toBeGreaterThanOrEqual(1);
      expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1] ?? '').length + 1);
      expect(problem.message).toMatch(/^\S.*[^.]$/u);
      expect(problem.message).not.toMatch(/undefined|\[object|NaN|TypeError|at .*:\d+:\d+/);
      // oxlint-disable-next-line no-control-regex -- a terminal acts on them
      expect(formatProblem(problem)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }
    for (const flow of folder.flows.values()) {
      for (const environment of folder.settings.environments.values())
        expect(() => usesOf(flow, environment)).not.toThrow();
    }
  }

  it('are loaded without a crash or a hang, and every problem has a place', async () => {
    let sound = 0;
    const all = fc.sample(flows, { seed, numRuns: amountOf('flow files') });
    writeFileSync(join(dir, 'service.yaml'), service);
    for (let from = 0; from < all.length; from += perFolder) {
      const sources = new Map([[join(dir, 'service.yaml'), service]]);
      for (const [index, name] of names.entries()) {
        const text = Buffer.from(all[from + index] ?? '').toString('utf8');
        writeFileSync(join(dir, name), text);
        sources.set(join(dir, name), text.replace(/^\ufeff/, ''));
      }
      const folder = await openFolder(dir, {});
      look(folder, sources);
      expect(folder.flows.size + folder.broken.size).toBe(perFolder);
      sound += folder.flows.size;
    }
    // the generator reaches files that are right, too
    expect(sound).toBeGreaterThan(all.length / 100);
  }, 400_000);

  it('of service.yaml are loaded without a crash', async () => {
    expect.hasAssertions();
    const connections = fc.dictionary(fc.constantFrom('main', 'aws', 'x'), anything, { maxKeys: 2 });
    const environment = fc.record(
      {
        development: anything,
        vars: anything,
        key: anything,
        vault: anything,
        issuers: connections,
        'identity-providers': connections,
        stores: connections,
      },
      { requiredKeys: [] },
    );
    const files = fc.record(
      {
        'default-environment': scalars,
        environments: fc.dictionary(
          fc.constantFrom('development', 'production', '__proto__'),
          fc.oneof(environment, anything),
          { maxKeys: 2 },
        ),
      },
      { requiredKeys: ['environments'] },
    );
    for (const name of names) rmSync(join(dir, name), { force: true });
    for (const value of fc.sample(files, { seed, numRuns: amountOf('service.yaml files') })) {
      const text = JSON.stringify(value, null, 1);
      writeFileSync(join(dir, 'service.yaml'), text);
      look(await openFolder(dir, {}), new Map([[join(dir, 'service.yaml'), Buffer.from(text).toString('utf8')]]));
    }
  });
});

describe('references', () => {
  const parts = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => text.isWellFormed());

  it('come back from their text with the same parts', () => {
    const sections = fc.option(parts, { nil: undefined });
    fc.assert(
      fc.property(parts, parts, sections, parts, (vault, item, section, field) => {
        const made = Reference.of({ vault, item, section, field });
        const read = Reference.parse(made.toString());
        expect(read).toBeInstanceOf(Reference);
        expect(read).toMatchObject({ vault, item, section, field });
        expect(read instanceof Reference && read.toString()).toBe(made.toString());
      }),
      { seed, numRuns: amountOf('references') },
    );
  });

  it('never throw, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `op://${text}`),
        ),
        (text) => {
          const read = Reference.parse(text);
          const told = read instanceof Reference ? read.toString() === text : read.problem !== '';
          expect(told).toBe(true);
        },
      ),
      { seed, numRuns: amountOf('references') },
    );
  });

  it('keep what is put into them as one part', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30 }), (text) => {
        const read = Reference.parse(`op://vault/${encodeSegment(text)}/field`);
        expect(read).toMatchObject({ vault: 'vault', item: text, field: 'field' });
      }),
      { seed, numRuns: amountOf('references') },
    );
  });
});

describe('expressions', () => {
  it('are found again where they were put', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const plain = fc.string({ maxLength: 10 }).filter((text) => !/[${}]/.test(text));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(plain, fc.array(word, { minLength: 1, maxLength: 4 })), { maxLength: 5 }),
        plain,
        (pairs, tail) => {
          const text = `${pairs.map(([before, path]) => `${before}\${{ ${path.join('.')} }}`).join('')}${tail}`;
          const located = (start: number, end: number) => ({ start, end });
          const parsed = parseExpressions(text, located, () => expect.unreachable());
          const again = parsed
            .map((part) => (typeof part === 'string' ? part : text.slice(part.range.start, part.range.end)))
            .join('');
          expect(again).toBe(text);
          const found = parsed.flatMap((part) => (typeof part === 'string' ? [] : [part.path]));
          expect(found).toEqual(pairs.map(([, path]) => path));
        },
      ),
      { seed, numRuns: amountOf('expressions') },
    );
  });
});
