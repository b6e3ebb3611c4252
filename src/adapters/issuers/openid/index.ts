import { form, optional, required, withDefault, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { issuerAdapter } from '../adapter.ts';

const keys = {
  url: required(urlForm, 'the issuer identifier', { example: 'https://example.eu.auth0.com/' }),
  discovery: withDefault(
    form.oneOf('oidc', 'oauth2'),
    'oidc',
    'which metadata document it has: OpenID Connect Discovery or RFC 8414',
  ),
  typ: optional(form.text(), 'the `typ` header that its JWTs must have; without it `at+jwt` and `JWT` are taken'),
  algorithms: optional(form.list(form.text(), { minimum: 1 }), 'signature algorithms to take', {
    example: '[ES256]',
  }),
} satisfies Keys;

/** OAuth 2 authorization servers that tell of themselves by a metadata document; by openid-client and jose. */
export const openid = issuerAdapter<typeof keys>({
  type: 'openid',
  keys,
  plain: ['url'],
  addresses: ({ url }) => [{ key: 'url', url }],
  laptop: ({ issuer }) => ({ url: issuer, discovery: 'oidc', typ: undefined, algorithms: undefined }),
  async load() {
    const { createIssuer } = await import('./issuer.ts');
    return { create: (settings, services) => createIssuer({ ...settings, ...services }) };
  },
});
