import { deriveKey, type KeyLabel } from '../foundation/key-derivation.ts';
import { FlowError } from '../foundation/errors.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import type { ReadTogether, Ride } from '../adapters/vaults/read-together.ts';

/** New first; a former one is known while keys are changed. */
export type Keys = readonly [Uint8Array, ...Uint8Array[]];

/** The keys of an environment, derived from what its `key:` refers to. */
export interface EnvironmentKeys {
  /** The next call of the vault reads them too, so that they cost none of their own. */
  expect(): void;
  /** They were read already, or asked for. */
  known(): boolean;
  /** @throws FlowError invalid where the environment names none, invalid-value where one is too short */
  derived(label: KeyLabel): Promise<Keys>;
}

const shortest = 20;

/** @param reader asked for when the keys are, or are expected */
export function createEnvironmentKeys(references: readonly Reference[], reader: () => ReadTogether): EnvironmentKeys {
  let rides: readonly Ride[] | undefined;
  let roots: Promise<readonly Secret[]> | undefined;

  const ride = () => (rides ??= references.map((each) => reader().along(each)));

  async function read(): Promise<readonly Secret[]> {
    try {
      const values = await Promise.all(ride().map((each) => each.value()));
      const short = values.findIndex((value) => value.reveal().length < shortest);
      if (short === -1) return values;
      throw new FlowError('invalid-value', `a key has fewer than ${shortest} characters`, {
        hint: 'generate a password of 32 there',
        place: { subject: String(references[short]) },
      });
    } catch (error) {
      // the next try makes a call of its own
      roots = rides = undefined;
      throw error;
    }
  }

  return {
    expect: () => void ride(),
    known: () => roots !== undefined || rides?.every((each) => each.settled()) === true,
    async derived(label) {
      const [first, ...others] = (await (roots ??= read())).map((root) => deriveKey(root, label));
      if (first !== undefined) return [first, ...others];
      throw new FlowError('invalid', 'the environment has no key', { hint: 'add key: to it in service.yaml' });
    },
  };
}
