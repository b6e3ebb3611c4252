import { connection } from '../adapters/connection-forms.ts';
import { placeOf, rotatedField } from '../adapters/vaults/rotated-field.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, optional, required, type InputOf } from '../language/forms.ts';
import { readOneTimePassword } from '../foundation/totp.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import { writeStep, type StepContext } from './contract.ts';
import { requireUnlocked, requireUser, userLock } from './procedures/account-at-provider.ts';
import { proveBySignIn } from './procedures/sign-in-proofs.ts';

const keys = {
  provider: required(connection('identity-providers', { needs: ['set-password'] }), 'the identity provider', {
    example: '${{ identity-providers.main }}',
  }),
  user: required(form.text(), "the user's id at the provider", { example: '${{ steps.user.id }}' }),
  username: required(form.text(), 'the user name'),
  password: required(
    form.reference(),
    'the field with the new password; the former one stays in a field of its own until this one is proved',
    { example: 'op://Accounts/Break Glass/password (next)' },
  ),
  'one-time-password': optional(
    form.reference('one-time-password'),
    'the one-time password field: with it, a sign-in proves the new password',
    { example: 'op://Accounts/Break Glass/one-time password' },
  ),
};
type Input = InputOf<typeof keys>;

/**
 * A password that rotates (`vault/stage-secret`) is promoted once it is proved here: the field itself, with the former
 * value still beside it, is in force, and nothing is done. Setting a password is safe to repeat where the provider keeps no
 * history; where it does, it refuses the one that is in force, and a sign-in tells whether it is. So a run that was
 * stopped anywhere is completed by the next.
 */
export const idpSetPassword = writeStep({
  name: 'idp/set-password',
  summary: "Sets a user's password to one from the vault, and proves it by a sign-in.",
  effect: 'write',
  with: keys,
  output: {
    at: {
      type: 'text',
      description: 'when a sign-in proved it, ISO 8601; nothing where none could, or where it was promoted already',
      optional: true,
    },
  },
  scalar: 'at',
  planWithout: ['password'],
  check(_, given, connected) {
    const trouble = given.has('one-time-password') ? connected.lacking('provider', ['sign-in', 'proof']) : undefined;
    return trouble === undefined ? [] : [{ key: 'one-time-password', ...trouble }];
  },
  async plan({ provider, user, username, password, 'one-time-password': seed }, context) {
    if (provider === undefined || user === undefined || username === undefined) {
      return { changes: [{ action: 'update', what: 'the password of a user', detail: 'known after run' }] };
    }
    await requireUser(provider, user, username);
    const what = `the password of user "${username}" at ${provider.address}`;
    if (password !== undefined && (await isPromoted(password, context))) {
      return { changes: [{ action: 'none', what, detail: 'was proved and promoted' }], output: { at: undefined } };
    }
    // a try would count as a failure where it is not in force yet
    const detail = seed === undefined ? 'nothing proves it' : 'a sign-in proves it';
    return { changes: [{ action: 'update', what, detail }] };
  },
  async run(input, context) {
    return context.locked(userLock(input.provider, input.username), async () => {
      const { provider, user, username } = input;
      await requireUser(provider, user, username);
      if (await isPromoted(input.password, context)) return { at: undefined };
      const password = await context.read(input.password);
      if (provider.setPassword === undefined) {
        throw new FlowError('refused', 'the identity provider cannot set passwords', {
          place: { subject: provider.address },
        });
      }
      context.progress(`setting the password of user "${username}"`);
      try {
        await provider.setPassword(user, password);
      } catch (error) {
        // refused by a history of passwords, perhaps since a run before this one has set it
        const refused = error instanceof FlowError && error.code === 'invalid-value';
        if (!refused || input['one-time-password'] === undefined) throw withReference(error, input);
        const at = await prove(input, password, context).catch(() => undefined);
        if (at === undefined) throw withReference(error, input);
        return { at };
      }
      return { at: await prove(input, password, context) };
    });
  },
});

async function isPromoted(password: Reference, context: StepContext): Promise<boolean> {
  if (context.vault.items === undefined || placeOf(password) !== 'current') return false;
  return (await rotatedField(password, context)).previous !== undefined;
}

async function prove(input: Input, password: Secret, context: StepContext): Promise<string | undefined> {
  const { provider, user: id, username, 'one-time-password': reference } = input;
  const signIn = provider.signIn ?? provider.proof;
  if (reference === undefined || signIn === undefined) return undefined;
  const seed = await readOneTimePassword(reference, (each) => context.read(each));
  await requireUnlocked(provider, { id, username }, context.now);
  const account = { username, password };
  await proveBySignIn(signIn, { at: provider.address, account, seed }, context);
  return new Date(context.now()).toISOString();
}

/** The provider's words, and which field they are about. */
function withReference(error: unknown, { password }: Input): unknown {
  if (!(error instanceof FlowError) || error.code !== 'invalid-value') return error;
  return new FlowError('invalid-value', error.message, {
    hint: "fit it to the provider's rules; the former password is still in force",
    place: { subject: password.toString() },
    cause: error,
  });
}
