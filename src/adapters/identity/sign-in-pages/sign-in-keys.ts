import { form, type InputOf, type Keys, optional, required } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { Address, KeyProblem } from '../../declaration.ts';
import type { IdentityServices } from '../adapter.ts';
import type { SignIn } from '../contract.ts';
import { pages } from './known-pages/index.ts';

/** The key that says how a provider's users sign in, for adapters whose providers have pages. */
export const signInKeys = {
  'sign-in': optional(
    form.object({
      issuer: required(
        form.text({ names: 'issuers' }),
        'name of the issuer, in this environment, that its users sign in to',
      ),
      'client-id': required(form.text(), 'a public client for the authorization code flow with PKCE'),
      'redirect-uri': required(urlForm, 'one of the client’s redirect URIs; it is never opened'),
      pages: optional(
        form.oneOf(...(Object.keys(pages) as (keyof typeof pages)[])),
        'which forms its pages have; without it nothing drives them',
      ),
    }),
    'how its users sign in',
  ),
} satisfies Keys;

type Settings = Partial<InputOf<typeof signInKeys>>;

export function signInAddresses({ 'sign-in': signIn }: Settings): readonly Address[] {
  return [{ key: 'sign-in.redirect-uri', url: signIn?.['redirect-uri'] }];
}

/** What keeps its pages from being driven. */
export function signInTrouble({ 'sign-in': signIn }: Settings): Omit<KeyProblem, 'key'> | undefined {
  if (signIn?.pages !== undefined) return undefined;
  return {
    problem: 'has no sign-in pages that can be driven',
    hint: 'add sign-in: with issuer, client-id, redirect-uri and pages to it in service.yaml',
  };
}

/** Its sign-in, where it has one that can be driven; brings what drives pages. */
export async function loadSignIn(): Promise<(settings: Settings, services: IdentityServices) => { signIn?: SignIn }> {
  const { createSignIn } = await import('./sign-in.ts');
  return ({ 'sign-in': signIn }, { issuer, development, now, way: { fetch } }) => {
    if (signIn?.pages === undefined) return {};
    const { url: issuerUrl, discovery } = issuer(signIn.issuer);
    const { 'client-id': clientId, 'redirect-uri': redirectUri, pages: known } = signIn;
    return {
      signIn: createSignIn({ issuerUrl, discovery, clientId, redirectUri, pages: known, development, fetch, now }),
    };
  };
}
