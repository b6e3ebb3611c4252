import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, optional, required, type InputOf } from '../language/forms.ts';
import { writeStep, type Change, type StepContext } from './contract.ts';
import type { IdentityProvider, LabelledSeed, User } from '../adapters/identity/contract.ts';
import { readOneTimePassword } from '../foundation/totp.ts';
import { userLock } from './procedures/account-at-provider.ts';
import { importingFactors } from './procedures/import-of-seed.ts';
import { labelsOf } from './procedures/seed-label.ts';
import { waitUntil } from './procedures/wait-until.ts';
import type { Reference } from '../foundation/reference.ts';

const keys = {
  provider: required(connection('identity-providers'), 'the identity provider', {
    example: '${{ identity-providers.main }}',
  }),
  username: required(form.text(), 'the user name, by which the user is found again'),
  email: required(form.text(), 'the mail address'),
  'given-name': required(form.text(), 'the given name'),
  'family-name': required(form.text(), 'the family name'),
  password: required(form.reference(), 'the password field', { example: '${{ steps.login.password }}' }),
  'one-time-password': optional(
    form.reference('one-time-password'),
    'the one-time password field, which the user is born with: in the same request, where the provider can',
    { example: '${{ steps.seed.reference }}' },
  ),
};
type Input = InputOf<typeof keys>;

const birthWords: Readonly<Record<IdentityProvider['traits']['birth'], string>> = {
  'with-seed': 'with its one-time password, in one request',
  'password-alone': 'its one-time password follows in a request of its own',
};
/** milliseconds between two looks */
const lookAgain = 2_000;

/** Whose a user is: nobody's yet, made by this step, or somebody else's. */
type Standing =
  | { readonly is: 'free' }
  | { readonly is: 'ours'; readonly user: User }
  | { readonly is: 'taken'; readonly why: string };

export const idpCreateUser = writeStep({
  name: 'idp/create-user',
  summary:
    'Makes a user at the identity provider, once, with a password and perhaps a one-time password from the vault; idp/sign-in proves that they are in force.',
  effect: 'write',
  with: keys,
  output: { id: { type: 'text', description: "the user's id at the provider" } },
  scalar: 'id',
  needs: ['ownership-key'],
  planWithout: ['email', 'given-name', 'family-name', 'password'],
  // an item whose password was refused is archived
  writes: ({ password }) => (password === undefined ? [] : [password.vault]),
  check(_, given, connected) {
    const trouble = given.has('one-time-password') ? connected.lacking('provider', ['import-seed']) : undefined;
    if (trouble === undefined) return [];
    const hint = 'leave one-time-password out, and give the user one with idp/enroll-totp';
    return [{ key: 'one-time-password', problem: trouble.problem, hint }];
  },
  async plan(input, context) {
    const { provider, username } = input;
    if (provider === undefined || username === undefined) {
      return { changes: [{ action: 'create', what: 'a user', detail: 'known after run' }] };
    }
    const what = `user "${username}" at ${provider.address}`;
    const standing = await look(provider, username, await marksOf(username, context));
    const seed = input['one-time-password'];
    const how = seed === undefined ? {} : { detail: birthWords[provider.traits.birth] };
    const change: Record<Standing['is'], Change> = {
      free: { action: 'create', what, ...how },
      ours: { action: 'none', what, detail: 'made by this step; its names and address stay as they are' },
      taken: { action: 'conflict', what, ...(standing.is === 'taken' ? { detail: standing.why } : {}) },
    };
    const stopped = 'the user has it not yet: a run was stopped, or the flow has changed';
    if (standing.is === 'ours' && standing.user.unfinished === true) {
      return { changes: [change.ours, { action: 'update', what: `password of user "${username}"`, detail: stopped }] };
    }
    if (standing.is === 'ours' && seed !== undefined && !(await hasSeed(provider, standing.user, seed, context))) {
      const enrol: Change = { action: 'enrol', what: `one-time password of user "${username}"`, detail: stopped };
      return { changes: [change.ours, enrol] };
    }
    return {
      changes: [change[standing.is]],
      ...(standing.is === 'ours' ? { output: { id: standing.user.id } } : {}),
    };
  },
  async run(input, context) {
    return context.locked(userLock(input.provider, input.username), () => lookOrCreate(input, context));
  },
});

async function lookOrCreate(input: Input, context: StepContext): Promise<{ id: string }> {
  const marks = await marksOf(input.username, context);
  const before = await look(input.provider, input.username, marks);
  if (before.is === 'taken') throw conflict(input.username, before.why);
  if (before.is === 'ours') return finished(before.user, input, context);
  const [password, seed] = await Promise.all([context.read(input.password), seedOf(input, context)]);
  context.progress(`making user "${input.username}"`);
  try {
    const made = await input.provider.create({
      userName: input.username,
      email: input.email,
      givenName: input['given-name'],
      familyName: input['family-name'],
      password,
      mark: marks[0],
      ...(input.provider.traits.birth === 'with-seed' ? { oneTimePassword: seed } : {}),
    });
    await warnWhereForgotten(made.id, marks, input, context);
    return input.provider.traits.birth === 'with-seed' ? { id: made.id } : await withSeed(made.id, input, context);
  } catch (error) {
    return afterFailure(error, input, marks, context);
  }
}

/**
 * Some providers echo the mark and do not keep it (Keycloak, until its realm lets attributes be kept): said at once,
 * since the next run would take the user for somebody else's.
 */
