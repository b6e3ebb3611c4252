import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askNobodyForValue } from '../../src/app/ask-people.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { writableItems } from '../../src/adapters/vaults/writable-items.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { humanStep } from '../../src/steps/human-step.ts';
import type { StepContext, ValueQuestion, WriteStepKind } from '../../src/steps/contract.ts';
import { codeOf, ref } from '../contracts/vault.ts';
import { startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop([], 'connect');
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
/** As a person does it in 1Password. */
async function putByHand(field: Reference): Promise<void> {
  const items = writableItems(laptop.vault);
  const value = new Secret('by hand');
  await items.setFields(await items.get(field.itemReference), [{ field: { label: 'credential (next)' }, value }]);
}
/** Sleeps on the laptop's clock; in the n-th sleep it is put there. */
function untilPut(field: Reference, nth: number): StepContext['sleep'] {
  let slept = 0;
  return async (milliseconds) => {
    slept += 1;
    await laptop.clock.sleep(milliseconds);
    if (slept === nth) await putByHand(field);
  };
}
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
        await putByHand(field);
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

  test('that takes an unknown time needs no terminal: with wait, the vault is looked at until it is there', async () => {
    const field = newField();
    const context = laptop.context({ askForValue: async () => expect.unreachable() });
    await expect((humanStep as WriteStepKind).plan({ ...given(field), wait: '30m' }, context)).resolves.toMatchObject({
      changes: [
        {
          action: 'create',
          detail: 'a person puts it there within 30m: Make a key, and copy it (https://keys.example/new)',
        },
      ],
    });
    const looks = laptop.vault.requests();
    const next = await run(field, { ...context, sleep: untilPut(field, 3) }, { wait: '30m' });
    expect((await context.read(next)).reveal()).toBe('by hand');
    expect(laptop.vault.requests() - looks).toBeLessThan(12);
    expect(context.told).toContain('Make a key, and copy it (https://keys.example/new)');
    expect(context.told.join()).toMatch(/looking every 15s for a value in field "credential \(next\)"/);
  });

  test('and is not done in time is told, and what was put there since is found by the next run, or after a kill', async () => {
    const field = newField();
    const began = laptop.clock.now();
    const late = laptop.context();
    await expect(run(field, late, { wait: '2h' })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('within 2h'),
    });
    expect(laptop.clock.now() - began).toBe(7_200_000);
    // 120 looks at most, whatever the time
    expect(late.told.filter((line) => line.startsWith('looking every 1m '))).toHaveLength(120);
    const killed = laptop.context({ sleep: async () => Promise.reject(new RangeError('killed')) });
    await expect(run(field, killed, { wait: '2h' })).rejects.toBeInstanceOf(RangeError);
    await putByHand(field);
    const found = await run(field, laptop.context({ sleep: () => expect.unreachable() }), { wait: '2h' });
    expect(String(found)).toMatch(/\(next\)$/);
  });

  test.each(['rate-limited', 'unavailable'] as const)(
    'is waited for while the vault is %s, told once',
    async (code) => {
      const field = newField();
      const items = writableItems(laptop.vault);
      let slept = 0;
      const failing = async (item: Reference) => {
        if (slept > 0 && slept < 4) throw new FlowError(code, 'not now', { retryAfter: 100 });
        return items.get(item);
      };
      const sleep = untilPut(field, 4);
      const context = laptop.context({
        vault: { ...laptop.vault, items: { ...items, get: failing } },
        sleep: async (milliseconds) => {
          slept += 1;
          await sleep(milliseconds);
        },
      });
      const began = laptop.clock.now();
      await run(field, context, { wait: '30m' });
      expect(context.told.filter((line) => line.includes('not now'))).toHaveLength(1);
      // 15 s, then as long as the vault said
      expect(laptop.clock.now() - began).toBe(315_000);
    },
  );

  test('is waited for no more when the run is stopped', async () => {
    const stop = new AbortController();
    const sleep = async () => stop.abort();
    const context = laptop.context({ signal: stop.signal, sleep });
    expect(await codeOf(run(newField(), context, { wait: '30m' }))).toBe('aborted');
  });

  test('is not waited for longer than a day', () => {
    const rules = {
      rulesOf: () => undefined,
      attributionOf: () => undefined,
      apiOf: () => undefined,
      lacking: () => undefined,
      varies: () => false,
    };
    expect(humanStep.check?.({ wait: '25h' }, new Set(['wait']), rules)).toMatchObject([{ key: 'wait' }]);
    expect(humanStep.check?.({ wait: '1d' }, new Set(['wait']), rules)).toEqual([]);
  });

  test('a line break that was pasted along is told', async () => {
    const context = laptop.context({ askForValue: async () => new Secret('pasted ') });
    await run(newField(), context);
    expect(context.told.join()).toMatch(/what was given .*space/);
  });
});
