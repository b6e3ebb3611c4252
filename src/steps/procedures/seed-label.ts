import { oneTimePasswordDigest, type OneTimePassword } from '../../foundation/totp.ts';
import type { StepContext } from '../contract.ts';

/**
 * The name that a seed has at a provider, of the environment's new key first: the same for every step of every flow, so
 * that each finds again what another has begun, and it tells nothing of the seed.
 */
export async function labelsOf(
  seed: OneTimePassword,
  context: Pick<StepContext, 'derivedKeys'>,
): Promise<readonly [string, ...string[]]> {
  const [first, ...others] = await context.derivedKeys('fingerprint');
  const label = (key: Uint8Array) => {
    const mac = process.getBuiltinModule('node:crypto').createHmac('sha256', key);
    return `flows ${mac
      .update(`label ${oneTimePasswordDigest(seed)}`)
      .digest('base64url')
      .slice(0, 22)}`;
  };
  return [label(first), ...others.map(label)];
}
