import { form, optional, required, withDefault, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { bearerKeys, bearerOf, bearerProblems } from '../../bearer.ts';
import { storeAdapter } from '../adapter.ts';
import { vaultPolicy } from './policy.ts';
import { vaultKvRules } from './rules.ts';

const path = form.text({ pattern: /^[\w.-]+(?:\/[\w.-]+)*$/, expects: 'a path, without a slash around it' });

const keys = {
  url: required(urlForm, 'where HashiCorp Vault or OpenBao is', { example: 'https://vault.example.com' }),
  mount: withDefault(path, 'secret', 'where the KV engine of version 2 is mounted'),
  namespace: optional(path, 'the namespace that the mount, and the token, are in', { example: 'team' }),
  'jwt-role': optional(
    form.text(),
    'logs in by JWT with this role: what `token` or `token-flow` gives is the JWT; without it, it is the token of Vault itself',
  ),
  'jwt-mount': withDefault(path, 'jwt', 'where that auth method is mounted'),
  'token-flow': { ...bearerKeys['token-flow'], description: 'name of a flow whose output is that JWT or token' },
  token: {
    ...bearerKeys.token,
    description: 'that token or JWT: a reference, or where it is, read again where it was refused',
    example: '{ file: /run/credentials/vault }',
  },
} satisfies Keys;

/** The KV engine, version 2, of HashiCorp Vault and OpenBao. */
export const vaultKv = storeAdapter<typeof keys>({
  type: 'vault-kv',
  keys,
  plain: ['type', 'mount', 'namespace'],
  addresses: ({ url }) => [{ key: 'url', url }],
  place: ({ mount, namespace }) => `Vault KV "${namespace === undefined ? mount : `${namespace}/${mount}`}"`,
  check({ url, 'jwt-role': role }, given) {
    const problems = [...bearerProblems(given, 'store')];
    if (/\/v1\/?$/.test(url))
      problems.push({ key: 'url', problem: 'ends with /v1', hint: 'leave it out: it is part of every path' });
    if (given.has('jwt-mount') && role === undefined)
      problems.push({ key: 'jwt-mount', problem: 'stands there without jwt-role', hint: 'add jwt-role: ROLE' });
    return problems;
  },
  rules: vaultKvRules,
  setup: vaultPolicy,
  async load() {
    const { createVaultKvStore } = await import('./store.ts');
    return {
      create: (settings, services) =>
        createVaultKvStore({
          ...settings,
          ...services,
          token: bearerOf(settings, services),
          jwt:
            settings['jwt-role'] === undefined
              ? undefined
              : { role: settings['jwt-role'], mount: settings['jwt-mount'] },
        }),
    };
  },
});
