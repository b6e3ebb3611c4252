import type { Secret } from '../../../foundation/secret.ts';
import { form, required, type Keys } from '../../../language/forms.ts';
import { readToken } from '../../read-token.ts';
import { vaultAdapter } from '../adapter.ts';
import { connectSetup } from './connect-setup.ts';

const keys = {
  url: required(form.text({ pattern: /^https?:\/\/\S+$/i, expects: 'an http(s) address' }), 'where Connect is', {
    example: 'https://connect.example.com',
  }),
  token: required(form.tokenSource(), 'where an access token of Connect is: one of the keys', {
    example: '{ file: /run/credentials/connect }',
  }),
} satisfies Keys;

/** 1Password Connect, by its REST API: a server of one's own that keeps a copy of some vaults. */
export const onepasswordConnect = vaultAdapter<typeof keys, { readonly laptopToken: Secret }>({
  type: 'onepassword-connect',
  keys,
  plain: [],
  addresses: ({ url }) => [{ key: 'url', url }],
  check({ url }) {
    if (!/\/v1\/?$/.test(url)) return [];
    return [{ key: 'url', problem: 'ends with /v1', hint: 'leave it out: /v1 and /health stand below this address' }];
  },
  setup: connectSetup,
  // the laptop's token stands nowhere that one is read from
  laptop: ({ vault }) => ({ url: vault.address, token: { env: '' }, laptopToken: vault.connectToken }),
  async load() {
    const { createConnectVault } = await import('./vault.ts');
    return {
      create({ url, token, laptopToken }, { development, taken, way, now }) {
        const read = () =>
          laptopToken === undefined ? readToken(token, taken, "Connect's token") : Promise.resolve(laptopToken);
        return createConnectVault({ url, token: read, development, way, now });
      },
    };
  },
});
