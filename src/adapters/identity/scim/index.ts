import { Reference } from '../../../foundation/reference.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { form, optional, required, type Keys, type TokenSource } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { readToken } from '../../read-token.ts';
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
  'token-flow': optional(form.text({ names: 'flows' }), 'name of a flow whose output is the bearer token'),
  token: optional(
    form.union(form.reference(), form.tokenSource()),
    'the bearer token, where it is one that does not end: a reference, or where it is',
    { example: 'op://Agents/SCIM/credential' },
  ),
  'sign-in': optional(form.object(signInKeys), 'how its users sign in'),
} satisfies Keys;

type Settings = SettingsOf<typeof keys, { readonly laptopToken: Secret }>;

/** Users by SCIM 2.0 (RFC 7643, RFC 7644), and sign-ins by the provider's own pages. */
export const scim = identityProviderAdapter<typeof keys, { readonly laptopToken: Secret }>({
  type: 'scim',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url, 'sign-in': signIn }) => [
    { key: 'url', url },
    { key: 'sign-in.redirect-uri', url: signIn?.['redirect-uri'] },
  ],
  check(_, given) {
    const hint =
      'write token-flow: FLOW, or token: a reference, { file: PATH }, { env: NAME } or { command: [PROGRAM, …] }';
    if (!given.has('token-flow') && !given.has('token'))
      return [{ key: '', problem: 'this provider has no token', hint }];
    return given.has('token-flow') && given.has('token')
      ? [{ key: 'token', problem: 'stands beside token-flow', hint: 'keep one of them' }]
      : [];
  },
  lacks: ({ 'sign-in': signIn }) =>
    signIn?.pages === undefined
      ? {
          problem: 'has no sign-in pages that can be driven',
          hint: 'add sign-in: with issuer, client-id, redirect-uri and pages to it in service.yaml',
        }
      : undefined,
  laptop: ({ scim: { url, token }, signIn: { clientId, redirectUri } }) => ({
    url,
    laptopToken: token,
    token: undefined,
    'token-flow': undefined,
    'sign-in': { issuer: 'main', 'client-id': clientId, 'redirect-uri': redirectUri, pages: 'keycloak' },
  }),
  async load() {
    const [{ createScimProvider }, { createSignIn }] = await Promise.all([
      import('./provider.ts'),
      import('../sign-in-pages/sign-in.ts'),
    ]);
    const create = ({ url, token, laptopToken, 'sign-in': signIn }: Settings, services: IdentityServices) => {
      const { name, development, now, issuer, way } = services;
      const { fetch } = way;
      const own = laptopToken === undefined ? fixedToken(token, services) : () => Promise.resolve(laptopToken);
      return createScimProvider({
        name,
        now,
        url,
        development,
        fetch,
        token: services.token ?? own,
        signIn:
          signIn?.pages === undefined
            ? undefined
            : createSignIn({
                issuerUrl: issuer(signIn.issuer).url,
                discovery: issuer(signIn.issuer).discovery,
                clientId: signIn['client-id'],
                redirectUri: signIn['redirect-uri'],
                pages: signIn.pages,
                development,
                fetch,
              }),
      });
    };
    return { create };
  },
});

/** Read once, and again where it was refused: what is kept under it may have been replaced. */
function fixedToken(
  token: Reference | TokenSource | undefined,
  { name, read, taken }: IdentityServices,
): (refused?: Secret) => Promise<Secret> {
  let kept: Promise<Secret> | undefined;
  const ask = async (): Promise<Secret> => {
    if (token === undefined) throw new TypeError('no token: the check at load lets none through');
    return token instanceof Reference ? read(token) : readToken(token, taken, `the token of "${name}"`);
  };
  return (refused) => {
    if (refused !== undefined) kept = undefined;
    kept ??= ask().catch((error: unknown) => {
      kept = undefined;
      throw error;
    });
    return kept;
  };
}
