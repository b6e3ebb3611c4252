import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StepContext, StepPlan, WriteStepKind } from '../../src/steps/contract.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { vaultSetOneTimePassword } from '../../src/steps/vault-set-one-time-password.ts';
import { parseOneTimePassword } from '../../src/foundation/totp.ts';
import type { Vault } from '../../src/adapters/vaults/contract.ts';
import { codeOf, ref } from '../contracts/vault.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
  laptop.server.add('Accounts', {
    title: 'Seeds',
    fields: [
      { label: 'bare', type: 'concealed', value: 'JBSW Y3DP EHPK 3PXP jbsw y3dp ehpk 3pxp' },
      { label: 'same', type: 'concealed', value: 'otpauth://totp/x:y?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' },
      { label: 'other', type: 'one-time-password', value: 'KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU' },
      { label: 'none', type: 'concealed', value: 'not a seed!' },
    ],
  });
});
afterAll(() => laptop.close());

type Output = { readonly reference: Reference };
const run = async (item: Reference, seed?: string, context: StepContext = laptop.context()) =>
  (await vaultSetOneTimePassword.run(
    { item, seed: seed === undefined ? undefined : ref(seed) },
    context,
  )) as unknown as Output;
const plan = (item: Reference, seed?: string) =>
  (vaultSetOneTimePassword as WriteStepKind).plan(
    { item, seed: seed === undefined ? undefined : ref(seed) },
    laptop.context(),
  ) as Promise<StepPlan<Output>>;
const fieldsOf = (item: Reference) =>
  (laptop.server.dump().find((each) => each.id === item.item)?.fields ?? []).filter(
    (field) => field.kind === 'one-time-password' || field.label.startsWith('previous'),
  );

describe('giving an item a one-time password', () => {
  test('makes a seed where none is given, once', async () => {
    const { reference: item } = await laptop.login(someone());
    expect(await plan(item)).toMatchObject({ changes: [{ action: 'create' }] });
    const { reference } = await run(item);
    const [field] = fieldsOf(item);
    const password = await parseOneTimePassword(new Secret(field?.value ?? ''));
    expect(password).toMatchObject({ algorithm: 'SHA1', digits: 6, period: 30 });
    const read = await laptop.context().read(reference);
    expect(read.reveal()).toBe(field?.value);
    expect(await plan(item)).toMatchObject({ changes: [{ action: 'none' }], output: { reference } });
    expect(String((await run(item)).reference)).toBe(String(reference));
    expect(fieldsOf(item)).toHaveLength(1);
  });

  test('stores a given one as it is written, and knows it in another writing', async () => {
    const { reference: item } = await laptop.login(someone());
    await run(item, 'op://Accounts/Seeds/bare');
    expect(fieldsOf(item).map((field) => field.value)).toEqual(['JBSW Y3DP EHPK 3PXP jbsw y3dp ehpk 3pxp']);
    expect(await plan(item, 'op://Accounts/Seeds/same')).toMatchObject({ changes: [{ action: 'none' }] });
    await run(item, 'op://Accounts/Seeds/same');
    expect(fieldsOf(item)).toHaveLength(1);
  });

  test('keeps the former one where another is given', async () => {
    const { reference: item } = await laptop.login(someone());
    await run(item, 'op://Accounts/Seeds/same');
    expect(await plan(item, 'op://Accounts/Seeds/other')).toMatchObject({ changes: [{ action: 'update' }] });
    await run(item, 'op://Accounts/Seeds/other');
    expect(fieldsOf(item).map(({ label, value }) => [label, value])).toEqual([
      ['previous', 'otpauth://totp/x:y?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'],
      ['one-time password', 'KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU'],
    ]);
  });

  test.each([
    ['is no seed', 'op://Accounts/Seeds/none', 'invalid-value'],
    ['is missing', 'op://Accounts/Seeds/nothing', 'not-found'],
  ])('a seed that %s changes nothing', async (_, seed, code) => {
    const { reference: item } = await laptop.login(someone());
    expect(await codeOf(plan(item, seed))).toBe(code);
    expect(await codeOf(run(item, seed))).toBe(code);
    expect(fieldsOf(item)).toEqual([]);
  });

  test('an item with two is refused', async () => {
    const otp = { type: 'one-time-password', value: 'JBSWY3DPEHPK3PXP' } as const;
    laptop.server.add('Accounts', {
      title: 'Two',
      fields: [
        { ...otp, label: 'a' },
        { ...otp, label: 'b' },
      ],
    });
    expect(await codeOf(run(ref('op://Accounts/Two')))).toBe('ambiguous');
  });

  test('a plan promises no change that the SDK refuses', async () => {
    const fields = [{ label: 'username', type: 'text', value: 'u' }] as const;
    const strange = { label: 'strange', type: 'unheard-of', value: 'x' } as const;
    laptop.server.add('Accounts', { title: 'By hand', fields });
    laptop.server.add('Accounts', { title: 'Strange', fields: [...fields, strange] });
    laptop.server.add('Accounts', { title: 'Saved', fields, formFields: [{ name: 'remember-me', value: 'on' }] });
    const known = ref('op://Accounts/Strange');
    expect((await plan(known)).changes).toMatchObject([
      { action: 'conflict', detail: expect.stringContaining('fields that the SDK cannot keep') },
    ]);
    // what a browser saved is not shown by the SDK: the plan says that it may be there
    for (const [title, code] of [
      ['By hand', 'no error'],
      ['Saved', 'refused'],
    ] as const) {
      const item = ref(`op://Accounts/${title}`);
      const detail = expect.stringMatching(/refused, with nothing changed, where a browser/);
      expect((await plan(item)).changes).toMatchObject([{ action: 'create', detail }]);
      expect(await codeOf(run(item))).toBe(code);
    }
    expect(await codeOf(run(known))).toBe('refused');
    const { reference: ours } = await laptop.login(someone());
    expect((await plan(ours)).changes[0]?.detail).toBeUndefined();
  });

  test('a change in between stops it, and what is there stays', async () => {
    const { reference: item } = await laptop.login(someone());
    const { items } = laptop.vault;
    if (items === undefined) throw new TypeError('no items');
    const late: Vault = {
      ...laptop.vault,
      items: {
        ...items,
        async get(reference) {
          const found = await items.get(reference);
          await items.setOneTimePassword(found, new Secret('JBSWY3DPEHPK3PXP'), { previous: 'keep' });
          return found;
        },
      },
    };
    expect(await codeOf(run(item, undefined, laptop.context({ vault: late })))).toBe('conflict');
    expect(fieldsOf(item).map((field) => field.value)).toEqual(['JBSWY3DPEHPK3PXP']);
  });

  test('an item that is known only after run is planned as such', async () => {
    const found = await (vaultSetOneTimePassword as WriteStepKind).plan({}, laptop.context());
    expect(found).toEqual({ changes: [expect.objectContaining({ action: 'create', detail: 'known after run' })] });
  });
});
