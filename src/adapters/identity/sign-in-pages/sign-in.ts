import type { HTMLElement } from 'node-html-parser';
import { FlowError } from '../../../foundation/errors.ts';
import { createClockNote } from '../../../foundation/clock-note.ts';
import { createHttp } from '../../../foundation/http.ts';
import { globalFetch } from '../../../foundation/proxy.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { createBrowser, describe, type Browser, type Landing, type Page } from './page-browser.ts';
import type { SignIn, SignInPage } from '../contract.ts';
import {
  createAuthorizations,
  type Authorization,
  type OpenIdOptions,
} from '../../openid-client/authorization-code.ts';
import { seedOnPage } from './seed-on-page.ts';
import { pages as table, type PagesName } from './known-pages/index.ts';
import type { PageSelectors } from './known-pages/selectors.ts';

export interface SignInOptions extends OpenIdOptions {
  /** whose sign-in pages they are */
  readonly pages: PagesName;
}

/** One sign-in under way. */
interface Visit {
  readonly browser: Browser;
  readonly authorization: Authorization;
  readonly pages: PageSelectors;
}

/** What was given to the page before this one. */
type Given = 'password' | 'one-time-code' | 'enrolment';

/**
 * Signs in by the provider's own pages, as a person does: authorization code with PKCE (RFC 7636), forms over fetch.
 * Password and codes go to forms on one origin alone: the issuer's, or that of its discovery document's address.
 */
export function createSignIn({ fetch = globalFetch, now = Date.now, ...options }: SignInOptions): SignIn {
  const clock = createClockNote(fetch, now);
  const authorize = createAuthorizations({ ...options, fetch: clock.fetch });
  const call = createHttp({ ...options, fetch: clock.fetch, peer: 'the identity provider', redirects: 'answers' });
  const pages = table[options.pages];
  const { origin: own } = new URL(options.issuerUrl);
  const declared = new Set([own, URL.parse(options.discovery?.document ?? '')?.origin]);
  return {
    clockSkew: clock.skew,
    begin: async ({ username, password }) => {
      const authorization = await authorize();
      const origin = declared.has(authorization.url.origin) ? authorization.url.origin : own;
      const browser = await createBrowser({ call, origin, redirectUri: options.redirectUri });
      const visit = { browser, authorization, pages };
      return givePassword(visit, await browser.open(authorization.url), username, password);
    },
  };
}

/** User name and password, on one page or on two. */
async function givePassword(visit: Visit, start: Landing, username: string, password: Secret): Promise<SignInPage> {
  const names = visit.pages.password;
  let landing = start;
  for (const last of [false, true]) {
    if ('callback' in landing) return arrive(visit, landing, 'password');
    const { page } = landing;
    const form = page.root.querySelector(names.form);
    if (form === null) throw unknownPage(page);
    const asks = (name: string) => form.querySelector(`input[name="${name}"]`) !== null;
    const both = asks(names.password);
    // the page for the user name comes back where nobody has that name
    if (last && !both) break;
    landing = await visit.browser.submit(page, form, {
      ...(asks(names.username) ? { [names.username]: username } : {}),
      ...(both ? { [names.password]: password.reveal() } : {}),
    });
    if (both) return arrive(visit, landing, 'password');
  }
  return { at: 'rejected', what: 'account' };
}

async function arrive(visit: Visit, landing: Landing, given: Given): Promise<SignInPage> {
  if ('callback' in landing) return signedIn(visit, landing.callback);
  const { page } = landing;
  const { password, oneTimeCode, newPassword, enrolment } = visit.pages;
  if (page.root.querySelector(newPassword.form) !== null) return { at: 'rejected', what: 'password-expired' };
  const code = page.root.querySelector(oneTimeCode.form);
  if (code !== null) {
    const submit = (value: Secret) => send(visit, page, code, { [oneTimeCode.code]: value.reveal() }, 'one-time-code');
    if (given === 'one-time-code') return { at: 'rejected', what: 'one-time-code', again: submit };
    return { at: 'one-time-code', submit };
  }
  const settings = page.root.querySelector(enrolment.form);
  if (settings !== null) return given === 'enrolment' ? again(visit, page, settings) : enrol(visit, page);
  if (page.root.querySelector(password.form) === null) throw unknownPage(page);
  return { at: 'rejected', what: given === 'password' ? 'password' : 'account' };
}

async function send(
  visit: Visit,
  page: Page,
  form: HTMLElement,
  fields: Readonly<Record<string, string>>,
  given: Given,
): Promise<SignInPage> {
  return arrive(visit, await visit.browser.submit(page, form, fields), given);
}

/** The enrolment page after a wrong code. */
function again(visit: Visit, page: Page, form: HTMLElement): SignInPage {
  return { at: 'rejected', what: 'one-time-code', again: (code) => confirm(visit, page, form, code) };
}

function confirm(visit: Visit, page: Page, form: HTMLElement, code: Secret): Promise<SignInPage> {
  const { code: name, extra } = visit.pages.enrolment;
  return send(visit, page, form, { ...extra, [name]: code.reveal() }, 'enrolment');
}

/** Goes to the page for those who cannot scan, and reads the key there. */
async function enrol(visit: Visit, shown: Page): Promise<SignInPage> {
  const names = visit.pages.enrolment;
  const landing = await manualPage(visit, shown);
  const page = 'page' in landing ? landing.page : shown;
  const form = page.root.querySelector(names.form);
  // another sign-in of this user has enrolled meanwhile: now a code is asked for
  if ('callback' in landing || form === null) return arrive(visit, landing, 'password');
  const seed = seedOnPage(page.root, names);
  if (seed === undefined) {
    throw new FlowError('protocol', `${describe(page)} shows no key that can be stored`, {
      hint: 'one-time passwords by time are supported (TOTP, with SHA1, SHA256 or SHA512), not those by counter',
    });
  }
  return { at: 'enrolment', seed, confirm: (code) => confirm(visit, page, form, code) };
}

async function manualPage(visit: Visit, shown: Page): Promise<Landing> {
  const { key, manual } = visit.pages.enrolment;
  if (shown.root.querySelector(key) !== null) return { page: shown };
  const link = URL.parse(shown.root.querySelector(manual)?.getAttribute('href') ?? '', shown.url.href);
  if (link === null || link.href === shown.url.href) throw unknownPage(shown);
  return visit.browser.open(link);
}

async function signedIn(visit: Visit, callback: URL): Promise<SignInPage> {
  const session = await visit.authorization.redeem(callback);
  const { endSession } = session;
  return {
    at: 'signed-in',
    subject: session.subject,
    end: async () => {
      await session.revoke();
      if (endSession === undefined) return;
      const landing = await visit.browser.open(endSession);
      const { form, extra } = visit.pages.signOut;
      const asked = 'page' in landing ? landing.page.root.querySelector(form) : null;
      if ('page' in landing && asked !== null) await visit.browser.submit(landing.page, asked, extra);
    },
  };
}

function unknownPage(page: Page): FlowError {
  return new FlowError('protocol', `${describe(page)} is none that the sign-in knows`, {
    hint: 'does the provider ask this user for something else first? sign in once with a browser, and check `pages`',
  });
}
