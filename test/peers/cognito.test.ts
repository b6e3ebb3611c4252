import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { cognito } from '../../src/adapters/identity/cognito/index.ts';
import { createCognitoProvider } from '../../src/adapters/identity/cognito/provider.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codeAt } from '../../src/foundation/totp.ts';
import { poolSession } from '../adapters/identity/cognito/session.ts';
import { type CapableProvider, identityCapabilitiesContract } from '../contracts/identity-capabilities.ts';
import { identityProviderContract, newUser } from '../contracts/identity-provider.ts';
import { freePort, pythonEnvironment, startPython } from './python.ts';

const region = 'eu-west-1';

/** Passwords of the suites have small letters, digits and hyphens. */
const free = { RequireUppercase: false, RequireLowercase: false, RequireNumbers: false, RequireSymbols: false };

/** ministack with a pool where second factors are a matter of choice, and the adapter on it. Seeds and codes are real there. */
async function startPool(pool: { readonly UsernameAttributes?: ['email'] } = {}) {
  const environment = await pythonEnvironment(['ministack==1.5.33']);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = await startPython(environment, ['-c', 'from ministack.app import main; main()'], {
    env: { BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port) },
    ready: `${endpoint}/_ministack/health`,
  });
  const keys = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new CognitoIdentityProvider({ endpoint, region, credentials: keys });
  const made = await client.createUserPool({
    PoolName: 'main',
    Policies: { PasswordPolicy: { ...free, MinimumLength: 14 } },
    Schema: [{ Name: 'flowsOwner', AttributeDataType: 'String', Mutable: false }],
    ...pool,
  });
  const UserPoolId = made.UserPool?.Id ?? '';
  const settings = { SoftwareTokenMfaConfiguration: { Enabled: true }, MfaConfiguration: 'OPTIONAL' } as const;
  await client.setUserPoolMfaConfig({ UserPoolId, ...settings });
  const appClient = async (further: object) => {
    const given = { UserPoolId, ClientName: 'app', GenerateSecret: true, ...further };
    const { ClientId: clientId = '', ClientSecret = '' } =
      (await client.createUserPoolClient(given)).UserPoolClient ?? {};
    return { clientId, clientSecret: async () => new Secret(ClientSecret) };
  };
  const proof = await appClient({ ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] });
  const code: CapableProvider['code'] = (seed) => codeAt(seed, Date.now());
  const provider = createCognitoProvider({
    name: 'main',
    pool: UserPoolId,
    endpoint,
    credentials: { ...keys, secretAccessKey: new Secret(keys.secretAccessKey) },
    development: true,
    proof,
  });
  const under: CapableProvider = {
    provider,
    can: cognito.offers,
    refusedPassword: new Secret('too short'),
    code,
    pause: async () => undefined,
    locks: false,
    async session(...given) {
      const goesOn = await poolSession(client, UserPoolId, proof, code)(...given);
      // it ends what was begun in a second before: whole ones are all that its tokens know
      const begun = Math.floor(Date.now() / 1000);
      await expect.poll(() => Math.floor(Date.now() / 1000)).toBeGreaterThan(begun);
      return goesOn;
    },
    clients: { secret: '', keyed: '' },
    accepts: () => expect.unreachable(),
    async close() {
      client.destroy();
      await stop();
    },
  };
  return { ...under, client, UserPoolId, endpoint, appClient };
}

// what it lacks is played by the laptop's pool, which passes the same suites
const noRemoval = 'it has no AdminDeleteSoftwareToken';
identityProviderContract('Cognito, ministack', startPool, {
  'a user that was made is found and got, by name in any case and by id, with its mark':
    'it tells names apart by their case',
});
identityCapabilitiesContract(
  'Cognito, ministack',
  cognito.offers.filter((each) => each !== 'client-secrets'),
  startPool,
  {
    'are in force with the first right code, and not before': noRemoval,
    'of an account without a second factor is a finding: nobody was asked for a code': noRemoval,
  },
);

test('in a pool whose users sign in by address: one is found by it, whatever the pool calls the user, and proved', async () => {
  const { provider, code, close } = await startPool({ UsernameAttributes: ['email'] });
  try {
    const given = newUser();
    const { id } = await provider.create(given);
    expect(id).not.toBe(given.userName);
    const expected = { id, userName: given.userName, mark: given.mark, active: true, unfinished: false };
    expect(await provider.find(given.userName)).toEqual(expected);
    expect(await provider.get(id)).toEqual(expected);
    expect(await provider.get(given.userName)).toBeUndefined();
    const credentials = { username: given.userName, password: given.password };
    const begun = await provider.factors?.begin?.(id, credentials);
    if (begun === undefined) throw new TypeError('nothing was begun');
    const { seed, confirm } = begun;
    expect(await confirm(await code(seed))).toBe(true);
    const page = await provider.proof?.begin(credentials);
    expect(page?.at === 'one-time-code' && (await page.submit(await code(seed)))).toMatchObject({ subject: id });
  } finally {
    await close();
  }
});

test('a role that is taken with a token of a flow manages the pool, where the pool is', async () => {
  const { UserPoolId, endpoint, close } = await startPool();
  const token = () => Promise.resolve(new Secret('a.web.identity'));
  const webIdentity = { role: 'arn:aws:iam::000000000000:role/accounts', sessionName: 'flows', token, now: Date.now };
  try {
    const provider = createCognitoProvider({
      name: 'main',
      pool: UserPoolId,
      endpoint,
      development: true,
      webIdentity,
    });
    const given = newUser();
    await provider.create(given);
    expect(await provider.find(given.userName)).toMatchObject({ mark: given.mark });
  } finally {
    await close();
  }
});

test('a pool gives a machine its token by the secret of its app client, and to no other', async () => {
  const { client, UserPoolId, endpoint, appClient, close } = await startPool();
  try {
    const server = { UserPoolId, Identifier: 'orders', Name: 'orders' };
    await client.createResourceServer({ ...server, Scopes: [{ ScopeName: 'read', ScopeDescription: 'reads' }] });
    const { clientId, clientSecret } = await appClient({
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['client_credentials'],
      AllowedOAuthScopes: ['orders/read'],
    });
    // its discovery tells of AWS's own address
    const token = (secret: string) => {
      const fields = { grant_type: 'client_credentials', scope: 'orders/read', client_id: clientId };
      const body = new URLSearchParams({ ...fields, client_secret: secret });
      return fetch(`${endpoint}/oauth2/token`, { method: 'POST', body });
    };
    const answer = await token((await clientSecret()).reveal());
    expect(await answer.json()).toMatchObject({ access_token: expect.any(String), token_type: 'Bearer' });
    expect((await token('another secret')).status).toBe(400);
  } finally {
    await close();
  }
});
