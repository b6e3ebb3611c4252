import { interactionPolicy, type Account } from 'oidc-provider';
import type { Users } from './users.ts';

/** When a sign-in is asked for: as OpenID Connect has it, and where the session's user is gone; consent never. */
export function signInPolicy(users: Users): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  policy.remove('consent'); // every client belongs to the laptop
  const gone = new interactionPolicy.Check(
    'account_gone',
    'the account is deleted or disabled',
    'login_required',
    ({ oidc }) => oidc.session?.accountId !== undefined && users.get(oidc.session.accountId)?.active !== true,
  );
  policy.get('login')?.checks.add(gone);
  return policy;
}

/** An account that may be signed in; a disabled user is none, at once. */
export function account(users: Users, id: string): Account | undefined {
  const user = users.get(id);
  if (user === undefined || !user.active) return undefined;
  const name = [user.givenName, user.familyName].filter((part) => part !== undefined).join(' ');
  return {
    accountId: user.id,
    claims: () => ({
      sub: user.id,
      preferred_username: user.userName,
      ...(user.email === undefined ? {} : { email: user.email, email_verified: true }),
      ...(name === '' ? {} : { name }),
      given_name: user.givenName,
      family_name: user.familyName,
    }),
  };
}
