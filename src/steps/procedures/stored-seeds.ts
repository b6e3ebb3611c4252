import { FlowError } from '../../foundation/errors.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import { parseOneTimePassword, type OneTimePassword } from '../../foundation/totp.ts';
import type { Item, ItemField } from '../../adapters/vaults/contract.ts';

/** A one-time password that an item holds. */
interface StoredSeed {
  readonly password: OneTimePassword;
  /** as the field has it */
  readonly value: Secret;
  readonly field: Reference;
}

export interface StoredSeeds {
  /** the one OTP field */
  readonly current: StoredSeed | undefined;
  /** those that others have replaced while no sign-in proved the others, newest first */
  readonly formers: readonly StoredSeed[];
}

const formerLabel = /^previous(?: \d+)?$/;

/** @throws FlowError ambiguous where it has more than one OTP field, invalid-value where that holds none */
export async function storedSeeds(item: Item): Promise<StoredSeeds> {
  const [field, second] = item.fields.filter(({ type, value }) => type === 'one-time-password' && !value.isEmpty);
  if (second !== undefined) {
    throw new FlowError('ambiguous', `item "${item.title}" has more than one one-time password`, {
      hint: 'keep the one that is in force',
      place: { subject: item.reference.toString() },
    });
  }
  const kept = item.fields.filter(({ label, type }) => type === 'concealed' && formerLabel.test(label));
  // a person may have called anything `previous`
  const formers = await Promise.all(kept.map((each) => seedIn(each).catch(() => undefined)));
  return {
    current: field === undefined ? undefined : await seedIn(field),
    formers: formers.filter((seed) => seed !== undefined).toReversed(),
  };
}

export function sameSeed(one: OneTimePassword, other: OneTimePassword): boolean {
  return (
    one.secret.equals(other.secret) &&
    one.algorithm === other.algorithm &&
    one.digits === other.digits &&
    one.period === other.period
  );
}

async function seedIn({ value, reference }: ItemField): Promise<StoredSeed> {
  return { password: await parseOneTimePassword(value, reference.toString()), value, field: reference };
}
