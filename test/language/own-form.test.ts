import { assert, bigInt, double, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepsDigits } from '../../src/language/own-form.ts';
import { load, service, told } from '../folder/folder.ts';

/** as written, and what it would become */
const changed: readonly (readonly [written: string, becomes: string])[] = [
  ['00501', '501'],
  ['3.20', '3.2'],
  ['1.0', '1'],
  ['20261129000000000001', '20261129000000000000'],
  ['9007199254740993', '9007199254740992'],
  ['0.1000000000000000055', '0.1'],
  ['0x1F', '31'],
  ['0o17', '15'],
  ['+49', '49'],
  ['-0', '0'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['1e3', '1000'],
  ['True', 'true'],
  ['FALSE', 'false'],
];

const flow = (rest: string) => `description: d\n${rest}`;
const steps = 'steps: [{ id: a, uses: vault/read, with: { reference: op://Agents/x/y } }]\n';
const pushed = (value: string) =>
  `steps:\n  - id: p\n    uses: store/push\n    with: { store: '\${{ stores.aws }}', secrets: [{ name: n, value: { k: ${value} } }] }\n`;

/** wherever a value may become text, or is pushed */
const places: readonly (readonly [string, (value: string) => Readonly<Record<string, string>>])[] = [
  ['a variable', (value) => ({ 'service.yaml': service.replace('count: 3', `count: ${value}`) })],
  ['an output', (value) => ({ 'x.yaml': flow(`${steps}output: ${value}\n`) })],
  ['one of several outputs', (value) => ({ 'x.yaml': flow(`${steps}output: { build: ${value} }\n`) })],
  ['a pushed member', (value) => ({ 'x.yaml': flow(pushed(value)) })],
  [
    'a default',
    (value) => ({ 'x.yaml': flow(`inputs: { n: { type: ${typeOf(value)}, default: ${value} } }\n${steps}`) }),
  ],
  ['a default of text', (value) => ({ 'x.yaml': flow(`inputs: { n: { default: ${value} } }\n${steps}`) })],
  ['a value of an enum', (value) => ({ 'x.yaml': flow(`inputs: { n: { enum: [${value}] } }\n${steps}`) })],
  ['text', (value) => ({ 'service.yaml': service.replace("account: '123456789012'", `account: ${value}`) })],
  ['a description', (value) => ({ 'x.yaml': `description: ${value}\n${steps}` })],
];

function typeOf(value: string): string {
  return /e$/i.test(value) ? 'boolean' : 'number';
}

describe.each(places)('%s', (_, files) => {
  it.each(changed)('%s is refused where it would become %s, and the hint has what was written', async (written) => {
    const folder = await load({ 'service.yaml': service, ...files(written) });
    expect(told(folder)).toHaveLength(1);
    expect(folder.problems[0]?.hint).toContain(`"${written}"`);
  });

  it('takes each in quotes', async () => {
    for (const [written] of changed) {
      const folder = await load({ 'service.yaml': service, ...files(`"${written}"`) });
      // an account has twelve digits, and a default has the input's type
      expect(folder.problems.filter(({ hint }) => hint?.includes('quotes'))).toEqual([]);
    }
  });
});

/** wherever a number is wanted, or may stand */
const numbers: typeof places = [
  ...places.filter(([name]) => name !== 'a default'),
  [
    'a default of a number',
    (value) => ({ 'x.yaml': flow(`inputs: { n: { type: number, default: ${value} } }\n${steps}`) }),
  ],
  ['a port', (value) => ({ 'service.yaml': service.replace('    key:', `    server: { port: ${value} }\n    key:`) })],
  ['a length', (value) => ({ 'x.yaml': made(`{ length: ${value} }`) })],
];
const made = (password: string) =>
  flow(
    `steps: [{ id: a, uses: vault/create-login, with: { vault: A, title: t, username: u, password: ${password} } }]\n`,
  );

describe.each(numbers)('%s', (_, files) => {
  it.each(['.nan', '.NaN', '.inf', '-.inf', '1e400', '5e1234567'])(
    '%s is refused, and not repeated',
    async (written) => {
      const folder = await load({ 'service.yaml': service, ...files(written) });
      expect(told(folder)).toHaveLength(1);
      expect(folder.problems[0]?.hint).not.toContain(written);
    },
  );
});

it('takes a number that is only a number as it is written', async () => {
  const provider = 'inputs: { n: { type: number, default: 3.2 } }\n';
  const folder = await load({
    'service.yaml': service.replace('    key:', '    server: { port: 0x1F90 }\n    key:'),
    'x.yaml': flow(`${provider}${steps}output: { a: 12.5, b: -3, c: true, d: 1e+21 }\n`),
  });
  expect(told(folder)).toEqual([]);
});

it('has what was written in quotes in the hint for a key that is no text', async () => {
  const folder = await load({ 'x.yaml': flow(`${steps}output: { 007: x }\n`) });
  expect(folder.problems.map(({ hint }) => hint)).toContain('put it in quotes: "007"');
});

describe('digits', () => {
  it('are kept by every double, however it is written', () => {
    assert(
      property(double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(keepsDigits(String(value))).toBe(true);
        expect(keepsDigits(value.toExponential())).toBe(true);
      }),
    );
  });

  it('are kept by whole numbers as far as BigInt says the same', () => {
    assert(
      property(bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), (value) => {
        // a double that stands for several whole numbers is written as the shortest of them
        expect(keepsDigits(String(value))).toBe(
          BigInt(Number(Number(value).toPrecision(17))) === value || isShort(value),
        );
      }),
    );
    function isShort(value: bigint): boolean {
      return (
        Number(value).toLocaleString('fullwide', { useGrouping: false, maximumSignificantDigits: 17 }) === String(value)
      );
    }
  });

  it.each([
    ['3.20', true],
    ['1e3', true],
    ['-0.0', true],
    ['20261129000000000001', false],
    ['1e400', false],
    ['1e-400', false],
  ])('of %s are kept: %s', (text, kept) => {
    expect(keepsDigits(text)).toBe(kept);
  });

  it('are not looked for in what is no number anybody writes', () => {
    expect(keepsDigits(`1${'0'.repeat(100_000)}1`)).toBe(false);
  });
});
