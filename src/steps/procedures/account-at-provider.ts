import type { IdentityProvider, User } from '../../adapters/identity/contract.ts';
import { FlowError } from '../../foundation/errors.ts';

/** One write at a time to one user: the name of the lock, by which two flows that mean the same one wait for each other. */
export function userLock(provider: IdentityProvider, username: string): string {
  return `user ${provider.address} ${username.toLowerCase()}`;
}

/** @throws FlowError not-found */
export async function userOf(provider: IdentityProvider, id: string): Promise<User> {
  const user = await provider.get(id);
  if (user !== undefined) return user;
  throw new FlowError('not-found', `no user has the id "${id}" at ${provider.address}`, {
    hint: 'give the id that idp/create-user put out, not the user name',
  });
}

/** The user that signs in must be the one that the flow means. @throws FlowError not-found, conflict, denied */
export async function requireUser(provider: IdentityProvider, id: string, username: string): Promise<void> {
  const user = await userOf(provider, id);
  if (user.userName.toLowerCase() !== username.toLowerCase()) {
    throw new FlowError('conflict', `the user with the id "${id}" is "${user.userName}", not "${username}"`, {
      hint: 'user and username must name the same user',
    });
  }
  if (!user.active) {
    throw new FlowError('denied', `user "${username}" is disabled`, { hint: 'enable the user at the provider first' });
  }
}

/**
 * A locked user is refused whatever is given, and each try makes it longer.
 * @throws FlowError denied, with what is left of the lock as `retryAfter`
 */
export async function requireUnlocked(
  provider: IdentityProvider,
  { id, username }: { readonly id: string; readonly username: string },
  now: () => number,
): Promise<void> {
  const until = await provider.factors?.lockedUntil?.(id);
  if (until === undefined) return;
  const left = Math.max(1, Math.ceil((until - now()) / 1000));
  const forHowLong = Number.isFinite(left) ? ` for ${left} s` : '';
  throw new FlowError('denied', `user "${username}" is locked at the identity provider${forHowLong}`, {
    hint: 'failures have locked it: wait, or clear the lock at the provider, then run again; nothing was tried',
    ...(Number.isFinite(left) ? { retryAfter: left } : {}),
  });
}
