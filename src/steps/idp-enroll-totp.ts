import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, required, withDefault, type InputOf } from '../language/forms.ts';
import { writeStep, type Change, type StepContext } from './contract.ts';
import { requireUser, userLock } from './procedures/account-at-provider.ts';
import { signInThatBegins } from './procedures/begun-enrolment.ts';
import { changeOfItem } from './procedures/change-of-item.ts';
import { endQuietly, signInOf } from './procedures/complete-sign-in.ts';
import { importedField, importingFactors, importSeedOf } from './procedures/import-of-seed.ts';
import { enrol, provedField } from './procedures/one-time-password-enrolment.ts';
import { storedSeeds } from './procedures/stored-seeds.ts';
import type { IdentityProvider } from '../adapters/identity/contract.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Item } from '../adapters/vaults/contract.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';

const keys = {
  provider: required(
    connection('identity-providers', { needs: ['import-seed', 'begin-enrolment', 'sign-in'] }),
    'the identity provider',
    {
      example: '${{ identity-providers.main }}',
    },
  ),
  user: required(form.text(), "the user's id at the provider", { example: '${{ steps.user.id }}' }),
  username: required(form.text(), 'the user name to sign in with'),
  password: required(form.reference(), 'the password field', { example: '${{ steps.login.password }}' }),
  item: required(form.reference('item'), 'the item that gets the one-time password', {
    example: '${{ steps.login.item }}',
  }),
  renew: withDefault(
    form.boolean(),
    false,
    'another seed in place of the one in force, and of every other that the user has: the former one is kept until a sign-in has proved the new one',
  ),
};
type Input = InputOf<typeof keys>;

/** How a provider is given a one-time password, the best way first: our seed, its own by an API, its own by its pages. */
type Way = 'import' | 'begin' | 'pages';
const wayWords: Readonly<Record<Way, string>> = {
  import: "the seed is the vault's own, imported",
  begin: "the seed is the provider's, given by its API",
  pages: "the seed is the provider's, read from its pages",
};

/**
 * A stored one-time password is no proof that it is in force (a run may have ended before it was confirmed), so the step
 * signs in: then it adopts, or enrols, and tags the item. A plan uses up no code: it looks at the item, and where that
 * bears the tag it looks at the provider's list of factors, or gives it the password, to see that a code is asked for.
 * Then there is nothing to do.
 */
export const idpEnrollTotp = writeStep({
  name: 'idp/enroll-totp',
  summary:
    "Enrols a one-time password, stored in the vault before it is in force: the vault's own seed where the provider takes one, else the provider's, by its API or by its own pages.",
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
  check({ renew }, _, connected) {
    if (renew !== true) return [];
    // a seed of the provider's is given to who has none: the former one would have to go first
    const troubles = [
      connected.lacking('provider', ['import-seed']),
      connected.lacking('provider', ['sign-in', 'proof']),
    ];
    return troubles.flatMap((trouble) => (trouble === undefined ? [] : [{ key: 'renew', ...trouble }]));
  },
  async plan(input, context) {
    const what = `one-time password of user ${input.username === undefined ? '' : `"${input.username}"`}`.trim();
    if (input.item === undefined) return { changes: [{ action: 'enrol', what, detail: 'known after run' }] };
    const item = await writableItems(context.vault).get(input.item);
    if (input.renew === true) {
      const detail = `another one of the vault's own, in place of all that the user has; item "${item.title}" keeps the former one until a sign-in has proved it`;
      return { changes: [changeOfItem(item, { action: 'update', what, detail })] };
    }
    const field = await inForce(input, item, context);
    if (field !== undefined) {
      const detail = 'a sign-in has proved it, and the provider asks for it';
      return { changes: [{ action: 'none', what, detail }], output: { reference: field, recoveryCodes: undefined } };
    }
    const { current } = await storedSeeds(item);
    const way = input.provider && wayOf(input.provider);
    const how = way === undefined ? '' : `${wayWords[way]}; `;
    const change: Change =
      current === undefined
        ? { action: 'enrol', what, detail: `${how}stored in item "${item.title}" before it is in force` }
        : {
            action: 'adopt',
            what,
            detail: `${how}item "${item.title}" holds one: ${way === 'import' ? 'put in force where it is not, and a sign-in proves it' : 'a sign-in proves it, or another is enrolled'}`,
          };
    return { changes: [changeOfItem(item, change)] };
  },
  async run(input, context) {
    return context.locked(userLock(input.provider, input.username), async () => {
      const { provider, username, item, user, renew } = input;
      await requireUser(provider, user, username);
      const work = {
        account: { username, password: await context.read(input.password) },
        at: provider.address,
        items: writableItems(context.vault),
        item,
        issuer: new URL(provider.address).hostname,
        context,
      };
      const factors = importingFactors(provider);
      const signIn = provider.signIn ?? provider.proof;
      const begin = provider.factors?.begin;
      if (renew && (factors === undefined || signIn === undefined)) {
        throw new FlowError('refused', 'the identity provider cannot put another one-time password in place of one', {
          place: { subject: provider.address },
        });
      }
      const reference =
        factors !== undefined
          ? await importSeedOf({ ...work, signIn, provider, factors, user, renew })
          : begin !== undefined
            ? await enrol({ ...work, signIn: signInThatBegins(provider, begin, user), proves: signIn !== undefined })
            : await enrol({ ...work, signIn: signInOf(provider) });
      return { reference, recoveryCodes: undefined };
    });
  },
});

function wayOf(provider: IdentityProvider): Way {
  if (importingFactors(provider) !== undefined) return 'import';
  return provider.factors?.begin === undefined ? 'pages' : 'begin';
}

/** The field of the one-time password, where the step has nothing left to do. */
async function inForce(
  { provider, user, username, password }: Partial<Input>,
  item: Item,
  context: StepContext,
): Promise<Reference | undefined> {
  if (provider === undefined || user === undefined || username === undefined || password === undefined)
    return undefined;
  const field = await provedField({ at: provider.address, username }, item, context);
  const factors = importingFactors(provider);
  // where nothing signs in, nothing ever proves it
  const proves = (provider.signIn ?? provider.proof) !== undefined;
  if (factors !== undefined)
    return proves && field === undefined ? undefined : importedField({ factors, user, context }, item);
  if (field === undefined) return undefined;
  if (!proves) return ((await provider.factors?.list(user)) ?? []).length > 0 ? field : undefined;
  const page = await signInOf(provider).begin({ username, password: await context.read(password) });
  if (page.at === 'signed-in') await endQuietly(page, context);
  return page.at === 'one-time-code' ? field : undefined;
}
