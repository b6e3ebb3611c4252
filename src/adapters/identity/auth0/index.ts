import { form, type Keys, required, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys } from '../../bearer.ts';
import { apiOfLaptop, apiOptions, apiProblems, type PlayedApi } from '../own-api.ts';
import { permissionLines } from '../permission-lines.ts';
import { proofClientOf, proofKeys, proofOfLaptop, proofTrouble } from '../proof-client.ts';

const connection = 'Username-Password-Authentication';

const keys = {
  url: required(urlForm, 'the tenant: `https://acme.eu.auth0.com`'),
  ...bearerKeys,
  connection: withDefault(form.text(), connection, 'the database connection that its users are in'),
  ...proofKeys('an application with the grants Password and MFA'),
} satisfies Keys;

type Settings = SettingsOf<typeof keys, PlayedApi>;

/** Users, one-time passwords, sessions and clients of a tenant by Auth0's Management API. */
export const auth0 = identityProviderAdapter<typeof keys, PlayedApi>({
  type: 'auth0',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url }) => [{ key: 'url', url }],
  check({ url }, given) {
    const hint = 'write the address of the tenant alone: https://acme.eu.auth0.com';
    return apiProblems(url, given, /\/api\/v2\/?$|[?#]/, 'a tenant', hint);
  },
  offers: ['set-password', 'end-sessions', 'import-seed', 'proof', 'client-secrets', 'client-keys'],
  lacks: ({ proof }, capability) => (capability === 'proof' ? proofTrouble(proof) : undefined),
  laptop: ({ doubles: { auth0: double } }) => ({
    ...apiOfLaptop(double),
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
      const { connection, proof, double } = settings;
      return createAuth0Provider({
        ...apiOptions(settings, services),
        connection,
        proof: proofClientOf(proof, double, services.read),
      });
    };
    return { create };
  },
});
