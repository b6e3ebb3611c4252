import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/foundation/secret.ts';
import { formsOf } from '../../../src/foundation/value-forms.ts';
import { createOutlet } from '../../../src/surfaces/mcp/outlet.ts';
import { shownData, shownOutput } from '../../../src/surfaces/mcp/shown-to-models.ts';

const value = 'k9!"x/7Qz + <é>\n2';

describe('the outlet', () => {
  test.each(formsOf(value).filter((form) => form.length > 7))('masks %j wherever it stands', (form) => {
    const outlet = createOutlet();
    outlet.learn('key', new Secret(value));
    const clean = outlet.clean({ result: { [`a ${form}`]: [`b ${form} c`, { text: JSON.stringify({ at: form }) }] } });
    expect(JSON.stringify(clean)).not.toContain(JSON.stringify(form).slice(1, -1));
    expect(JSON.stringify(clean)).toContain('[key]');
  });

  test('knows secrets by what they are, and codes that look like numbers', () => {
    const outlet = createOutlet();
    outlet.learn('code', new Secret('482913'));
    const message = {
      at: new Secret('hunter2'),
      count: 482_913,
      near: 4_829_131,
      text: 'it is 482913.',
      not: null,
      is: true,
    };
    expect(outlet.clean(message)).toEqual({
      at: '[secret]',
      count: '[code]',
      near: 4_829_131,
      text: 'it is [code].',
      not: null,
      is: true,
    });
  });

  test('forgets the oldest of more values than it can look for', () => {
    const outlet = createOutlet();
    for (let index = 0; index <= 500; index += 1) outlet.learn('key', new Secret(`value-number-${index}-`));
    expect(outlet.clean(['value-number-0-', 'value-number-1-', 'value-number-500-'])).toEqual([
      'value-number-0-',
      '[key]',
      '[key]',
    ]);
  });
});

describe('an output', () => {
  test('of a kind that a newer broker has is taken for a secret', () => {
    const outlet = createOutlet();
    const answer = { output: { a: { deep: ['hunter2hunter2'] } }, as: { a: 'passkey' } };
    expect(shownOutput('flow', answer, outlet)).toMatchObject({ a: { handle: 'flow.a', is: 'secret' } });
    expect(outlet.clean('hunter2hunter2')).toBe('[flow.a]');
    expect(shownOutput('flow', { output: 'hunter2', as: undefined }, outlet)).toMatchObject({ is: 'secret' });
    expect(shownOutput('flow', { output: {}, as: 'none' }, outlet)).toBeNull();
  });

  test('is cut where a model or its client would cut it', () => {
    expect(JSON.stringify(shownData(Array.from({ length: 100_000 }, () => 'x'.repeat(5_000)))).length).toBeLessThan(
      30_000,
    );
    let deep: unknown = 'end';
    for (let level = 0; level < 100; level += 1) deep = [deep];
    expect(JSON.stringify(shownData(deep))).toBe('[[[[[[[[["…"]]]]]]]]]');
  });
});
