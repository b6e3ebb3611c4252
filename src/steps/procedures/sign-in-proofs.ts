import { systemClock } from '../../foundation/clocks.ts';
import { oneTimePasswordDigest, type OneTimePassword } from '../../foundation/totp.ts';
import type { StepContext } from '../contract.ts';
import type { SignIn } from '../../adapters/identity/contract.ts';
import { type Account, completeSignIn, endQuietly } from './complete-sign-in.ts';

/** A complete sign-in: at which provider, with what. */
export interface Proof {
  /** the provider's address */
  readonly at: string;
  readonly account: Account;
  readonly seed: OneTimePassword;
}

/** milliseconds after which a sign-in no longer speaks for the account */
const lasting = 60_000;
const remembered = 100;

/** When the sign-in was, by flow, account, and what it was proved with: by the wall clock, and by one that nobody sets. */
const proofs = new Map<string, { readonly at: number; readonly since: number }>();

/**
 * An enrolment ends with a complete sign-in. The step after it that proves the account in the same flow would wait for
 * the next time step to do the very same again, so it is given this one: once, and for a minute.
 */
export function leaveProof(proof: Proof, context: StepContext): void {
  const key = keyOf(proof, context);
  proofs.delete(key);
  proofs.set(key, { at: context.now(), since: systemClock.monotonic() });
  for (const oldest of proofs.keys()) {
    if (proofs.size <= remembered) return;
    proofs.delete(oldest);
  }
}

/** Proves an account by a complete sign-in, which is ended again. @throws FlowError denied where it is refused */
export async function proveBySignIn(signIn: SignIn, proof: Proof, context: StepContext): Promise<void> {
  const session = await completeSignIn(signIn, proof.account, proof.seed, context);
  leaveProof(proof, context);
  await endQuietly(session, context);
}

/** When the same was proved just now, epoch milliseconds; undefined: it is to be proved. */
export function takeProof(proof: Proof, context: StepContext): number | undefined {
  const key = keyOf(proof, context);
  const left = proofs.get(key);
  proofs.delete(key);
  if (left === undefined) return undefined;
  // the one may have been set back, the other stands still while the machine sleeps
  const ages = [context.now() - left.at, systemClock.monotonic() - left.since];
  return ages.every((age) => age >= 0 && age <= lasting) ? left.at : undefined;
}

/**
 * What an item bears once a sign-in has proved its one-time password: a mark under the environment's key, which nobody
 * else can make, and which another seed, user or provider does not fit. Of the new key first.
 */
export async function proofTags(
  { at, username, seed }: { readonly at: string; readonly username: string; readonly seed: OneTimePassword },
  context: StepContext,
): Promise<readonly [string, ...string[]]> {
  const of = { provider: at, username: username.toLowerCase(), seed: oneTimePasswordDigest(seed) };
  const [first, ...others] = await context.ownershipMarks(of);
  const tag = (mark: string) => `flows-proved:${mark.slice(-43)}`;
  return [tag(first), ...others.map(tag)];
}

/** The password is in it as a digest: another one is another account to prove. */
function keyOf({ at, account, seed }: Proof, { flow, environment }: StepContext): string {
  const username = account.username.toLowerCase();
  return JSON.stringify([environment, flow, at, username, account.password.hash(), oneTimePasswordDigest(seed)]);
}
