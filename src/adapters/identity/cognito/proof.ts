import type { Secret } from '../../../foundation/secret.ts';
import type { SignIn, SignInPage, User } from '../contract.ts';
import type { PoolSignIn, Stage } from './sign-in.ts';

/**
 * Signs in with password and code. Whether a code is asked for is a matter of the pool and the user: where it is not,
 * everybody is in who has the password, and `begin` says so.
 */
export function createProof(signIn: PoolSignIn, find: (userName: string) => Promise<User | undefined>): SignIn {
  async function page(user: string, stage: Stage): Promise<SignInPage> {
    switch (stage.is) {
      case 'complete':
        return { at: 'signed-in', subject: user, end: () => signIn.end(stage.tokens) };
      case 'code':
        return { at: 'one-time-code', submit: submitting(user, stage.session) };
      case 'setup':
        return enrolment(user, stage);
      case 'rejected':
        return { at: 'rejected', what: stage.what };
    }
  }

  function submitting(user: string, session: string) {
    return async function submit(code: Secret): Promise<SignInPage> {
      const stage = await signIn.submit(user, session, code);
      const takesAnother = stage.is === 'rejected' && !stage.final;
      return takesAnother ? { at: 'rejected', what: stage.what, again: submit } : page(user, stage);
    };
  }

  async function enrolment(user: string, stage: Extract<Stage, { is: 'setup' }>): Promise<SignInPage> {
    const { seed, confirm } = await signIn.enrolment(user, stage);
    const give = async (code: Secret): Promise<SignInPage> =>
      (await confirm(code))
        ? { at: 'signed-in', subject: user, end: () => Promise.resolve() }
        : { at: 'rejected', what: 'one-time-code', again: give };
    return { at: 'enrolment', seed, confirm: give };
  }

  return {
    async begin({ username, password }) {
      const user = await find(username);
      if (user?.active !== true) return { at: 'rejected', what: 'account' };
      return page(user.id, await signIn.begin(user.id, password));
    },
  };
}
