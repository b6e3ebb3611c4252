import type { StepContext } from '../contract.ts';
import { waitUntil } from './wait-until.ts';
import type { Secret } from '../../foundation/secret.ts';
import {
  codeAt,
  millisecondsLeft,
  oneTimePasswordDigest,
  timeStepAt,
  type OneTimePassword,
} from '../../foundation/totp.ts';

/** A code must still be valid when it arrives. Milliseconds. */
const travel = 2_000;

/**
 * The last time step that this process used, by digest of the seed. Providers accept a code once per time step
 * (RFC 6238, section 5.2), so a second use would look like a wrong seed.
 */
const used = new Map<string, number>();
const remembered = 1_000;
/** Sign-ins side by side that may wait for a step each. */
const queue = 20;

/** A code that nothing in this process has used, of a time step later than any that was; waits for it where it must. */
export async function freshCode(password: OneTimePassword, context: StepContext): Promise<Secret> {
  const now = context.now();
  const step = timeStepAt(password, now);
  const soonest = millisecondsLeft(password, now) < travel ? step + 1 : step;
  const last = lastUsed(password);
  // a use far in the future is a clock that was set back since: nothing to wait for
  const chosen = last === undefined || last > step + queue ? soonest : Math.max(soonest, last + 1);
  // taken before the wait, so that sign-ins side by side get a step each
  remember(password, chosen);
  const starts = chosen * password.period * 1000;
  if (starts > now) {
    await waitUntil(context, starts, 'waiting for a fresh one-time code: a provider takes each one once');
    // the machine slept, and that step is over; or its clock was set back, and that step is far
    if (timeStepAt(password, context.now()) !== chosen) return freshCode(password, context);
  }
  return codeAt(password, starts);
}

/**
 * The code of the time step before this one, where nothing has used it. Providers accept it for the network's delay
 * (RFC 6238, section 5.2), and it leaves the code of the moment for the next sign-in, which saves a wait.
 */
export async function formerCode(password: OneTimePassword, context: StepContext): Promise<Secret | undefined> {
  const step = timeStepAt(password, context.now()) - 1;
  const last = lastUsed(password);
  if (step < 0 || (last !== undefined && last >= step)) return undefined;
  remember(password, step);
  return codeAt(password, step * password.period * 1000);
}

function lastUsed(password: OneTimePassword): number | undefined {
  return used.get(oneTimePasswordDigest(password));
}

function remember(password: OneTimePassword, step: number): void {
  const digest = oneTimePasswordDigest(password);
  used.delete(digest);
  used.set(digest, step);
  for (const oldest of used.keys()) {
    if (used.size <= remembered) return;
    used.delete(oldest);
  }
}
