import { form, type Keys, withDefault } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import type { SettingsOf } from '../../declaration.ts';
import type { LaptopDouble } from '../../laptop-stack.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { bearerKeys, bearerOf, bearerProblems } from '../../bearer.ts';
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

interface Laptop {
  readonly double: LaptopDouble | undefined;
}
type Settings = SettingsOf<typeof keys, Laptop>;

/** Users, sessions and app registrations of a Microsoft Entra tenant by Graph. */
export const entra = identityProviderAdapter<typeof keys, Laptop>({
  type: 'entra',
  keys,
  plain: ['type', 'url'],
  addresses: ({ url }) => [{ key: 'url', url }],
  check({ url }, given) {
    const hint = 'write the address of Graph alone: https://graph.microsoft.com';
    const below = url !== undefined && /\/(?:v1\.0|beta)(?:\/|$)|[?#]/.test(url);
    const wrong = below ? [{ key: 'url', problem: 'is more than the address of Graph', hint }] : [];
    return [...wrong, ...bearerProblems(given)];
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
    url: double?.url ?? '',
    double,
    token: undefined,
    'token-flow': undefined,
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
      const { name, development, now, way } = services;
      const { url, mark, preview, double } = settings;
      const token = bearerOf(settings, services, double?.token);
      return createEntraProvider({ name, url, development, now, fetch: way.fetch, token, mark, preview });
    };
    return { create };
  },
});
