import type { Factor, Factors, IdentityProvider } from '../../adapters/identity/contract.ts';
import type { Item } from '../../adapters/vaults/contract.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Reference } from '../../foundation/reference.ts';
import { newOneTimePassword, oneTimePasswordUri, type OneTimePassword } from '../../foundation/totp.ts';
import { requireUnlocked } from './account-at-provider.ts';
import { type Enrolment, requireStored, settle } from './one-time-password-enrolment.ts';
import { labelsOf } from './seed-label.ts';
import { proveBySignIn } from './sign-in-proofs.ts';
import { storedSeeds } from './stored-seeds.ts';

/** Factors of a provider that takes our seeds. */
export type ImportingFactors = Factors & Required<Pick<Factors, 'importSeed'>>;

export interface SeedImport extends Enrolment {
  readonly provider: IdentityProvider;
  readonly factors: ImportingFactors;
  /** the user's id at the provider */
  readonly user: string;
  /** another seed takes the place of all that the user has */
  readonly renew: boolean;
}

/** Whose the factors of a user are, by their labels. */
interface Standing {
  /** of the seed that the item holds, those after the first are doubles */
  readonly ours: readonly Factor[];
  /** of the seeds that it held before */
  readonly former: readonly Factor[];
  readonly foreign: readonly Factor[];
  /** the one that the provider asks for first */
  readonly first: Factor | undefined;
}

export function importingFactors({ factors }: IdentityProvider): ImportingFactors | undefined {
  const importSeed = factors?.importSeed;
  return factors === undefined || importSeed === undefined ? undefined : { ...factors, importSeed };
}

/**
 * Puts the item's seed in force at a provider that takes ours, in the one order that locks nobody out: the seed is in
 * the vault → imported beside the former one → asked for first → proved by a sign-in → the former one is removed, there and
 * in the vault. Its label says which seed a factor is, so that a further run goes on wherever one was stopped.
 * @returns the OTP field
 */
export async function importSeedOf(work: SeedImport): Promise<Reference> {
  const { account, context, factors, items, provider, renew, user } = work;
  const seed = await seedOf(work);
  const before = await standingOf(work, await items.get(work.item), seed);
  if (!renew && before.ours.length === 0 && before.foreign.length > 0) return adoptForeign(work, seed, before);
  const [label] = await labelsOf(seed, context);
  const imports = before.ours.length === 0;
  // also where it is there: a run that was stopped may have left the user asked to enrol another
  await factors.importSeed(user, { seed, label });
  const { ours, first, former, foreign } = await standingOf(work, await items.get(work.item), seed);
  const [own, ...doubles] = ours;
  if (own === undefined) {
    throw new FlowError('protocol', `${provider.address} took a one-time password and does not list it`, {
      hint: 'look at the user there, then run again',
    });
  }
  for (const { id } of doubles) await factors.remove(user, id);
  if (first?.id !== own.id) await factors.prefer?.(user, own.id);
  const proved = await prove(work, seed).catch(async (error: unknown) => {
    // what was asked for before is asked for again
    if (imports && error instanceof FlowError && error.code === 'denied') await factors.remove(user, own.id);
    throw error;
  });
  for (const { id } of renew ? [...former, ...foreign] : former) await factors.remove(user, id);
  if (proved) return settle(work, seed);
  context.warn(
    `nobody has proved the one-time password of user "${account.username}": the provider has no sign-in that can be driven`,
  );
  return fieldOf(await items.get(work.item));
}

/** The field, where the provider lists the item's seed first, no former one is left, and nothing is to be done. */
export async function importedField(
  work: Pick<SeedImport, 'factors' | 'user' | 'context'>,
  item: Item,
): Promise<Reference | undefined> {
  const { current, formers } = await storedSeeds(item);
  if (current === undefined || formers.length > 0) return undefined;
  const { ours, first, former } = await standingOf(work, item, current.password);
  return ours.length === 1 && former.length === 0 && first?.id === ours[0]?.id ? current.field : undefined;
}

/**
 * The seed that the item holds; one is made and stored where it holds none, or where it is to be another one. A former
 * one that is kept says that this has begun: a run was stopped before the new one was proved.
 */
async function seedOf(work: SeedImport): Promise<OneTimePassword> {
  const item = await work.items.get(work.item);
  const { current, formers } = await storedSeeds(item);
  if (current !== undefined && (!work.renew || formers.length > 0)) return current.password;
  const seed = await newOneTimePassword();
  const uri = await oneTimePasswordUri(seed, { issuer: work.issuer, account: work.account.username });
  await work.items.setOneTimePassword(item, uri, { previous: 'keep' });
  await requireStored(work, seed);
  return seed;
}

async function standingOf(
  { context, factors, user }: Pick<SeedImport, 'context' | 'factors' | 'user'>,
  item: Item,
  seed: OneTimePassword,
): Promise<Standing> {
  const { formers } = await storedSeeds(item);
  const [labels, ...formerLabels] = await Promise.all(
    [seed, ...formers.map((each) => each.password)].map((each) => labelsOf(each, context)),
  );
  const found = await factors.list(user);
  const labelled = (given: readonly string[]) =>
    found.filter(({ label }) => label !== undefined && given.includes(label));
  const ours = labelled(labels ?? []);
  const former = labelled(formerLabels.flat());
  return {
    ours,
    former,
    first: found[0],
    foreign: found.filter((each) => !ours.includes(each) && !former.includes(each)),
  };
}

/** Somebody has enrolled one by hand, or by pages: it is adopted where it is the item's, and else nothing is changed. */
async function adoptForeign(work: SeedImport, seed: OneTimePassword, { foreign }: Standing): Promise<Reference> {
  const { account, item } = work;
  const conflict = new FlowError(
    'conflict',
    `user "${account.username}" has ${foreign.length === 1 ? 'a one-time password' : `${foreign.length} one-time passwords`} that the item does not hold`,
    {
      hint: 'store that one in the item, or remove it from the user at the provider, and run again',
      place: { subject: item.toString() },
    },
  );
  const proved = await prove(work, seed).catch((error: unknown) => {
    if (error instanceof FlowError && error.code === 'denied') throw conflict;
    throw error;
  });
  if (!proved) throw conflict;
  return settle(work, seed);
}

/** @returns false where the provider has no sign-in that can be driven. @throws FlowError denied where it is refused */
async function prove(work: SeedImport, seed: OneTimePassword): Promise<boolean> {
  const { account, at, context, provider, signIn, user } = work;
  if (signIn === undefined) return false;
  await requireUnlocked(provider, { id: user, username: account.username }, context.now);
  await proveBySignIn(signIn, { at, account, seed }, context);
  return true;
}

async function fieldOf(item: Item): Promise<Reference> {
  const { current } = await storedSeeds(item);
  if (current !== undefined) return current.field;
  throw new FlowError('conflict', `item "${item.title}" lost its one-time password meanwhile`, { hint: 'run again' });
}
