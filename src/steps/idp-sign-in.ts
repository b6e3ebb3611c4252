import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, required } from '../language/forms.ts';
import { pureStep, type StepContext } from './contract.ts';
import { completeSignIn, endQuietly, signInOf, whyRefused } from './procedures/complete-sign-in.ts';
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
  output: {
    at: { type: 'text', description: 'when it succeeded, ISO 8601' },
    'password-version': {
      type: 'text',
      description:
        'tells the password that was proven from any other: an HMAC under a key of the environment, where it has a `key:`',
      optional: true,
    },
    'seed-version': { type: 'text', description: 'the same of the one-time password', optional: true },
  },
  scalar: 'at',
  users: ({ username, password, 'one-time-password': oneTimePassword }) =>
    username === undefined || password === undefined ? [] : [{ username, password, oneTimePassword }],
  async run(input, context) {
    const signIn = signInOf(input.provider);
    const { username, password: reference, 'one-time-password': oneTimePassword } = input;
    const [password, seed, key] = await Promise.all([
      context.read(reference),
      readOneTimePassword(oneTimePassword, (each) => context.read(each)),
      versionKey(context),
    ]);
    const { versionOf } = await import('../foundation/drill-evidence.ts');
    const versions = {
      passwordVersion: key && versionOf(key, reference.toString(), password),
      seedVersion: key && versionOf(key, oneTimePassword.toString(), seed.secret),
    };
    const account = { username, password };
    const proved = takeProof({ at: input.provider.address, account, seed }, context);
    if (proved !== undefined) return { at: new Date(proved).toISOString(), ...versions };
    const session = await completeSignIn(signIn, account, seed, context).catch(async (error: unknown) => {
      throw await whyRefused(error, input.provider, username);
    });
    const at = new Date(context.now()).toISOString();
    await endQuietly(session, context);
    return { at, ...versions };
  },
});

/** Where the environment has no key an account is proven all the same. */
async function versionKey({ derivedKeys }: StepContext): Promise<Uint8Array | undefined> {
  try {
    return (await derivedKeys('drill-version'))[0];
  } catch (error) {
    if (error instanceof FlowError && error.code === 'invalid') return undefined;
    throw error;
  }
}
