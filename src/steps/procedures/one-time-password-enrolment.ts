import { FlowError } from '../../foundation/errors.ts';
import type { StepContext } from '../contract.ts';
import { waitUntil } from './wait-until.ts';
import type { Reference } from '../../foundation/reference.ts';
import { oneTimePasswordUri, type OneTimePassword } from '../../foundation/totp.ts';
import type { Item, VaultItems } from '../../adapters/vaults/contract.ts';
import {
  beginSignIn,
  codePage,
  endQuietly,
  mayBeCode,
  refusal,
  skewHint,
  unexpected,
  type Account,
} from './complete-sign-in.ts';
import type { SignIn, SignInPage } from '../../adapters/identity/contract.ts';
import { formerCode, freshCode } from './fresh-one-time-code.ts';
import { leaveProof, proofTags, proveBySignIn } from './sign-in-proofs.ts';
import { sameSeed, storedSeeds } from './stored-seeds.ts';

/** Everything that an enrolment acts with. */
export interface Enrolment {
  readonly account: Account;
  /** undefined: nothing can prove it */
  readonly signIn: SignIn | undefined;
  /** the provider's address */
  readonly at: string;
  readonly items: VaultItems;
  /** the item that holds, or will hold, the one-time password */
  readonly item: Reference;
  /** the issuer's name in the otpauth URI */
  readonly issuer: string;
  readonly context: StepContext;
}

interface ProvableEnrolment extends Enrolment {
  readonly signIn: SignIn;
  /** false: its one-time password is in force once it is confirmed, and no sign-in can prove it further; default true */
  readonly proves?: boolean | undefined;
}

type CodePage = Extract<SignInPage, { at: 'one-time-code' }>;
/** Wrong codes that providers let pass before they lock an account (Keycloak 30, the laptop's 5). */
const mostTries = 4;
/** Milliseconds after a wrong code: sooner than a second looks like guessing, and Keycloak locks the account. */
const pause = 1_500;

type EnrolmentPage = Extract<SignInPage, { at: 'enrolment' }>;

/**
 * Enrols a one-time password, in the one order that locks nobody out: read the item → sign in → store the seed,
 * conditionally on the version read → confirm → sign in afresh → drop the former seed. Whatever stops it in between, a
 * seed in force at the provider is in the vault, as the one-time password or as `previous`, and the next run goes on.
 * @returns the OTP field
 */
export async function enrol(work: ProvableEnrolment): Promise<Reference> {
  for (const attempt of ['first', 'last'] as const) {
    const reference = await enrolOnce(work, attempt);
    if (reference !== undefined) return reference;
  }
  throw refusal(work.account, 'one-time-code', await skewHint(work.context));
}

/** @returns undefined where the confirming code was refused: the seed is not in force, and all can begin anew */
async function enrolOnce(work: ProvableEnrolment, attempt: 'first' | 'last'): Promise<Reference | undefined> {
  const item = await work.items.get(work.item);
  const page = await beginSignIn(work.signIn, work.account);
  if (page.at === 'one-time-code') return adopt(work, page);
  if (page.at === 'enrolment') return enrolAt(work, item, page, attempt);
  await endQuietly(page, work.context);
  throw unexpected(work.account, page);
}

async function enrolAt(
  work: ProvableEnrolment,
  item: Item,
  page: EnrolmentPage,
  attempt: 'first' | 'last',
): Promise<Reference | undefined> {
  const { account, context, items } = work;
  const uri = await oneTimePasswordUri(page.seed, { issuer: work.issuer, account: account.username });
  await items.setOneTimePassword(item, uri, { previous: 'keep' });
  // read back: what a run beside this one has written since must not be what the vault holds once ours is in force
  await requireStored(work, page.seed);
  const result = await confirm(page, context, attempt);
  // asked for a code instead: an enrolment beside this one has won, and its seed may be the one that ours replaced
  if (result.at === 'rejected' || result.at === 'one-time-code') return undefined;
  if (result.at !== 'signed-in') throw unexpected(account, result);
  await endQuietly(result, context);
  if (work.proves === false) return settle(work, page.seed);
  await proveBySignIn(work.signIn, { ...work, seed: page.seed }, context);
  return settle(work, page.seed);
}

