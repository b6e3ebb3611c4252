import { form, type Keys, optional, required, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import type { LaptopDouble } from '../../laptop-stack.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys, bearerOf, bearerProblems } from '../bearer.ts';

const connection = 'Username-Password-Authentication';

const keys = {
  url: required(urlForm, 'the tenant: `https://acme.eu.auth0.com`'),
  ...bearerKeys,
  connection: withDefault(form.text(), connection, 'the database connection that its users are in'),
  proof: optional(
    form.object({
      'client-id': required(form.text(), 'an application with the grants Password and MFA'),
      'client-secret': optional(form.reference(), 'its secret, where it is no public client'),
    }),
    'how an account is proved without pages: password and one-time code for a token',
  ),
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
  lacks({ proof }, capability) {
    if (capability !== 'proof' || proof !== undefined) return undefined;
    return {
      problem: 'has no client that proves accounts',
      hint: 'add proof: { client-id: …, client-secret: op://… } to it in service.yaml',
    };
  },
  laptop: ({ doubles: { auth0: double } }) => ({
    url: double?.url ?? '',
    double,
    token: undefined,
    'token-flow': undefined,
    connection,
    proof: { 'client-id': double?.proof.clientId ?? '', 'client-secret': undefined },
  }),
  async load() {
    const { createAuth0Provider } = await import('./provider.ts');
    const create = (settings: Settings, services: IdentityServices) => {
      const { name, development, now, way, read, token: ofFlow } = services;
      const { url, proof, double } = settings;
      const ofLaptop = double && (() => Promise.resolve(double.token));
      const secret = proof?.['client-secret'];
      return createAuth0Provider({
        name,
        url,
        development,
        now,
        fetch: way.fetch,
        token: ofFlow ?? ofLaptop ?? bearerOf(settings, services),
        connection: settings.connection,
        proof: proof && {
          clientId: proof['client-id'],
          clientSecret: secret === undefined ? double && (async () => double.proof.clientSecret) : () => read(secret),
        },
      });
    };
    return { create };
  },
});