async function warnWhereForgotten(
  id: string,
  marks: readonly string[],
  { provider, username }: Input,
  context: StepContext,
): Promise<void> {
  // the user is made: a look that fails is no failure
  const user = await provider.get(id).catch(() => undefined);
  if (user === undefined || (user.mark !== undefined && marks.includes(user.mark))) return;
  context.warn(
    `${provider.address} does not keep the mark of user "${username}" (${provider.traits.mark}): a further run cannot tell that the user is ours`,
  );
}

/** A failed create may have made the user all the same: the answer was lost, or a run beside this one was faster. */
async function afterFailure(
  error: unknown,
  input: Input,
  marks: readonly string[],
  context: StepContext,
): Promise<{ id: string }> {
  if (!(error instanceof FlowError) || ['denied', 'rate-limited', 'refused'].includes(error.code)) throw error;
  const after = await lookUntilSure(input, marks, context);
  if (after.is === 'ours') return finished(after.user, input, context);
  if (after.is === 'taken') throw conflict(input.username, after.why);
  if (error.code === 'conflict') throw conflict(input.username, 'its name or address is taken by another user');
  throw await told(error, input, context);
}

async function told(error: unknown, input: Input, context: StepContext): Promise<unknown> {
  const aboutPassword = error instanceof FlowError && error.place.subject === 'password';
  return aboutPassword && error.code === 'invalid-value' ? passwordRefused(error, input, context) : error;
}

/**
 * No user has this password, so its item is of no use: it is archived, and the next run makes another by the recipe.
 * Only an item that a step of ours made for this very user name is touched.
 */
async function passwordRefused(error: FlowError, input: Input, context: StepContext): Promise<FlowError> {
  const archived = await archiveItem(input.password.itemReference, input.username, context);
  return new FlowError('invalid-value', error.message, {
    hint: archived
      ? "its item is archived: fit the password recipe to the provider's rules and run again, which makes a new one"
      : "give it a password that fits the provider's rules",
    place: { subject: input.password.toString() },
    cause: error,
  });
}

async function archiveItem(reference: Reference, username: string, context: StepContext): Promise<boolean> {
  const items = context.vault.items;
  if (items === undefined) return false;
  const item = await items.get(reference);
  // every mark begins alike; the rest is the making step's own, which only that step can verify
  const prefix = (await context.ownershipMarks({}))[0].slice(0, -43);
  const marked = item.tags.some((tag) => tag.startsWith(prefix) && tag.length === prefix.length + 43);
  const named = item.fields.some((field) => field.type === 'text' && field.value.reveal() === username);
  if (!marked || !named) return false;
  await items.archive(item);
  return true;
}

async function look(provider: IdentityProvider, username: string, marks: readonly string[]): Promise<Standing> {
  const user = await provider.find(username);
  if (user === undefined) return { is: 'free' };
  if (user.mark === undefined || !marks.includes(user.mark)) {
    return { is: 'taken', why: 'exists, and was not made by this step' };
  }
  if (!user.active) return { is: 'taken', why: 'was made by this step, and is disabled' };
  return { is: 'ours', user };
}

/** A provider whose look-ups lag may not show yet what it has made: it is asked until it surely would. */
async function lookUntilSure(
  { provider, username }: Input,
  marks: readonly string[],
  context: StepContext,
): Promise<Standing> {
  const until = context.now() + provider.traits.lookUpLag * 1000;
  for (;;) {
    const standing = await look(provider, username, marks);
    if (standing.is !== 'free' || context.now() >= until) return standing;
    const next = Math.min(until, context.now() + lookAgain);
    await waitUntil(context, next, 'waiting until the provider shows whether it has made the user');
  }
}

async function seedOf(
  { 'one-time-password': reference }: Input,
  context: StepContext,
): Promise<LabelledSeed | undefined> {
  if (reference === undefined) return undefined;
  const seed = await readOneTimePassword(reference, (each) => context.read(each));
  const [label] = await labelsOf(seed, context);
  return { seed, label };
}

/** What a user of ours lacks yet, since who made it was stopped, or its answer lost. */
async function finished(user: User, input: Input, context: StepContext): Promise<{ id: string }> {
  if (user.unfinished === true) {
    try {
      await input.provider.setPassword?.(user.id, await context.read(input.password));
    } catch (error) {
      throw await told(error, input, context);
    }
  }
  return withSeed(user.id, input, context);
}

/** A user of ours gets the seed that it was to be born with, if it has it not. */
async function withSeed(id: string, input: Input, context: StepContext): Promise<{ id: string }> {
  const seed = await seedOf(input, context);
  const factors = importingFactors(input.provider);
  if (seed === undefined || factors === undefined) return { id };
  const found = await factors.list(id);
  if (found.length > 0 && !found.some(({ label }) => label === seed.label)) {
    throw new FlowError('conflict', `user "${input.username}" has a one-time password that is not the vault's`, {
      hint: 'let idp/enroll-totp adopt it or put another in its place, or remove it from the user at the provider',
    });
  }
  await factors.importSeed(id, seed);
  return { id };
}

async function hasSeed(
  { factors }: IdentityProvider,
  { id }: User,
  reference: Reference,
  context: StepContext,
): Promise<boolean> {
  const seed = await readOneTimePassword(reference, (each) => context.read(each));
  const labels = await labelsOf(seed, context);
  return ((await factors?.list(id)) ?? []).some(({ label }) => label !== undefined && labels.includes(label));
}

/** User names are compared without case (RFC 7643, section 4.1.1), so the mark is of the lower case. */
async function marksOf(username: string, context: StepContext): Promise<readonly [string, ...string[]]> {
  return context.ownershipMarks({ username: username.toLowerCase() });
}

function conflict(username: string, why: string): FlowError {
  return new FlowError('conflict', `user "${username}" ${why}`, {
    hint: 'use another user name, or remove that user at the provider if it is not needed',
  });
}