async function confirm(page: EnrolmentPage, context: StepContext, attempt: 'first' | 'last'): Promise<SignInPage> {
  const former = attempt === 'first' ? await formerCode(page.seed, context) : undefined;
  if (former === undefined) return page.confirm(await freshCode(page.seed, context));
  const result = await page.confirm(former);
  if (result.at !== 'rejected' || result.again === undefined) return result;
  return result.again(await freshCode(page.seed, context));
}

/** The provider has a one-time password in force: a stored one that it accepts is adopted, else nothing is changed. */
async function adopt(work: ProvableEnrolment, page: CodePage): Promise<Reference> {
  const { account, context, signIn } = work;
  // read now: a run beside this one may have stored it since
  const item = await work.items.get(work.item);
  const stored = await storedSeeds(item);
  const candidates = [stored.current, ...stored.formers].filter((seed) => seed !== undefined);
  if (candidates.length === 0) {
    throw new FlowError(
      'conflict',
      `user "${account.username}" has a one-time password, and item "${item.title}" holds none`,
      { hint: "store that one in the item, or remove it from the user's account at the provider, and run again" },
    );
  }
  let asking: CodePage | undefined = page;
  // where there is time, each one twice, of different time steps: somebody else may have used the first code
  const tries = Math.max(mostTries, candidates.length);
  for (const { password: seed } of [...candidates, ...candidates].slice(0, tries)) {
    asking ??= await codePage(signIn, account, context);
    const result: SignInPage = await asking.submit(await freshCode(seed, context));
    asking = undefined;
    if (result.at === 'signed-in') {
      leaveProof({ ...work, seed }, context);
      await endQuietly(result, context);
      return settle(work, seed);
    }
    if (result.at !== 'rejected') throw unexpected(account, result);
    if (!mayBeCode(result.what)) throw refusal(account, result.what);
    await waitUntil(context, context.now() + pause, 'waiting before another one-time code is tried');
    if (result.again !== undefined) asking = { at: 'one-time-code', submit: result.again };
  }
  throw refusal(account, 'one-time-code', await skewHint(context));
}

/** After a sign-in has proved a seed: it is the item's one-time password, no former one is kept, and a tag says so. */
export async function settle(work: Enrolment, proved: OneTimePassword): Promise<Reference> {
  const { account, at, context, items } = work;
  const item = await items.get(work.item);
  const { current, formers } = await storedSeeds(item);
  const [tag, ...older] = await proofTags({ at, username: account.username, seed: proved }, context);
  const stored = [current, ...formers].find((seed) => seed !== undefined && sameSeed(seed.password, proved));
  if (stored === undefined) throw changed(item);
  const settled = stored === current && formers.length === 0;
  if (settled && [tag, ...older].some((each) => item.tags.includes(each))) return stored.field;
  try {
    return await otpField(await items.setOneTimePassword(item, stored.value, { previous: 'drop', tag }));
  } catch (error) {
    if (!settled || !(error instanceof FlowError)) throw error;
    // only the tag is missing
    context.warn(`item "${item.title}" cannot be marked as proved, so a plan will want to prove it: ${error.message}`);
    return stored.field;
  }
}

/** The field of an item's one-time password, where a sign-in has proved it before and no former one is left. */
export async function provedField(
  { at, username }: { readonly at: string; readonly username: string },
  item: Item,
  context: StepContext,
): Promise<Reference | undefined> {
  const { current, formers } = await storedSeeds(item);
  if (current === undefined || formers.length > 0) return undefined;
  const tags = await proofTags({ at, username, seed: current.password }, context);
  return tags.some((tag) => item.tags.includes(tag)) ? current.field : undefined;
}

export async function requireStored(work: Enrolment, seed: OneTimePassword): Promise<void> {
  const item = await work.items.get(work.item);
  const { current } = await storedSeeds(item);
  if (current === undefined || !sameSeed(current.password, seed)) throw changed(item);
}

async function otpField(item: Item): Promise<Reference> {
  const { current } = await storedSeeds(item);
  if (current === undefined) throw changed(item);
  return current.field;
}

function changed(item: Item): FlowError {
  return new FlowError('conflict', `item "${item.title}" was changed while its one-time password was enrolled`, {
    hint: 'nobody is locked out: run again when nothing else writes to it',
    place: { subject: item.reference.toString() },
  });
}
