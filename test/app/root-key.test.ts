import { describe, expect, test } from 'vitest';
import { deriveKey } from '../../src/foundation/key-derivation.ts';
import { createEnvironmentKeys } from '../../src/app/root-key.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createReadTogether } from '../../src/adapters/vaults/read-together.ts';

const reference = (item: string) => Reference.of({ vault: 'Agents', item, field: 'password' });
const [current, former, other] = [reference('new key'), reference('old key'), reference('other')];

/** A vault in which each value is its reference, and the calls that it had. */
function arrange(references = [current, former]) {
  const calls: (readonly string[])[] = [];
  const vault = { value: (each: Reference) => String(each), down: undefined as FlowError | undefined };
  const reader = createReadTogether({
    async read(asked) {
      calls.push(asked.map(String));
      if (vault.down !== undefined) throw vault.down;
      return new Map(asked.map((each) => [String(each), new Secret(vault.value(each))]));
    },
  });
  return { calls, vault, reader, keys: createEnvironmentKeys(references, () => reader) };
}

describe("an environment's keys", () => {
  test('are read once when they are first needed, new first, each label its own', async () => {
    const { keys, calls } = arrange();
    expect(keys.known()).toBe(false);
    const labels = ['audit', 'ownership', 'audit'] as const;
    const asked = labels.map((label) => keys.derived(label));
    expect(keys.known()).toBe(true);
    const all = await Promise.all(asked);
    const wanted = labels.map((label) => [current, former].map((each) => deriveKey(new Secret(String(each)), label)));
    expect(all).toEqual(wanted);
    expect(calls).toEqual([[String(current), String(former)]]);
  });

  test('go along with the next call where they are expected, and cause none', async () => {
    const { keys, calls, reader } = arrange([current]);
    keys.expect();
    keys.expect();
    await new Promise((resolve) => setImmediate(resolve));
    expect([calls, keys.known()]).toEqual([[], false]);
    await reader(other);
    expect(keys.known()).toBe(true);
    await keys.derived('audit');
    expect(calls).toEqual([[String(current), String(other)]]);
  });

  test('are asked for again after a failure', async () => {
    const { keys, calls, vault, reader } = arrange([current]);
    vault.down = new FlowError('unavailable', 'down');
    keys.expect();
    await expect(reader(other)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(keys.derived('audit')).rejects.toMatchObject({ place: { subject: String(current) } });
    vault.down = undefined;
    expect(keys.known()).toBe(false);
    await keys.derived('audit');
    expect(calls).toHaveLength(2);
  });

  test('must be long enough, and there', async () => {
    const { keys, vault } = arrange();
    vault.value = (each) => (each === former ? 'x'.repeat(19) : 'x'.repeat(20));
    const error = await keys.derived('audit').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invalid-value', place: { subject: String(former) } });
    vault.value = () => 'x'.repeat(20);
    expect(await keys.derived('audit')).toHaveLength(2);
    await expect(arrange([]).keys.derived('audit')).rejects.toMatchObject({ code: 'invalid' });
  });
});
