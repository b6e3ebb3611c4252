import type { KoaContextWithOIDC } from 'oidc-provider';
import { pageHeaders } from './page-headers.ts';
import { html, type Html } from './html.ts';

/** oidc-provider gives the form as text with action and xsrf in it; the answer and a button are added. */
export function logoutForm(form: string): Html {
  const action = /action="(?<action>[^"]*)"/.exec(form)?.groups?.['action'] ?? '';
  const xsrf = /value="(?<xsrf>[^"]*)"/.exec(form)?.groups?.['xsrf'] ?? '';
  return html`<form id="kc-logout-confirm" method="post" action="${action}">
      <input type="hidden" name="xsrf" value="${xsrf}" />
      <input type="hidden" name="logout" value="yes" />
      <button id="kc-logout" type="submit">Sign out</button>
    </form>
    <p><a href="/">Stay signed in</a></p>`;
}

/** Sends a page from within oidc-provider. */
export function show(context: KoaContextWithOIDC, body: Html, destination?: unknown): void {
  context.set({ ...pageHeaders(destination) });
  context.type = 'html';
  context.body = body.text;
}
