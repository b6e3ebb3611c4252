import { type Browser, createBrowser } from '../../../../src/adapters/identity/sign-in-pages/page-browser.ts';
import { pages } from '../../../../src/adapters/identity/sign-in-pages/known-pages/index.ts';
import { createHttp } from '../../../../src/foundation/http.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { codeAt, parseOneTimePassword } from '../../../../src/foundation/totp.ts';

export interface Visitor {
  readonly username: string;
  readonly password: string;
  /** of the authenticator; absent: no code is asked for */
  readonly seed?: string;
  /** epoch milliseconds, default those of the system */
  readonly now?: () => number;
}

/** Goes where somebody's authorization request leads, fills the forms in, and comes back. @returns the query of the way back */
export async function asBrowser(authorize: string, visitor: Visitor): Promise<string> {
  return (await openTab(authorize))(authorize, visitor);
}

/** The same more than once, with the session that is there then. @param first where it goes first */
export async function openTab(first: string): Promise<(authorize: string, visitor: Visitor) => Promise<string>> {
  const url = new URL(first);
  const call = createHttp({ peer: 'the issuer', development: true, redirects: 'answers', deadline: 60_000 });
  const redirectUri = url.searchParams.get('redirect_uri') ?? '';
  const browser = await createBrowser({ call, origin: url.origin, redirectUri });
  return (authorize, visitor) => filledIn(browser, new URL(authorize), visitor);
}

async function filledIn(browser: Browser, url: URL, visitor: Visitor): Promise<string> {
  const { username, password, seed, now = Date.now } = visitor;
  const { password: login, oneTimeCode } = pages.keycloak;
  const fill: readonly [string, () => Promise<Record<string, string>>][] = [
    [login.form, async () => ({ [login.username]: username, [login.password]: password })],
    [
      oneTimeCode.form,
      async () => {
        const code = await codeAt(await parseOneTimePassword(new Secret(seed ?? '')), now());
        return { [oneTimeCode.code]: code.reveal() };
      },
    ],
  ];
  let landing = await browser.open(url);
  for (const [selector, fields] of fill) {
    if ('callback' in landing) break;
    const form = landing.page.root.querySelector(selector);
    if (form === null) throw new Error(`no ${selector} on ${landing.page.root.querySelector('title')?.text}`);
    landing = await browser.submit(landing.page, form, await fields());
  }
  if (!('callback' in landing)) throw new Error('the forms lead nowhere');
  return landing.callback.search.slice(1);
}
