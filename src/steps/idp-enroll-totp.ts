import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, required, type InputOf } from '../language/forms.ts';
import { writeStep, type Change, type StepContext } from './contract.ts';
import { changeOfItem } from './procedures/change-of-item.ts';
import { endQuietly, signInOf } from './procedures/complete-sign-in.ts';
import { enrol, provedField } from './procedures/one-time-password-enrolment.ts';
import { storedSeeds } from './procedures/stored-seeds.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Item } from '../adapters/vaults/contract.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';

const keys = {
  provider: required(connection('identity-providers', { needs: ['sign-in'] }), 'the identity provider', {
    example: '${{ identity-providers.main }}',
  }),
  user: required(form.text(), "the user's id at the provider", { example: '${{ steps.user.id }}' }),
  username: required(form.text(), 'the user name to sign in with'),
  password: required(form.reference(), 'the password field', { example: '${{ steps.login.password }}' }),
  item: required(form.reference('item'), 'the item that gets the one-time password', {
    example: '${{ steps.login.item }}',
  }),
};
type Input = InputOf<typeof keys>;

/**
 * A stored one-time password is no proof that it is in force (a run may have ended before it was confirmed), so the step
 * signs in: then it adopts, or enrols, and tags the item. A plan uses up no code: it looks at the item, and where that
 * bears the tag it gives the provider the password, to see that a code is asked for. Then there is nothing to do.
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
  needs: ['ownership-key'],
  planWithout: ['user', 'password'],
  writes: ({ item }) => (item === undefined ? [] : [item.vault]),
  async plan(input, context) {
    const what = `one-time password of user ${input.username === undefined ? '' : `"${input.username}"`}`.trim();
    if (input.item === undefined) return { changes: [{ action: 'enrol', what, detail: 'known after run' }] };
    if (input.provider !== undefined) signInOf(input.provider);
    const item = await writableItems(context.vault).get(input.item);
    const field = await inForce(input, item, context);
    if (field !== undefined) {
      const detail = 'a sign-in has proved it, and the provider asks for a code';
      return { changes: [{ action: 'none', what, detail }], output: { reference: field, recoveryCodes: undefined } };
    }
    const { current } = await storedSeeds(item);
    const change: Change =
      current === undefined
        ? { action: 'enrol', what, detail: `stored in item "${item.title}" before it is confirmed` }
        : {
            action: 'adopt',
            what,
            detail: `item "${item.title}" holds one: a sign-in proves it, or another is enrolled`,
          };
    return { changes: [changeOfItem(item, change)] };
  },
  async run(input, context) {
    // the same lock as for making the user: one write at a time to one user
    const name = `user ${input.provider.address} ${input.username.toLowerCase()}`;
    return context.locked(name, async () => {
      const { provider, username, item } = input;
      const signIn = signInOf(provider);
      await requireUser(input);
      const reference = await enrol({
        account: { username, password: await context.read(input.password) },
        signIn,
        at: provider.address,
        items: writableItems(context.vault),
        item,
        issuer: new URL(provider.address).hostname,
        context,
      });
      return { reference, recoveryCodes: undefined };
    });
  },
});

/** The field of the one-time password, where the step has nothing left to do. */
async function inForce(
  { provider, user, username, password }: Partial<Input>,
  item: Item,
  context: StepContext,
): Promise<Reference | undefined> {
  if (provider === undefined || user === undefined || username === undefined || password === undefined)
    return undefined;
  const field = await provedField({ at: provider.address, username }, item, context);
  if (field === undefined) return undefined;
  const page = await signInOf(provider).begin({ username, password: await context.read(password) });
  if (page.at === 'signed-in') await endQuietly(page, context);
  return page.at === 'one-time-code' ? field : undefined;
}

/** The user that signs in must be the one that the flow means. */
async function requireUser({ provider, user: id, username }: Input): Promise<void> {
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
