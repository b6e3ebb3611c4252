import { form, type Keys, optional, required, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys, bearerProblems } from '../../bearer.ts';
import { apiOfLaptop, apiOptions, type PlayedApi } from '../own-api.ts';
import { proofClientOf, proofKeys, proofOfLaptop, proofTrouble } from '../proof-client.ts';
import { loadSignIn, signInAddresses, signInKeys, signInTrouble } from '../sign-in-pages/sign-in-keys.ts';
import { realmIn } from './realm.ts';

const keys = {
  url: required(urlForm, 'the realm: `https://login.example.com/realms/main`, as its issuer is written'),
  ...bearerKeys,
  group: optional(
    form.text({ pattern: /^\//, expects: 'the path of a group: /break-glass' }),
    'new users are made in it: what a token may do for its members alone',
  ),
  ...proofKeys('a client with direct access grants'),
  'two-secrets': withDefault(
    form.boolean(),
    false,
    'a client policy of the realm rotates secrets, so that a client may have two; without it a new secret ends the former',
  ),
  ...signInKeys,
} satisfies Keys;

type Settings = SettingsOf<typeof keys, PlayedApi>;

/** Users, one-time passwords, sessions and clients of a realm by Keycloak's Admin REST API. */
export const keycloak = identityProviderAdapter<typeof keys, PlayedApi>({
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
    return capability === 'proof' ? proofTrouble(settings.proof, ', or sign-in: with pages') : undefined;
  },
  laptop: ({ doubles: { keycloak: double }, signIn: { clientId, redirectUri } }) => ({
    ...apiOfLaptop(double),
    group: undefined,
    proof: proofOfLaptop(double),
    'two-secrets': true,
    'sign-in': { issuer: 'main', 'client-id': clientId, 'redirect-uri': redirectUri, pages: 'keycloak' },
  }),
  async load() {
    const [{ createKeycloakProvider }, signInOf] = await Promise.all([import('./provider.ts'), loadSignIn()]);
    const create = (settings: Settings, services: IdentityServices) => {
      const { group, proof, double } = settings;
      return createKeycloakProvider({
        ...apiOptions(settings, services),
        group,
        twoSecrets: settings['two-secrets'],
        proof: proofClientOf(proof, double, services.read),
        ...signInOf(settings, services),
      });
    };
    return { create };
  },
});
