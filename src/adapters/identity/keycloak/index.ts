import { form, type Keys, optional, required, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import type { LaptopDouble } from '../../laptop-stack.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys, bearerOf, bearerProblems } from '../bearer.ts';
import { loadSignIn, signInAddresses, signInKeys, signInTrouble } from '../sign-in-pages/sign-in-keys.ts';
import { realmIn } from './realm.ts';

const keys = {
  url: required(urlForm, 'the realm: `https://login.example.com/realms/main`, as its issuer is written'),
  ...bearerKeys,
  group: optional(
    form.text({ pattern: /^\//, expects: 'the path of a group: /break-glass' }),
    'new users are made in it: what a token may do for its members alone',
  ),
  proof: optional(
    form.object({
      'client-id': required(form.text(), 'a client with direct access grants'),
      'client-secret': optional(form.reference(), 'its secret, where it is no public client'),
    }),
    'how an account is proved without pages: password and one-time code for a token',
  ),
  'two-secrets': withDefault(
    form.boolean(),
    false,
    'a client policy of the realm rotates secrets, so that a client may have two; without it a new secret ends the former',
  ),
  ...signInKeys,
} satisfies Keys;

interface Laptop {
  readonly double: LaptopDouble | undefined;
}
type Settings = SettingsOf<typeof keys, Laptop>;

/** Users, one-time passwords, sessions and clients of a realm by Keycloak's Admin REST API. */
export const keycloak = identityProviderAdapter<typeof keys, Laptop>({
  type: 'keycloak',
  keys,
  plain: ['type', 'url'],
  addresses: (settings) => [{ key: 'url', url: settings.url }, ...signInAddresses(settings)],
  check({ url }, given) {
    const hint = 'write the address of the realm, without /admin: https://login.example.com/realms/main';
    const wrong = realmIn(url) === undefined ? [{ key: 'url', problem: 'names no realm', hint }] : [];
    return [...wrong, ...bearerProblems(given)];
  },
  offers: ['set-password', 'end-sessions', 'import-seed', 'proof', 'sign-in', 'client-secrets', 'client-keys'],
  lacks(settings, capability) {
    if (capability === 'sign-in') return signInTrouble(settings);
    if (capability !== 'proof' || settings.proof !== undefined) return undefined;
    return {
      problem: 'has no client that proves accounts',
      hint: 'add proof: { client-id: …, client-secret: op://… } to it in service.yaml, or sign-in: with pages',
    };
  },
  laptop: ({ doubles: { keycloak: double }, signIn: { clientId, redirectUri } }) => ({
    url: double?.url ?? '',
    double,
    token: undefined,
    'token-flow': undefined,
    group: undefined,
    proof: { 'client-id': double?.proof.clientId ?? '', 'client-secret': undefined },
    'two-secrets': true,
    'sign-in': { issuer: 'main', 'client-id': clientId, 'redirect-uri': redirectUri, pages: 'keycloak' },
  }),
  async load() {
    const [{ createKeycloakProvider }, signInOf] = await Promise.all([import('./provider.ts'), loadSignIn()]);
    const create = (settings: Settings, services: IdentityServices) => {
      const { name, development, now, way, read, token: ofFlow } = services;
      const { url, group, proof, double } = settings;
      const ofLaptop = double && (() => Promise.resolve(double.token));
      const secret = proof?.['client-secret'];
      return createKeycloakProvider({
        name,
        url,
        development,
        now,
        fetch: way.fetch,
        token: ofFlow ?? ofLaptop ?? bearerOf(settings, services),
        group,
        twoSecrets: settings['two-secrets'],
        proof: proof && {
          clientId: proof['client-id'],
          clientSecret: secret === undefined ? double && (async () => double.proof.clientSecret) : () => read(secret),
        },
        ...signInOf(settings, services),
      });
    };
    return { create };
  },
});
