import { connection } from '../adapters/connection-forms.ts';
import { form, required } from '../language/forms.ts';
import { pureStep } from './contract.ts';
import { completeSignIn, endQuietly, signInOf } from './procedures/complete-sign-in.ts';
import { takeProof } from './procedures/sign-in-proofs.ts';
import { readOneTimePassword } from '../foundation/totp.ts';

export const idpSignIn = pureStep({
  name: 'idp/sign-in',
  summary: 'Proves that an account really signs in, with password and one-time code, and signs it out again.',
  effect: 'none',
  with: {
    provider: required(connection('identity-providers', { needs: ['sign-in', 'proof'] }), 'the identity provider', {
      example: '${{ identity-providers.main }}',
    }),
    username: required(form.text(), 'the user name'),
    password: required(form.reference(), 'the password field', { example: 'op://Accounts/Break Glass/password' }),
    'one-time-password': required(form.reference('one-time-password'), 'the one-time password field', {
      example: 'op://Accounts/Break Glass/one-time password',
    }),
  },
  output: { at: { type: 'text', description: 'when it succeeded, ISO 8601' } },
  scalar: 'at',
  users: ({ username, password, 'one-time-password': oneTimePassword }) =>
    username === undefined || password === undefined ? [] : [{ username, password, oneTimePassword }],
  async run(input, context) {
    const signIn = signInOf(input.provider);
    const [password, seed] = await Promise.all([
      context.read(input.password),
      readOneTimePassword(input['one-time-password'], (reference) => context.read(reference)),
    ]);
    const account = { username: input.username, password };
    const proved = takeProof({ at: input.provider.address, account, seed }, context);
    if (proved !== undefined) return { at: new Date(proved).toISOString() };
    const session = await completeSignIn(signIn, account, seed, context);
    const at = new Date(context.now()).toISOString();
    await endQuietly(session, context);
    return { at };
  },
});
