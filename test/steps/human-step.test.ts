import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askNobodyForValue } from '../../src/app/ask-people.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { humanStep } from '../../src/steps/human-step.ts';
import type { StepContext, ValueQuestion, WriteStepKind } from '../../src/steps/contract.ts';
import { codeOf, ref } from '../contracts/vault.ts';
import { startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

let count = 0;
function newField(): Reference {
  count += 1;
  laptop.server.add('Accounts', {
    title: `Key ${count}`,
    fields: [{ label: 'credential', type: 'concealed', value: 'first' }],
  });
  return ref(`op://Accounts/Key ${count}/credential`);
}
const given = (field: Reference) => ({ say: 'Make a key, and copy it', open: 'https://keys.example/new', field });
const run = async (field: Reference, context: StepContext, further: object = {}) =>
  ((await humanStep.run({ ...given(field), ...further }, context)) as { secret: Reference }).secret;
const canary = `canary-${crypto.randomUUID()}`;

describe('what a person does', () => {
  test('is said, and what they give is staged, once, and told to nobody', async () => {
    const field = newField();
    const asked: ValueQuestion[] = [];
    const context = laptop.context({
      async askForValue(question) {
        asked.push(question);
        return new Secret(canary);
      },
    });
    await expect((humanStep as WriteStepKind).plan(given(field), context)).resolves.toMatchObject({
      changes: [{ action: 'create' }],
    });
    expect(asked).toEqual([]);
    const next = await run(field, context);
    expect(asked).toEqual([
      {
        say: 'Make a key, and copy it',
        page: 'https://keys.example/new',
        into: expect.stringContaining('field "credential (next)" of item'),
      },
    ]);
    expect((await context.read(next)).reveal()).toBe(canary);
    expect(String(await run(field, context))).toBe(String(next));
    expect(asked).toHaveLength(1);
    expect(context.told.join()).not.toContain(canary);
  });

  test('may be to put it into the vault themselves', async () => {
    const field = newField();
    const context = laptop.context({
      async askForValue() {
        const item = await laptop.vault.items?.get(field);
        if (item === undefined) throw new TypeError('no item');
        await laptop.vault.items?.setFields(item, [
          { field: { label: 'credential (next)' }, value: new Secret('by hand') },
        ]);
        return undefined;
      },
    });
    expect((await context.read(await run(field, context))).reveal()).toBe('by hand');
  });

  test('is not lost in silence where somebody else was faster', async () => {
    const field = newField();
    const context = laptop.context({
      async askForValue() {
        await run(field, laptop.context({ askForValue: async () => new Secret('of somebody else') }));
        return new Secret(canary);
      },
    });
    await expect(run(field, context)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('that gives nothing is told, and nothing is changed', async () => {
    const field = newField();
    const before = laptop.server.dump();
    expect(await codeOf(run(field, laptop.context({ askForValue: async () => undefined })))).toBe('not-found');
    const nobody = laptop.context({ askForValue: async (question) => askNobodyForValue(question) });
    expect(await codeOf(run(field, nobody))).toBe('refused');
    expect(laptop.server.dump()).toEqual(before);
  });

  test('is not asked for while the value is young enough', async () => {
    const field = newField();
    expect(String(await run(field, laptop.context(), { 'if-older-than': '60d' }))).toBe(String(field));
  });

  test('a line break that was pasted along is told', async () => {
    const context = laptop.context({ askForValue: async () => new Secret('pasted ') });
    await run(newField(), context);
    expect(context.told.join()).toMatch(/what was given .*space/);
  });
});
