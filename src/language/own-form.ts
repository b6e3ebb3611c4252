import type { Trouble } from './plain-value-check.ts';
import type { ScalarNode } from './yaml.ts';

/** more than any number is written with */
const longest = 400;

/**
 * What was written counts: 00501, 3.20, 0x1F and True stand for something whose own form is another text, and would
 * become that text without a word. Undefined where the form is the value's own.
 */
export function changedForm({ value, written }: ScalarNode, key: string): Trouble | undefined {
  if ((typeof value !== 'number' && typeof value !== 'boolean') || String(value) === written) return undefined;
  return {
    message: `"${key}" is written ${written}, and without quotes that is ${value}`,
    hint: `put it in quotes: "${written}"; or write ${value}`,
  };
}

/** Whether a number keeps all digits of a decimal text; 3.20 and 1e3 do, 20261129000000000001 does not. */
export function keepsDigits(text: string): boolean {
  return text.length <= longest && significant(text) === significant(String(Number(text)));
}

/** The digits without zeros around them, and where they stand. */
function significant(text: string): string {
  const [mantissa = '', exponent = '0'] = text.replace(/^[-+]/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  return short === '' ? '0' : `${short}e${Number(exponent) - fraction.length + digits.length - short.length}`;
}
