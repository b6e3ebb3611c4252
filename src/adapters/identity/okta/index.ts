import { form, type Keys, optional, required } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys } from '../../bearer.ts';
import { apiOfLaptop, apiOptions, apiProblems, type PlayedApi } from '../own-api.ts';
import { permissionLines } from '../permission-lines.ts';
import { proofClientOf, proofKeys, proofOfLaptop, proofTrouble } from '../proof-client.ts';

const keys = {
  url: required(urlForm, 'the org: `https://acme.okta.com`'),
  ...bearerKeys,
  group: optional(
    form.text({ pattern: /^00g[A-Za-z0-9]+$/, expects: 'the id of a group: 00g1emaKYZTWRYYRRTSK' }),
    'new users are made in it: what an admin role may do for its members alone',
  ),
  ...proofKeys('an application with the grants Resource Owner Password and MFA OTP'),
} satisfies Keys;

type Settings = SettingsOf<typeof keys, PlayedApi>;

/** Users, one-time passwords, sessions and clients of an org by Okta's API. */
export const okta = identityProviderAdapter<typeof keys, PlayedApi>({
  type: 'okta',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url }) => [{ key: 'url', url }],
  check({ url }, given) {
    const hint = 'write the address of the org alone: https://acme.okta.com';
    return apiProblems(url, given, /\/(?:api|oauth2)(?:\/|$)|[?#]/, 'an org', hint);
  },
  offers: ['set-password', 'end-sessions', 'begin-enrolment', 'proof', 'client-secrets'],
  lacks: ({ proof }, capability) => (capability === 'proof' ? proofTrouble(proof) : undefined),
  laptop: ({ doubles: { okta: double } }) => ({
    ...apiOfLaptop(double),
    group: undefined,
    proof: proofOfLaptop(double),
  }),
  setup: (name, { url, group }) =>
    permissionLines(name, `scopes of the service app of its token at ${url}, and a custom admin role`, [
      ['okta.users.read okta.users.manage', `role: manages users of ${group ?? 'a group, which service.yaml names'}`],
      ['okta.apps.read okta.apps.manage', 'role: manages the applications whose secrets are rotated'],
      ['flowsOwner', 'no scope: an attribute (string) to add to the user profile, for the ownership mark'],
    ]),
  async load() {
    const { createOktaProvider } = await import('./provider.ts');
    const create = (settings: Settings, services: IdentityServices) => {
      const { read, token: ofFlow } = services;
      const { group, proof, double } = settings;
      return createOktaProvider({
        ...apiOptions(settings, services),
        // a flow gives an access token; what does not end is an API token of the org
        scheme: ofFlow === undefined ? 'SSWS' : 'Bearer',
        group,
        proof: proofClientOf(proof, double, read),
      });
    };
    return { create };
  },
});
