import { FlowError } from '../errors.ts';
import type { Reference } from '../reference.ts';
import type { Secret } from '../secret.ts';
import { parseOneTimePassword, type OneTimePassword } from '../totp.ts';
import type { Item } from '../vaults/contract.ts';

/** The one-time passwords that an item holds. */
export interface StoredSeeds {
  /** the one OTP field */
  readonly field: Reference | undefined;
  readonly current: OneTimePassword | undefined;
  readonly currentValue: Secret | undefined;
  /** the concealed field `previous`: one that another has replaced, and no sign-in has proved the other yet */
  readonly previous: OneTimePassword | undefined;
  readonly previousValue: Secret | undefined;
}

/** @throws FlowError ambiguous where it has more than one OTP field, invalid-value where that holds none */
export async function storedSeeds(item: Item): Promise<StoredSeeds> {
  const [field, second] = item.fields.filter(({ type, value }) => type === 'one-time-password' && !value.isEmpty);
  if (second !== undefined) {
    throw new FlowError('ambiguous', `item "${item.title}" has more than one one-time password`, {
      hint: 'keep the one that is in force',
      place: { subject: item.reference.toString() },
    });
  }
  const former = item.fields.find(({ label, type }) => label === 'previous' && type === 'concealed');
  return {
    field: field?.reference,
    currentValue: field?.value,
    current: field === undefined ? undefined : await parseOneTimePassword(field.value, field.reference.toString()),
    previousValue: former?.value,
    // a person may have written anything there
    previous: former === undefined ? undefined : await parseOneTimePassword(former.value).catch(() => undefined),
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
