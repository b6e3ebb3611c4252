import { form, type Keys, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys } from '../../bearer.ts';
import { apiOfLaptop, apiOptions, apiProblems, type PlayedApi } from '../own-api.ts';
import { permissionLines } from '../permission-lines.ts';

const mark = 'extensionAttribute15';

const keys = {
  url: withDefault(urlForm, 'https://graph.microsoft.com', 'Graph, where it is that of a national cloud'),
  ...bearerKeys,
  mark: withDefault(
    form.text({ pattern: /^extensionAttribute(?:[1-9]|1[0-5])$/, expects: 'extensionAttribute1 to 15' }),
    mark,
    'the extension attribute of users that has the ownership mark: one that nothing else writes',
  ),
  preview: withDefault(
    form.boolean(),
    false,
    "uses what Graph has in its beta alone: the vault's own one-time passwords, as hardware tokens",
  ),
} satisfies Keys;

type Settings = SettingsOf<typeof keys, PlayedApi>;

/** Users, sessions and app registrations of a Microsoft Entra tenant by Graph. */
export const entra = identityProviderAdapter<typeof keys, PlayedApi>({
  type: 'entra',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url }) => [{ key: 'url', url }],
  check({ url }, given) {
    const hint = 'write the address of Graph alone: https://graph.microsoft.com';
    return apiProblems(url, given, /\/(?:v1\.0|beta)(?:\/|$)|[?#]/, 'Graph', hint);
  },
  offers: ['set-password', 'end-sessions', 'import-seed', 'client-secrets'],
  lacks({ preview }, capability) {
    if (capability !== 'import-seed' || preview) return undefined;
    return {
      problem: 'takes one-time passwords of ours only by what Graph has in its beta',
      hint: 'add preview: true to it in service.yaml, or enrol by hand',
    };
  },
  laptop: ({ doubles: { entra: double } }) => ({
    ...apiOfLaptop(double),
    mark,
    preview: true,
  }),
  setup: (name, { preview }) =>
    permissionLines(name, 'application permissions of the application of its token, with consent', [
      ['User.ReadWrite.All', 'users, the end of sessions'],
      ['User Administrator', 'no permission: a role, for other passwords'],
      ['Application.ReadWrite.OwnedBy', 'client secrets, of applications that it owns'],
      ...(preview
        ? ([
            ['Policy.ReadWrite.AuthenticationMethod', 'one-time passwords'],
            ['UserAuthenticationMethod.ReadWrite.All', 'one-time passwords'],
          ] as const)
        : []),
    ]),
  async load() {
    const { createEntraProvider } = await import('./provider.ts');
    const create = (settings: Settings, services: IdentityServices) => {
      const { mark, preview } = settings;
      return createEntraProvider({ ...apiOptions(settings, services), mark, preview });
    };
    return { create };
  },
});
