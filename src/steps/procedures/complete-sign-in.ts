import { FlowError } from '../../foundation/errors.ts';
import { lookOf } from '../../foundation/look-of-secret.ts';
import type { StepContext } from '../contract.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { OneTimePassword } from '../../foundation/totp.ts';
import type { IdentityProvider, Rejected, SignIn, SignInPage } from '../../adapters/identity/contract.ts';
import { freshCode } from './fresh-one-time-code.ts';

export interface Account {
  readonly username: string;
  readonly password: Secret;
}

type At<S extends SignInPage['at']> = Extract<SignInPage, { at: S }>;

/** By its pages, as a person does it, or without. @throws FlowError refused where it has neither */
export function signInOf(provider: IdentityProvider): SignIn {
  const found = provider.signIn ?? provider.proof;
  if (found !== undefined) return found;
  throw new FlowError('refused', 'the identity provider has no sign-in that can be driven', {
    hint: 'give it sign-in: or proof: in service.yaml',
    place: { subject: provider.address },
  });
}

/** Gives user name and password. @throws FlowError denied where they are refused */
export async function beginSignIn(signIn: SignIn, account: Account): Promise<Exclude<SignInPage, { at: 'rejected' }>> {
  const page = await signIn.begin(account);
  if (page.at === 'rejected') throw refusal(account, page.what);
  return page;
}

/**
 * A complete sign-in with password and one-time code. A refused code is given once more, of the next time step: another
 * process, or a person, may have used the first.
 * @throws FlowError denied where it is refused, protocol where no code was asked for
 */
export async function completeSignIn(
  signIn: SignIn,
  account: Account,
  password: OneTimePassword,
  context: StepContext,
): Promise<At<'signed-in'>> {
  const page = await submitFreshCode(signIn, account, password, context, await codePage(signIn, account, context));
  if (page.at === 'rejected') throw refusal(account, page.what, await skewHint(context));
  if (page.at === 'signed-in') return page;
  throw unexpected(account, page);
}

/** Answers a code page with the seed, twice at most; what the provider then shows. */
async function submitFreshCode(
  signIn: SignIn,
  account: Account,
  password: OneTimePassword,
  context: StepContext,
  page: At<'one-time-code'>,
): Promise<SignInPage> {
  const first = await page.submit(await freshCode(password, context));
  if (first.at !== 'rejected' || !mayBeCode(first.what)) return first;
  if (first.again !== undefined) return first.again(await freshCode(password, context));
  const anew = await codePage(signIn, account, context);
  return anew.submit(await freshCode(password, context));
}

/** The page that asks for a code. @throws FlowError protocol where another one comes */
export async function codePage(signIn: SignIn, account: Account, context: StepContext): Promise<At<'one-time-code'>> {
  const page = await beginSignIn(signIn, account);
  if (page.at === 'one-time-code') return page;
  if (page.at === 'signed-in') await endQuietly(page, context);
  throw unexpected(account, page);
}

/** What matters is known by now: a sign-out that fails is a warning, and the session ends by itself in its time. */
export async function endQuietly(session: At<'signed-in'>, context: StepContext): Promise<void> {
  try {
    await session.end();
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    context.warn(`the session may stay open at the identity provider: the sign-out failed: ${error.message}`);
  }
}

/** Whether another code may be taken. */
export function mayBeCode(what: Rejected): boolean {
  return what === 'one-time-code' || what === 'password-or-code';
}

export function refusal(account: Account, what: Rejected, hint?: string): FlowError {
  const facts = {
    password: [
      'refuses the password',
      'is it the password that the user was made with, and is the user enabled and not locked?',
    ],
    'password-or-code': [
      'refuses the password or the one-time code',
      'it does not tell which: are both those that are stored, and is the user enabled and not locked?',
    ],
    'one-time-code': ['refuses the one-time code', 'is the stored one-time password the one that is enrolled?'],
    account: ['refuses the account', 'is the user disabled, or locked for a while?'],
    'password-expired': [
      'demands a new password',
      'it has expired, or is a temporary one: set another at the provider, and store it',
    ],
  } as const;
  const [message, usual] = facts[what];
  const look = what === 'password' ? lookOf(account.password) : undefined;
  return new FlowError('denied', `the identity provider ${message} of user "${account.username}"`, {
    hint: look === undefined ? (hint ?? usual) : `the stored password ${look}; ${hint ?? usual}`,
  });
}

/**
 * Sign-in pages give a wrong password, a disabled and a locked account the same words. Whoever may look users up can tell
 * them apart; where that fails too the refusal stays as it is.
 */
export async function whyRefused(refused: unknown, provider: IdentityProvider, username: string): Promise<unknown> {
  if (!(refused instanceof FlowError) || refused.code !== 'denied') return refused;
  let user;
  let locked;
  try {
    user = await provider.find(username);
    locked = user?.locked ?? (await provider.factors?.lockedUntil?.(user?.id ?? '')) !== undefined;
  } catch {
    return refused;
  }
  const [why, hint] =
    user?.active === false
      ? ['it is disabled', 'enable it at the provider']
      : locked
        ? ['it is locked, after too many sign-ins that failed', 'unlock it at the provider, and look who tries']
        : [];
  if (why === undefined) return refused;
  return new FlowError('denied', `the identity provider refuses the account of user "${username}": ${why}`, {
    hint,
    cause: refused,
  });
}

export function unexpected(account: Account, page: SignInPage): FlowError {
  const facts: Partial<Record<SignInPage['at'], readonly [string, string]>> = {
    'signed-in': ['lets user "%" in without a one-time code', 'require one for this user at the provider'],
    enrolment: ['has no one-time password enrolled for user "%"', 'enrol one with idp/enroll-totp'],
  };
  const [message, hint] = facts[page.at] ?? ['asks user "%" for something unexpected', 'sign in once with a browser'];
  return new FlowError('protocol', `the identity provider ${message.replace('%', () => account.username)}`, { hint });
}

export async function skewHint(context: StepContext): Promise<string | undefined> {
  const skew = await context.clockSkew().catch(() => undefined);
  return skew === undefined || Math.abs(skew) <= 5 ? undefined : skewText(skew);
}

/** @param skew seconds that the local clock is ahead */
export function skewText(skew: number): string {
  return `the local clock is ${Math.round(Math.abs(skew))} s ${skew > 0 ? 'ahead of' : 'behind'} the provider's: set it`;
}
