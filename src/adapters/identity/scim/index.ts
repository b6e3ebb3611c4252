import type { Secret } from '../../../foundation/secret.ts';
import { form, optional, required, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys, bearerOf, bearerProblems } from '../../bearer.ts';
import type { SettingsOf } from '../../declaration.ts';
import { loadSignIn, signInAddresses, signInKeys, signInTrouble } from '../sign-in-pages/sign-in-keys.ts';

const keys = {
  url: required(urlForm, 'base URL of the SCIM 2.0 service'),
  ...bearerKeys,
  ...signInKeys,
  'client-secrets': optional(
    form.text({ pattern: /^[A-Za-z0-9._~-]+$/, expects: 'a path of one segment' }),
    'path of a resource type for client secrets, where the service has one: `clientId`, `sha256`, `meta.created` and `value`, which is only written',
    { example: 'ClientSecrets' },
  ),
} satisfies Keys;

interface Laptop {
  readonly laptopToken: Secret;
}
type Settings = SettingsOf<typeof keys, Laptop>;

/** Users by SCIM 2.0 (RFC 7643, RFC 7644), and sign-ins by the provider's own pages. */
export const scim = identityProviderAdapter<typeof keys, Laptop>({
  type: 'scim',
  keys,
  plain: ['type', 'url'],
  addresses: (settings) => [{ key: 'url', url: settings.url }, ...signInAddresses(settings)],
  check: (_, given) => bearerProblems(given),
  offers: ['sign-in', 'client-secrets'],
  lacks: (settings, capability) => (capability === 'sign-in' ? signInTrouble(settings) : secretsTrouble(settings)),
  laptop: ({ scim: { url, token }, signIn: { clientId, redirectUri } }) => ({
    url,
    laptopToken: token,
    token: undefined,
    'token-flow': undefined,
    'sign-in': { issuer: 'main', 'client-id': clientId, 'redirect-uri': redirectUri, pages: 'keycloak' },
    'client-secrets': 'ClientSecrets',
  }),
  async load() {
    const [{ createScimProvider }, signInOf] = await Promise.all([import('./provider.ts'), loadSignIn()]);
    const create = (settings: Settings, services: IdentityServices) => {
      const { name, development, now, way } = services;
      const { url, laptopToken } = settings;
      return createScimProvider({
        name,
        now,
        url,
        development,
        fetch: way.fetch,
        clientSecrets: settings['client-secrets'],
        token: bearerOf(settings, services, laptopToken),
        ...signInOf(settings, services),
      });
    };
    return { create };
  },
});

/** SCIM itself has no word for them. */
function secretsTrouble({ 'client-secrets': path }: Pick<Settings, 'client-secrets'>) {
  if (path !== undefined) return undefined;
  return {
    problem: 'has no resource type for client secrets',
    hint: 'name it with client-secrets: in service.yaml, or use a provider of another type',
  };
}
