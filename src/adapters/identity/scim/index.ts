import type { Secret } from '../../../foundation/secret.ts';
import { form, optional, required, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import type { SettingsOf } from '../../declaration.ts';
import { pages } from '../sign-in-pages/known-pages/index.ts';

const signInKeys = {
  issuer: required(
    form.text({ names: 'issuers' }),
    'name of the issuer, in this environment, that its users sign in to',
  ),
  'client-id': required(form.text(), 'a public client for the authorization code flow with PKCE'),
  'redirect-uri': required(urlForm, 'one of the client’s redirect URIs; it is never opened'),
  pages: optional(
    form.oneOf(...(Object.keys(pages) as (keyof typeof pages)[])),
    'which forms its pages have; without it `idp/sign-in` and `idp/enroll-totp` are refused',
  ),
} satisfies Keys;

const keys = {
  url: required(urlForm, 'base URL of the SCIM 2.0 service'),
  'token-flow': required(form.text({ names: 'flows' }), 'name of a flow whose output is the bearer token'),
  'sign-in': optional(form.object(signInKeys), 'how its users sign in'),
} satisfies Keys;

type Settings = SettingsOf<typeof keys, { readonly token: Secret }>;

/** Users by SCIM 2.0 (RFC 7643, RFC 7644), and sign-ins by the provider's own pages. */
export const scim = identityProviderAdapter<typeof keys, { readonly token: Secret }>({
  type: 'scim',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url, 'sign-in': signIn }) => [
    { key: 'url', url },
    { key: 'sign-in.redirect-uri', url: signIn?.['redirect-uri'] },
  ],
  lacks: ({ 'sign-in': signIn }) =>
    signIn?.pages === undefined
      ? {
          problem: 'has no sign-in pages that can be driven',
          hint: 'add sign-in: with issuer, client-id, redirect-uri and pages to it in service.yaml',
        }
      : undefined,
  laptop: ({ scim: { url, token }, signIn: { clientId, redirectUri } }) => ({
    url,
    token,
    'token-flow': '',
    'sign-in': { issuer: 'main', 'client-id': clientId, 'redirect-uri': redirectUri, pages: 'keycloak' },
  }),
  async load() {
    const [{ createScimProvider }, { createSignIn }] = await Promise.all([
      import('./provider.ts'),
      import('../sign-in-pages/sign-in.ts'),
    ]);
    const create = ({ url, token, 'sign-in': signIn }: Settings, services: IdentityServices) => {
      const { name, development, now, issuer } = services;
      return createScimProvider({
        name,
        now,
        url,
        development,
        // service.yaml demands the flow, so there is one but on the laptop
        token: services.token ?? (() => Promise.resolve(given(token))),
        signIn:
          signIn?.pages === undefined
            ? undefined
            : createSignIn({
                issuerUrl: issuer(signIn.issuer).url,
                clientId: signIn['client-id'],
                redirectUri: signIn['redirect-uri'],
                pages: signIn.pages,
                development,
              }),
      });
    };
    return { create };
  },
});

function given(token: Secret | undefined): Secret {
  if (token === undefined) throw new TypeError('no token-flow: the check at load lets none through');
  return token;
}
