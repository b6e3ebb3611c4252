import { Secret } from '../../../src/foundation/secret.ts';
import { form, required, withDefault } from '../../../src/language/forms.ts';
import { urlForm } from '../../../src/language/url.ts';
import { issuerAdapter } from '../../../src/adapters/issuers/adapter.ts';

const keys = {
  at: required(urlForm, 'where it is'),
  prefix: withDefault(form.text(), 'token-of', 'what its tokens begin with'),
};

/** An issuer that signs nothing: its tokens are its clients' names. */
export const plainIssuer = issuerAdapter<typeof keys>({
  type: 'plain',
  keys,
  plain: ['type', 'at'],
  addresses: ({ at }) => [{ key: 'at', url: at }],
  load: () =>
    Promise.resolve({
      create: ({ at, prefix }, { name, now }) => ({
        name,
        url: at,
        attribution: undefined,
        discover: () => Promise.resolve(),
        async clientCredentials({ clientId, clientSecrets = [] }) {
          await clientSecrets[0]?.read();
          const accessToken = new Secret(`${prefix}-${clientId}`);
          return {
            accessToken,
            tokenType: 'Bearer',
            expiresAt: Math.floor(now() / 1000) + 60,
            scope: undefined,
            audience: undefined,
            jti: undefined,
          };
        },
        verify: () => Promise.resolve({ header: {}, claims: {} }),
        clockSkew: () => 0,
        requests: () => 0,
      }),
    }),
});
