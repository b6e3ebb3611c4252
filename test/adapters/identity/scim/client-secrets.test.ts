import { createScimProvider } from '../../../../src/adapters/identity/scim/provider.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { startIdentityProvider } from '../../../../src/laptop/identity-provider/server.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';

const unused = () => Promise.reject(new TypeError('SCIM cannot do it'));

identityCapabilitiesContract('SCIM, the laptop', ['client-secrets'], async () => {
  const token = new Secret(`scim-${crypto.randomUUID()}`);
  const idp = await startIdentityProvider({
    clients: [
      { clientId: 'orders', secrets: [new Secret(crypto.randomUUID())], audiences: ['https://orders.example'] },
    ],
    scimToken: token,
  });
  const options = { name: 'main', url: idp.scimUrl, token: async () => token, development: true };
  return {
    provider: createScimProvider({ ...options, clientSecrets: 'ClientSecrets' }),
    can: ['client-secrets'],
    clients: { secret: 'orders', keyed: '' },
    locks: false,
    code: unused,
    pause: unused,
    session: unused,
    async accepts(secret) {
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'orders' });
      body.set('client_secret', secret.reveal());
      return (await fetch(new URL('/token', idp.issuer), { method: 'POST', body })).ok;
    },
    close: () => idp.close(),
  };
});
