import { Router, urlencoded, type NextFunction, type Request, type Response } from 'express';
import { errors, type Provider } from 'oidc-provider';
import QRCode from 'qrcode';
import { Secret } from '../../foundation/secret.ts';
import type { OneTimePassword } from '../../foundation/totp.ts';
import type { Attempts } from './failed-attempts.ts';
import { pageHeaders } from './page-headers.ts';
import type { Html } from './html.ts';
import { enrolmentUri, newSeed } from './one-time-codes.ts';
import { enrolmentPage } from './enrolment-page.ts';
import { loginPage, messagePage, newPasswordPage, oneTimeCodePage } from './pages.ts';
import { acceptablePassword, longestPassword, passwordFits, shortestPassword } from './passwords.ts';
import type { UserRecord, Users } from './users.ts';

/** A sign-in whose password was right. It lives in the server, never in a form. */
interface Begun {
  readonly userId: string;
  /** shown for enrolment; in force only after a right code */
  seed?: OneTimePassword;
  /** all was right, and the password is to be changed first */
  changesPassword?: true;
  /** epoch milliseconds of the system clock */
  readonly expires: number;
}

const lifetime = 600_000;
const wrongPassword = 'Invalid username or password.';
const wrongCode = 'Invalid authenticator code.';
const wrongNewPassword = `Twice the same, of ${shortestPassword} characters or more.`;

export interface SignInOptions {
  readonly provider: Provider;
  readonly users: Users;
  readonly attempts: Attempts;
  /** false: a right password is enough */
  readonly asksCode: () => boolean;
}

/**
 * The pages between an authorization request and its answer: password, then a one-time code, or its enrolment for a
 * user who has none. Of two enrolments of one user at once the one that gives the first right code wins; the other is
 * asked for a code of the seed that won.
 */
