import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, required, type InputOf } from '../language/forms.ts';
import { writeStep, type Change } from './contract.ts';
import { signInOf } from './procedures/complete-sign-in.ts';
import { enrol } from './procedures/one-time-password-enrolment.ts';
import { storedSeeds } from './procedures/stored-seeds.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';

const keys = {
  provider: required(connection('identity-providers', { needs: 'sign-in' }), 'the identity provider', {
    example: '${{ identity-providers.main }}',
  }),
  user: required(form.text(), "the user's id at the provider", { example: '${{ steps.user.id }}' }),
  username: required(form.text(), 'the user name to sign in with'),
  password: required(form.reference(), 'the password field', { example: '${{ steps.login.password }}' }),
  item: required(form.reference('item'), 'the item that gets the one-time password', {
    example: '${{ steps.login.item }}',
  }),
};

/**
 * A plan looks at the item alone: a sign-in would use up a code and leave its mark in the provider's log. A stored
 * one-time password is no proof that it is in force (a run may have ended before it was confirmed), so the step always
 * runs, and signs in: then it adopts, or enrols.
 */
export const idpEnrollTotp = writeStep({
  name: 'idp/enroll-totp',
  summary: "Enrols a one-time password by the provider's own pages, stored in the vault before it is in force.",
  effect: 'write',
  with: keys,
  output: {
    reference: { type: 'reference', description: 'the one-time password field' },
    'recovery-codes': {
      type: 'reference',
      description: 'the recovery codes, where the provider shows any',
      optional: true,
    },
  },
  scalar: 'reference',
  planWithout: ['user', 'password'],
  writes: ({ item }) => (item === undefined ? [] : [item.vault]),
  async plan(input, context) {
    const what = `one-time password of user ${input.username === undefined ? '' : `"${input.username}"`}`.trim();
    if (input.item === undefined) return { changes: [{ action: 'enrol', what, detail: 'known after run' }] };
    if (input.provider !== undefined) signInOf(input.provider);
    const item = await writableItems(context.vault).get(input.item);
    const { current } = await storedSeeds(item);
    const change: Change =
      current === undefined
        ? { action: 'enrol', what, detail: `stored in item "${item.title}" before it is confirmed` }
        : {
            action: 'adopt',
            what,
            detail: `item "${item.title}" holds one: a sign-in proves it, or another is enrolled`,
          };
    return { changes: [change] };
  },
  async run(input, context) {
    // the same lock as for making the user: one write at a time to one user
    const name = `user ${input.provider.address} ${input.username.toLowerCase()}`;
    return context.locked(name, async () => {
      const signIn = signInOf(input.provider);
      const items = writableItems(context.vault);
      await requireUser(input);
      const account = { username: input.username, password: await context.read(input.password) };
      const issuer = new URL(input.provider.address).hostname;
      const reference = await enrol({
        account,
        signIn,
        at: input.provider.address,
        items,
        item: input.item,
        issuer,
        context,
      });
      return { reference, recoveryCodes: undefined };
    });
  },
});

/** The user that signs in must be the one that the flow means. */
async function requireUser({ provider, user: id, username }: InputOf<typeof keys>): Promise<void> {
  const user = await provider.get(id);
  if (user === undefined) {
    throw new FlowError('not-found', `no user has the id "${id}" at ${provider.address}`, {
      hint: 'give the id that idp/create-user put out, not the user name',
    });
  }
  if (user.userName.toLowerCase() !== username.toLowerCase()) {
    throw new FlowError('conflict', `the user with the id "${id}" is "${user.userName}", not "${username}"`, {
      hint: 'user and username must name the same user',
    });
  }
  if (!user.active) {
    throw new FlowError('denied', `user "${username}" is disabled`, { hint: 'enable the user at the provider first' });
  }
}
