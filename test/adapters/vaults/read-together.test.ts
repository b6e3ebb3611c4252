import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createReadTogether } from '../../../src/adapters/vaults/read-together.ts';

const reference = (item: string) => Reference.of({ vault: 'Agents', item, field: 'password' });

type Answer = (asked: readonly string[]) => ReadonlyMap<string, Secret | FlowError>;

/** A vault that answers as it is told, and remembers its calls. */
function vaultThat(answer: Answer) {
  const calls: string[][] = [];
  const read = async (references: readonly Reference[]) => {
    const asked = references.map(String);
    calls.push(asked);
    return answer(asked);
  };
  return { calls, read };
}

const echo: Answer = (asked) => new Map(asked.map((each) => [each, new Secret(each)]));

describe('reading one by one', () => {
  test('what is asked for side by side is one call; what comes later is another', async () => {
    const vault = vaultThat(echo);
    const read = createReadTogether(vault);
    const [one, two] = await Promise.all([read(reference('one')), read(reference('two'))]);
    expect([one?.reveal(), two?.reveal()]).toEqual([String(reference('one')), String(reference('two'))]);
    await read(reference('three'));
    expect(vault.calls).toEqual([[String(reference('one')), String(reference('two'))], [String(reference('three'))]]);
  });

  test('what is asked for a little later in the same turn of the event loop goes along', async () => {
    const vault = vaultThat(echo);
    const read = createReadTogether(vault);
    const deeper = async (awaits: number) => {
      for (let each = 0; each < awaits; each += 1) await Promise.resolve();
      return read(reference(`after ${awaits}`));
    };
    await Promise.all([0, 1, 5, 50].map(deeper));
    expect(vault.calls).toHaveLength(1);
    expect(vault.calls.flat()).toHaveLength(4);
  });

  test('what is wrong with one reference is no other one’s trouble, and names it', async () => {
    const missing = String(reference('missing'));
    const vault = vaultThat((asked) => {
      return new Map<string, Secret | FlowError>(
        asked.map((each) => [each, each === missing ? new FlowError('not-found', 'no item') : new Secret('good')]),
      );
    });
    const read = createReadTogether(vault);
    const [good, bad] = await Promise.allSettled([read(reference('there')), read(reference('missing'))]);
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'not-found', place: { subject: missing } } });
  });

  const general: readonly [string, Answer, object][] = [
    [
      'an error that concerns all',
      () => {
        throw new FlowError('denied', 'the token was revoked');
      },
      { code: 'denied' },
    ],
    ['an answer that leaves them out', () => new Map(), { code: 'protocol' }],
  ];
  test.each(general)(
    '%s fails each, with its reference, and the next call is made afresh',
    async (_, answer, wanted) => {
      const now = { answer };
      const vault = vaultThat((asked) => now.answer(asked));
      const read = createReadTogether(vault);
      const failed = await Promise.allSettled([read(reference('one')), read(reference('two'))]);
      expect(failed).toMatchObject(
        ['one', 'two'].map((item) => ({ reason: { ...wanted, place: { subject: String(reference(item)) } } })),
      );
      now.answer = echo;
      expect((await read(reference('one'))).reveal()).toBe(String(reference('one')));
      expect(vault.calls).toHaveLength(2);
    },
  );

  test('a fault that is no FlowError stays what it is', async () => {
    const fault = new RangeError('x');
    const read = createReadTogether(
      vaultThat(() => {
        throw fault;
      }),
    );
    await expect(read(reference('one'))).rejects.toBe(fault);
  });
});
