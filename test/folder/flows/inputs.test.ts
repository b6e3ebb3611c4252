import { describe, expect, it } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { parseInputs, type Inputs } from '../../../src/folder/flows/inputs.ts';
import { load, told } from '../folder.ts';

async function parse(declared: string, given: Readonly<Record<string, unknown>>): Promise<Inputs> {
  const text = `description: d\ninputs: ${declared}\nsteps:\n  - { id: a, uses: vault/read, with: { reference: op://A/b/c } }\n`;
  const folder = await load({ 'x.yaml': text });
  expect(told(folder)).toEqual([]);
  const flow = folder.flows.get('x');
  if (flow === undefined) throw new Error('not loaded');
  return parseInputs(flow, given);
}

describe('inputs', () => {
  it.each<readonly [string, Record<string, unknown>, Inputs]>([
    ['{ a: string }', { a: 'x' }, { a: 'x' }],
    ['{ a: string }', { a: 'op://A/b/c' }, { a: 'op://A/b/c' }],
    ['{ a: string }', { a: ' x ' }, { a: ' x ' }],
    ['{ a: string }', { a: '5' }, { a: '5' }],
    ['{ a: { default: x } }', {}, { a: 'x' }],
    ['{ a: number }', { a: '1.5' }, { a: 1.5 }],
    ['{ a: number }', { a: -3 }, { a: -3 }],
    ['{ a: number }', { a: '1e3' }, { a: 1000 }],
    ['{ a: boolean }', { a: true }, { a: true }],
    ['{ a: boolean }', { a: 'false' }, { a: false }],
    ['{ a: { enum: [x, y] } }', { a: 'y' }, { a: 'y' }],
    ['{ a: { type: enum, values: [x, y], default: x } }', {}, { a: 'x' }],
    ['{ a: { type: string, enum: [x, y] } }', { a: 'y' }, { a: 'y' }],
    ['{ a: { pattern: "[a-z]+" } }', { a: 'abc' }, { a: 'abc' }],
    ['{ a: { format: email } }', { a: 'ada+x@example.com' }, { a: 'ada+x@example.com' }],
    [
      '{ a: { format: uuid } }',
      { a: '123e4567-e89b-12d3-a456-426614174000' },
      { a: '123e4567-e89b-12d3-a456-426614174000' },
    ],
    ['{ a: { format: date } }', { a: '2026-02-28' }, { a: '2026-02-28' }],
    ['{ a: { format: uri } }', { a: 'https://x.example/y' }, { a: 'https://x.example/y' }],
    ['{ a: { format: hostname } }', { a: 'a.example' }, { a: 'a.example' }],
    ['{ constructor: { default: x } }', {}, { constructor: 'x' }],
  ])('%s takes %j', async (declared, given, wanted) => {
    expect(await parse(declared, given)).toEqual(wanted);
  });

  it.each<readonly [string, Record<string, unknown>]>([
    ['{ a: string }', {}],
    ['{ a: string }', { a: 5 }],
    ['{ a: string }', { a: true }],
    ['{ a: string }', { a: null }],
    ['{ a: string }', { a: ['x'] }],
    ['{ a: string }', { a: 'x\0y' }],
    ['{ a: string }', { a: 'cut \ud83d' }],
    ['{ a: { pattern: ".*" } }', { a: '\ude00 cut' }],
    ['{ a: string }', { a: 'x'.repeat(70_000) }],
    ['{ a: string }', { a: 'x', b: 'y' }],
    ['{ constructor: string }', {}],
    ['{ a: number }', { a: '' }],
    ['{ a: number }', { a: '0x10' }],
    ['{ a: number }', { a: '1e999' }],
    ['{ a: number }', { a: NaN }],
    ['{ a: number }', { a: '20261129000000000001' }],
    ['{ a: number }', { a: '0.12345678901234567890' }],
    ['{ a: number }', { a: 9_007_199_254_740_992 }],
    ['{ a: number }', { a: '1e-400' }],
    ['{ a: boolean }', { a: 'yes' }],
    ['{ a: boolean }', { a: 1 }],
    ['{ a: { enum: [x, y] } }', { a: 'z' }],
    ['{ a: { type: string, enum: [x, y] } }', { a: 'z' }],
    ['{ a: { pattern: "[a-z]+" } }', { a: 'abc1' }],
    ['{ a: { pattern: "[a-z]+" } }', { a: 'abc\n' }],
    ['{ a: { format: email } }', { a: 'ada' }],
    ['{ a: { format: email } }', { a: 'ada@exa mple' }],
    ['{ a: { format: email } }', { a: 'ada@example.com\nbcc' }],
    ['{ a: { format: date } }', { a: '2026-02-30' }],
    ['{ a: { format: uri } }', { a: 'x' }],
    ['{ a: { format: hostname } }', { a: '-a.example' }],
  ])('%s refuses %j, and never repeats a value', async (declared, given) => {
    const error: unknown = await parse(declared, given).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: 'usage' });
    const line = error instanceof FlowError ? error.line() : '';
    const told = Object.values(given).filter(
      (value) => typeof value === 'string' && value.length > 2 && line.includes(value),
    );
    expect(told).toEqual([]);
  });

  it('tells everything that is wrong, with the nearest names', async () => {
    await expect(parse('{ email: string, count: number }', { emial: 'x', count: 'y' })).rejects.toMatchObject({
      message: 'unknown input "emial"; input "email" is missing; input "count" takes a number',
      hint: expect.stringContaining('did you mean "email"?'),
    });
  });
});
