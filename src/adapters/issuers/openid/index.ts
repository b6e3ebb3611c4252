import { form, optional, required, withDefault, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { issuerAdapter } from '../adapter.ts';
import { discoveryForm } from '../discovery-form.ts';

const keys = {
  url: required(urlForm, 'the issuer identifier', { example: 'https://example.eu.auth0.com/' }),
  discovery: withDefault(
    discoveryForm,
    'oidc',
    'which metadata document it has: `oidc` (OpenID Connect Discovery), `oauth2` (RFC 8414), or the address of one, where it is reached by another name than its own',
    { example: 'https://keycloak.internal/realms/main/.well-known/openid-configuration' },
  ),
  'token-endpoint': optional(
    urlForm,
    'its token endpoint, instead of what the document says; with `jwks-uri`, or for opaque tokens, no document is asked for',
  ),
  'jwks-uri': optional(urlForm, 'its key set, instead of what the document says'),
  'revocation-endpoint': optional(
    urlForm,
    'its endpoint that revokes tokens (RFC 7009), instead of what the document says',
  ),
  'token-issuer': optional(
    form.list(form.text(), { minimum: 1, orOne: true }),
    'the `iss` of its tokens, where that is not `url`; the `access_token_issuer` of AD FS is known by itself',
    { example: 'https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/' },
  ),
  typ: optional(form.text(), 'the `typ` header that its JWTs must have; without it `at+jwt` and `JWT` are taken'),
  algorithms: optional(form.list(form.text(), { minimum: 1 }), 'signature algorithms to take', {
    example: '[ES256]',
  }),
} satisfies Keys;

const endpoints = ['token-endpoint', 'jwks-uri', 'revocation-endpoint'] as const;

/** OAuth 2 authorization servers that tell of themselves by a metadata document; by openid-client and jose. */
export const openid = issuerAdapter<typeof keys>({
  type: 'openid',
  keys,
  plain: ['url'],
  addresses: ({ url, discovery, ...settings }) => [
    { key: 'url', url },
    { key: 'discovery', url: discovery === 'oidc' || discovery === 'oauth2' ? undefined : discovery },
    ...endpoints.map((key) => ({ key, url: settings[key] })),
  ],
  check({ url }) {
    const document = url.search(/\/\.well-known\//i);
    if (document !== -1) {
      const hint = `write ${url.slice(0, document)}, as \`issuer\` of the document has it; the address goes under discovery:`;
      return [{ key: 'url', problem: 'is the address of a discovery document, not the issuer identifier', hint }];
    }
    // RFC 8414, section 2
    if (!/[?#]/.test(url)) return [];
    const hint = 'write it as `issuer` of its discovery document has it';
    return [{ key: 'url', problem: 'has a query or a fragment, which no issuer identifier has', hint }];
  },
  laptop: ({ issuer }) => ({
    url: issuer,
    discovery: 'oidc',
    'token-endpoint': undefined,
    'jwks-uri': undefined,
    'revocation-endpoint': undefined,
    'token-issuer': undefined,
    typ: undefined,
    algorithms: undefined,
  }),
  async load() {
    const { createIssuer } = await import('./issuer.ts');
    return {
      create: (settings, services) =>
        createIssuer({
          ...settings,
          ...services,
          fetch: services.way.fetch,
          tokenEndpoint: settings['token-endpoint'],
          jwksUri: settings['jwks-uri'],
          revocationEndpoint: settings['revocation-endpoint'],
          tokenIssuers: settings['token-issuer'],
        }),
    };
  },
});
