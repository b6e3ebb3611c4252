import { Router } from 'express';
import type { Provider } from 'oidc-provider';
import { accountClientId } from './clients.ts';
import { pageHeaders } from './page-headers.ts';
import { html } from './html.ts';
import { page } from './pages.ts';
import { style } from './style-sheet.ts';
import type { Users } from './users.ts';

/** The page at the issuer's own address, where a person signs in and sees who is signed in. */
export function landingPage(provider: Provider, users: Users): Router {
  const router = Router();
  const { issuer } = provider;
  const home = { client_id: accountClientId, scope: 'openid' };
  // nothing is fetched with the answer, so none is asked for
  const signIn = address('/auth', { ...home, response_type: 'none', redirect_uri: `${issuer}/` });
  const signOut = address('/session/end', { client_id: accountClientId, post_logout_redirect_uri: `${issuer}/` });

  router.get('/', async (request, response) => {
    // what an answer to the sign-in carries is of no use here
    if (Object.keys(request.query).length > 0) return response.redirect(303, '/');
    const session = await provider.Session.get(provider.createContext(request, response));
    const user = users.get(session.accountId ?? '');
    const body =
      user === undefined || !user.active
        ? page(
            'Welcome',
            html`<p>Nobody is signed in.</p>
              <a class="button" id="sign-in" href="${signIn}">Sign in</a>`,
          )
        : page(
            'Signed in',
            html`<p>You are signed in as <strong id="signed-in-as">${user.userName}</strong>.</p>
              <a class="button" id="sign-out" href="${signOut}">Sign out</a>`,
          );
    response.set(pageHeaders()).type('html').send(body.text);
  });

  router.get('/assets/style.css', (_request, response) => {
    response.set({ 'Cache-Control': 'max-age=300', 'X-Content-Type-Options': 'nosniff' }).type('css').send(style);
  });
  return router;
}

function address(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(query).toString()}`;
}
