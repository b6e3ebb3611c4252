import type { Factors, IdentityProvider, SignIn, SignInPage } from '../../adapters/identity/contract.ts';
import { FlowError } from '../../foundation/errors.ts';

/**
 * A sign-in of a provider that gives its seed by an API: whoever has no factor yet meets an enrolment at once, whoever has one
 * is asked for its code by the provider's own sign-in.
 */
export function signInThatBegins(
  { factors, signIn, proof }: IdentityProvider,
  begin: NonNullable<Factors['begin']>,
  user: string,
): SignIn {
  const own = signIn ?? proof;
  const enrolmentPage = async (credentials: Parameters<SignIn['begin']>[0]): Promise<SignInPage> => {
    const { seed, confirm } = await begin(user, credentials);
    const give = async (code: Parameters<typeof confirm>[0]): Promise<SignInPage> =>
      (await confirm(code))
        ? { at: 'signed-in', subject: user, end: () => Promise.resolve() }
        : { at: 'rejected', what: 'one-time-code', again: give };
    return { at: 'enrolment', seed, confirm: give };
  };
  return {
    async begin(credentials) {
      const has = (await factors?.list(user)) ?? [];
      if (has.length === 0) return enrolmentPage(credentials);
      if (own !== undefined) return own.begin(credentials);
      throw new FlowError('conflict', `user "${credentials.username}" has a one-time password already`, {
        hint: 'nothing can prove whether it is the one in the vault: remove it at the provider, and run again',
      });
    },
  };
}
