import { form, type Keys, required, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import type { LaptopDouble } from '../../laptop-stack.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys, bearerOf, bearerProblems } from '../../bearer.ts';
import { permissionLines } from '../permission-lines.ts';
import { proofClientOf, proofKeys, proofOfLaptop, proofTrouble } from '../proof-client.ts';

const connection = 'Username-Password-Authentication';

const keys = {
  url: required(urlForm, 'the tenant: `https://acme.eu.auth0.com`'),
  ...bearerKeys,
  connection: withDefault(form.text(), connection, 'the database connection that its users are in'),
  ...proofKeys('an application with the grants Password and MFA'),
} satisfies Keys;

interface Laptop {
  readonly double: LaptopDouble | undefined;
}
type Settings = SettingsOf<typeof keys, Laptop>;

/** Users, one-time passwords, sessions and clients of a tenant by Auth0's Management API. */
export const auth0 = identityProviderAdapter<typeof keys, Laptop>({
  type: 'auth0',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url }) => [{ key: 'url', url }],
  check({ url }, given) {
    const hint = 'write the address of the tenant alone: https://acme.eu.auth0.com';
    const below = url !== undefined && /\/api\/v2\/?$|[?#]/.test(url);
    const wrong = below ? [{ key: 'url', problem: 'is more than the address of a tenant', hint }] : [];
    return [...wrong, ...bearerProblems(given)];
  },
  offers: ['set-password', 'end-sessions', 'import-seed', 'proof', 'client-secrets', 'client-keys'],
  lacks: ({ proof }, capability) => (capability === 'proof' ? proofTrouble(proof) : undefined),
  laptop: ({ doubles: { auth0: double } }) => ({
    url: double?.url ?? '',
    double,
    token: undefined,
    'token-flow': undefined,
    connection,
    proof: proofOfLaptop(double),
  }),
  setup: (name, { url }) =>
    permissionLines(name, `scopes of the application of its token, for the audience ${new URL('/api/v2/', url).href}`, [
      ['create:users read:users update:users', 'users, their passwords'],
      ['create:authentication_methods read:authentication_methods delete:authentication_methods', 'one-time passwords'],
      ['delete:sessions delete:refresh_tokens', 'the end of sessions'],
      ['read:clients read:client_keys update:client_keys', 'client secrets'],
      ['update:clients create:client_credentials read:client_credentials', 'client keys'],
      ['update:client_credentials delete:client_credentials', 'client keys'],
    ]),
  async load() {
    const { createAuth0Provider } = await import('./provider.ts');
    const create = (settings: Settings, services: IdentityServices) => {
      const { name, development, now, way, read } = services;
      const { url, proof, double } = settings;
      return createAuth0Provider({
        name,
        url,
        development,
        now,
        fetch: way.fetch,
        token: bearerOf(settings, services, double?.token),
        connection: settings.connection,
        proof: proofClientOf(proof, double, read),
      });
    };
    return { create };
  },
});