export function signInPages({ provider, users, attempts, asksCode }: SignInOptions): Router {
  const begun = new Map<string, Begun>();
  const router = Router();
  const form = urlencoded({ extended: false, limit: '16kb' });

  const current = (uid: string): { state: Begun; user: UserRecord } | undefined => {
    const state = begun.get(uid);
    const user = state === undefined || state.expires < Date.now() ? undefined : users.get(state.userId);
    return state === undefined || user === undefined || !user.active ? undefined : { state, user };
  };
  const show = (response: Response, body: Html) => {
    const { destination } = interactionOf(response);
    response.set(pageHeaders(destination)).type('html').send(body.text);
  };
  const back = (response: Response, query = '') =>
    response.redirect(303, `/interaction/${interactionOf(response).uid}${query}`);
  const finish = async (request: Request, response: Response, user: UserRecord) => {
    const { uid } = interactionOf(response);
    const state = begun.get(uid);
    if (user.passwordExpired && state !== undefined) {
      state.changesPassword = true;
      return back(response);
    }
    begun.delete(uid);
    attempts.signedIn(user.id);
    users.signedIn(user.id);
    const login = { accountId: user.id, amr: asksCode() ? ['pwd', 'otp', 'mfa'] : ['pwd'], remember: false };
    await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  };
  const showEnrolment = async (response: Response, manual: boolean, error?: string) => {
    const { uid } = interactionOf(response);
    const found = current(uid);
    if (found === undefined) return back(response);
    const seed = (found.state.seed ??= newSeed());
    const qrCode = manual ? undefined : await QRCode.toDataURL(enrolmentUri(seed, found.user.userName), { margin: 2 });
    show(response, enrolmentPage({ uid, seed, qrCode, error }));
  };

  router.use('/interaction/:uid', async (request, response, next) => {
    await open(provider, request, response, next);
  });

  router.get('/interaction/:uid', async (request, response) => {
    const { uid } = interactionOf(response);
    const found = current(uid);
    if (found === undefined) return show(response, loginPage({ uid }));
    const { userName, factors } = found.user;
    if (found.state.changesPassword === true) return show(response, newPasswordPage({ uid }));
    if (factors.length > 0) return show(response, oneTimeCodePage({ uid, userName }));
    await showEnrolment(response, request.query['mode'] === 'manual');
  });

  // a page that answered a form may be asked for again
  router.get('/interaction/:uid/:form', (request, response, next) => {
    if (!['login', 'otp', 'enrol', 'password'].includes(request.params.form)) return next();
    back(response, request.params.form === 'enrol' ? '?mode=manual' : '');
  });

  router.get('/interaction/:uid/restart', (_request, response) => {
    begun.delete(interactionOf(response).uid);
    back(response);
  });

  router.post('/interaction/:uid/login', form, async (request, response) => {
    const { uid } = interactionOf(response);
    const username = field(request, 'username');
    const password = new Secret(field(request, 'password'));
    const user = users.byUserName(username);
    const right = await attempts.inTurn(username.toLowerCase(), async () => {
      if (password.reveal().length > longestPassword) return false;
      const fits = await passwordFits(password, user?.password);
      if (user === undefined || attempts.locked(user.id)) return false;
      if (!fits) attempts.failed(user.id);
      return fits && user.active;
    });
    if (!right || user === undefined) {
      begun.delete(uid);
      return show(response, loginPage({ uid, username, error: wrongPassword }));
    }
    forgetOld(begun);
    begun.set(uid, { userId: user.id, expires: Date.now() + lifetime });
    if (asksCode()) back(response);
    else await finish(request, response, user);
  });

  router.post('/interaction/:uid/password', form, async (request, response) => {
    const { uid } = interactionOf(response);
    const found = current(uid);
    if (found?.state.changesPassword !== true) return back(response);
    const password = new Secret(field(request, 'password-new'));
    if (!acceptablePassword(password) || field(request, 'password-confirm') !== password.reveal())
      return show(response, newPasswordPage({ uid, error: wrongNewPassword }));
    const changed = await users.change(found.user.id, { password });
    if (changed === undefined || changed === false) return back(response);
    await finish(request, response, changed);
  });

  router.post('/interaction/:uid/otp', form, async (request, response) => {
    const { uid } = interactionOf(response);
    const found = current(uid);
    if (found === undefined || found.user.factors.length === 0) return back(response);
    const { id, userName } = found.user;
    // judged and counted without a pause in between, so that parallel guesses cannot slip through
    const right = !attempts.locked(id) && users.useCode(id, field(request, 'otp').replaceAll(' ', ''));
    if (right) return finish(request, response, found.user);
    if (!attempts.locked(id)) attempts.failed(id);
    show(response, oneTimeCodePage({ uid, userName, error: wrongCode }));
  });

  router.post('/interaction/:uid/enrol', form, async (request, response) => {
    const found = current(interactionOf(response).uid);
    const seed = found?.state.seed;
    if (found === undefined || seed === undefined) return back(response);
    // `totpSecret` of the form is never looked at: the seed is the one that this sign-in was shown
    const outcome = users.enrol(found.user.id, seed, field(request, 'totp').replaceAll(' ', ''));
    if (outcome === 'enrolled') return finish(request, response, found.user);
    if (outcome === 'enrolled-already') return back(response);
    await showEnrolment(response, field(request, 'mode') === 'manual', wrongCode);
  });

  return router;
}

/** Finds the sign-in that this browser's cookie belongs to. */
async function open(provider: Provider, request: Request, response: Response, next: NextFunction): Promise<void> {
  try {
    const { uid, params } = await provider.interactionDetails(request, response);
    if (uid !== request.params['uid']) throw new errors.SessionNotFound('another sign-in');
    response.locals['interaction'] = { uid, destination: params['redirect_uri'] };
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error;
    const body = messagePage('This sign-in has ended', 'It took too long, or was begun in another browser.');
    response.status(400).set(pageHeaders()).type('html').send(body.text);
    return;
  }
  next();
}

function interactionOf(response: Response): { readonly uid: string; readonly destination: unknown } {
  return response.locals['interaction'];
}

function field(request: Request, name: string): string {
  const value: unknown = request.body?.[name];
  return typeof value === 'string' ? value : '';
}

function forgetOld(begun: Map<string, Begun>): void {
  const now = Date.now();
  for (const [uid, { expires }] of begun) if (expires < now) begun.delete(uid);
}
