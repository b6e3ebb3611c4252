import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { startVault } from '../../src/laptop/vault/server.ts';
import { type HostileIssuer, startHostileIssuer } from '../adapters/issuers/openid/hostile.ts';
import { selfSigned } from '../surfaces/server/certificate.ts';
import { type ForwardProxy, portOf, startForwardProxy, startPlain } from './forward-proxy.ts';
import { createHome, repository } from './home.ts';

const [vaultName, issuer, scim] = ['acme.1password.com', 'issuer.example', 'scim.example'];
const connectName = 'connect.example';
const [login, workload] = ['login.example', 'workload.example'];
const orders = 'orders.example';
const [portal, roles] = ['portal.sso.eu-west-1.amazonaws.com', 'sts.us-east-1.amazonaws.com'];
const [manager, sts] = ['secretsmanager.eu-west-1.amazonaws.com', 'sts.eu-west-1.amazonaws.com'];

const home = createHome(false);
const parts = new AsyncDisposableStack();
let proxy: ForwardProxy;
let env: Readonly<Record<string, string>>;
let local = '';
let secureAddress = '';
let keys: HostileIssuer;
const atLoopback: string[] = [];
/** what came to issuer, identity provider and API, each with its headers */
const farAway: string[] = [];

beforeAll(async () => {
  const fields = [
    { label: 'username', id: 'username', type: 'text', value: 'm2m' },
    { label: 'credential', type: 'concealed', value: 's3cret-of-the-client' },
    { label: 'otp', type: 'one-time-password', value: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' },
  ] as const;
  const vaults = [{ name: 'Agents', items: [{ title: 'M2M', fields }] }];
  const vault = await startVault({ name: vaultName, vaults });
  parts.defer(vault.close);
  const connectServer = await startVault({ name: connectName, vaults });
  parts.defer(connectServer.close);
  const aws = await startSecretsManager({ names: [manager, sts] });
  parts.defer(aws.close);
  const json = (body: unknown) => JSON.stringify(body);
  const answering = (at: string, seen: string[]) =>
    startPlain((request, response) => {
      seen.push(`${request.method} ${request.url} ${json(request.headers)}`);
      response.setHeader('content-type', 'application/json');
      if (request.url?.includes('well-known') === true)
        response.end(json({ issuer: at, token_endpoint: `${at}token`, jwks_uri: `${at}jwks` }));
      else if (request.url?.startsWith('/token') === true)
        response.end(json({ access_token: 'opaque-token', token_type: 'Bearer', expires_in: 300 }));
      else if (request.url?.startsWith('/jwks') === true) response.end(json({ keys: [] }));
      else response.end(json({ schemas: [], totalResults: 0, Resources: [] }));
    });
  const far = await answering(`https://${issuer}/`, farAway);
  keys = await startHostileIssuer();
  parts.defer(keys.close);
  const { metadata } = keys;
  keys.handlers.set('/.well-known/openid-configuration', (_, response) => {
    response.end(json({ ...metadata, issuer: `https://${workload}`, jwks_uri: `https://${workload}/jwks` }));
  });
  const pages = await startPlain((request, response) => {
    const at = `https://${login}/`;
    const found = json({ issuer: at, authorization_endpoint: `${at}authorize`, token_endpoint: `${at}token` });
    if (request.url?.includes('well-known') === true) response.end(found);
    else response.writeHead(503).end();
  });
  parts.defer(() => void pages.close());
  const given = { AccessKeyId: aws.credentials.accessKeyId, SecretAccessKey: aws.credentials.secretAccessKey.reveal() };
  const expiration = new Date(Date.now() + 3_600_000);
  const single = await startPlain((_, response) => {
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = given;
    const roleCredentials = { accessKeyId, secretAccessKey, sessionToken: 'x', expiration: expiration.getTime() };
    response.setHeader('content-type', 'application/json');
    response.end(json({ roleCredentials }));
  });
  const assumed = await startPlain((_, response) => {
    const all = Object.entries({ ...given, SessionToken: 'x', Expiration: expiration.toISOString() });
    const fields = all.map(([name, value]) => `<${name}>${value}</${name}>`).join('');
    response.setHeader('content-type', 'text/xml');
    response.end(
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${fields}</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  });
  parts.defer(() => void [single.close(), assumed.close()]);
  const near = await startPlain((request, response) => {
    atLoopback.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json');
    response.end(
      request.url?.includes('well-known') === true
        ? json({ issuer: local, token_endpoint: `${local}token`, jwks_uri: `${local}jwks` })
        : json({ access_token: 'near-token', token_type: 'Bearer', expires_in: 300 }),
    );
  });
  local = `http://127.0.0.1:${portOf(near)}/`;
  parts.defer(() => void [far.close(), near.close()]);
  const awsPort = Number(new URL(aws.address).port);
  proxy = await startForwardProxy({
    [vaultName]: Number(new URL(vault.address).port),
    [connectName]: Number(new URL(connectServer.address).port),
    [issuer]: portOf(far),
    [scim]: portOf(far),
    [orders]: portOf(far),
    [manager]: awsPort,
    [sts]: awsPort,
    [login]: portOf(pages),
    [workload]: Number(new URL(keys.issuer).port),
    [portal]: portOf(single),
    [roles]: portOf(assumed),
  });
  parts.defer(proxy.close);
  const ca = join(home.path, 'ca.pem');
  const front = selfSigned('localhost');
  writeFileSync(ca, proxy.certificates + front.certificate);
  const tls = createTlsServer({ cert: front.certificate, key: front.key }, (secure) => {
    const plain = connect(Number(new URL(proxy.address).port), '127.0.0.1');
    secure.pipe(plain).pipe(secure);
    for (const each of [secure, plain]) each.on('error', () => void [secure.destroy(), plain.destroy()]);
  });
  await new Promise<void>((listening) => tls.listen(0, '127.0.0.1', listening));
  parts.defer(() => void tls.close());
  secureAddress = `https://localhost:${portOf(tls)}`;
  const fieldsOf = JSON.parse(Buffer.from(vault.token().reveal().slice(4), 'base64url').toString()) as object;
  const token = `ops_${Buffer.from(JSON.stringify({ ...fieldsOf, signInAddress: `https://${vaultName}` })).toString('base64url')}`;
  env = {
    NODE_EXTRA_CA_CERTS: ca,
    OP_SERVICE_ACCOUNT_TOKEN: token,
    OP_CONNECT_TOKEN: connectServer.connectToken().reveal(),
    SCIM_TOKEN: 'scim-token',
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey.reveal(),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const flow = (url: string) => `description: a token
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.${url} }}
      client-id: op://Agents/M2M/username
      client-secret: op://Agents/M2M/credential
      token-format: opaque
output: \${{ steps.token }}
`;
  const connections = `    key: op://Agents/M2M/credential
    vault: { type: onepassword, token: { env: OP_SERVICE_ACCOUNT_TOKEN } }
    issuers:
      main: { url: 'https://${issuer}/' }
      login: { url: 'https://${login}/' }
    identity-providers:
      main: { type: scim, url: 'https://${scim}/', token: { env: SCIM_TOKEN }, sign-in: { issuer: login, client-id: c, redirect-uri: 'https://app.example/', pages: keycloak } }
    apis:
      main: { url: 'https://${orders}', methods: [GET], paths: [/orders], token: bearer }
    stores:
      aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' }
`;
  // the SDK's sign-in is a second of work: what is not about the way to it goes by Connect
  const connectVault = `{ type: onepassword-connect, url: 'https://${connectName}', token: { env: OP_CONNECT_TOKEN } }`;
  const byConnect = connections.replace(/\{ type: onepassword, .* \}$/m, connectVault);
  home.write(
    'flows/service.yaml',
    `default-environment: production
environments:
  production:
${connections}
  by-file:
    proxy: \${{ env.CORPORATE }}
${connections}
  by-connect:
${byConnect}
  by-connect-and-file:
    proxy: \${{ env.CORPORATE }}
${byConnect}
  mixed:
    development: true
${byConnect.replace(`https://${issuer}/`, local)}
`,
  );
  home.write(
    'flows/ask-orders.yaml',
    `description: asks an API
steps:
  - id: ask
    uses: http/get
    with: { api: '\${{ apis.main }}', path: /orders, token: op://Agents/M2M/credential, response: { fields: [totalResults] } }
output: \${{ steps.ask.body.totalResults }}
`,
  );
  home.write('flows/near-token.yaml', flow('main'));
  home.write('flows/orders-token.yaml', flow('main'));
  home.write(
    'flows/leave.yaml',
    `description: ends a user
inputs:
  user: { type: string, description: whose }
steps:
  - id: gone
    uses: idp/disable-user
    with: { provider: '\${{ identity-providers.main }}', user: '\${{ inputs.user }}' }
`,
  );
  home.write(
    'flows/enter.yaml',
    `description: signs in
steps:
  - id: sign-in
    uses: idp/sign-in
    with:
      provider: '\${{ identity-providers.main }}'
      username: someone
      password: op://Agents/M2M/credential
      one-time-password: op://Agents/M2M/otp
`,
  );
  home.write(
    'flows/policy.yaml',
    `agents:
  ci:
    trust: { issuer: 'https://${workload}', audience: flows, claims: { sub: c } }
    flows: [orders-token]
`,
  );
  home.write('flows/registry.yaml', 'secrets: {}\n');
  home.write(
    'aws/config',
    `[profile single]
sso_session = s
sso_account_id = 123456789012
sso_role_name = pusher
[sso-session s]
sso_region = eu-west-1
sso_start_url = https://acme.awsapps.com/start
[profile role]
role_arn = arn:aws:iam::123456789012:role/pusher
source_profile = keys
region = us-east-1
[profile keys]
aws_access_key_id = AKIA
aws_secret_access_key = x
`,
  );
  const session = { accessToken: 't', expiresAt: expiration.toISOString(), region: 'eu-west-1', startUrl: 'x' };
  home.write(`.aws/sso/cache/${createHash('sha1').update('s').digest('hex')}.json`, JSON.stringify(session));
  home.write(
    'flows/seed.yaml',
    `description: pushes one secret
steps:
  - id: push
    uses: store/push
    with:
      store: \${{ stores.aws }}
      secrets: [{ name: orders/key, value: op://Agents/M2M/credential }]
`,
  );
});
afterAll(async () => {
  await home.close();
  await parts.disposeAsync();
});
beforeEach(() => {
  proxy.asked.length = 0;
  proxy.credentials = undefined;
  proxy.silent = false;
});

const run = (args: readonly string[], more: Readonly<Record<string, string>>) =>
  home.flows(args, { env: { ...env, ...more } });
const hosts = () => [...new Set(proxy.asked)].toSorted();

const everyone = [vaultName, issuer, scim, manager, sts].map((name) => `${name}:443`).toSorted();

test('vault, issuer, identity provider and AWS are reached by the proxy, and check --online says so', async () => {
  const { stdout, stderr, code } = await run(['check', '--online'], { HTTPS_PROXY: proxy.address });
  const by = `by the proxy ${proxy.address}`;
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(stdout).toContain(`vault https://${vaultName}: ${by}`);
  expect(stdout).toContain(`issuers.main: https://${issuer}/ ${by}`);
  expect(stdout).toContain(`identity-providers.main: https://${scim}/ ${by}`);
  expect(stdout).toContain(`stores.aws: AWS account 123456789012 in eu-west-1 ${by}`);
  expect(stdout).toContain(`apis.main: https://${orders} ${by}: answers 200 to HEAD`);
  expect(hosts()).toEqual([...everyone, `${orders}:443`].toSorted());
});

test.each([
  ['http_proxy', {}, 'production', 'by-connect'],
  ['HTTP_PROXY', { HTTPS_PROXY: '', NODE_USE_ENV_PROXY: '1' }, 'production', 'by-connect'],
  ['CORPORATE', { HTTPS_PROXY: 'http://127.0.0.1:9' }, 'by-file', 'by-connect-and-file'],
])('%s with %j in %s: a token and a push, with credentials that nobody sees', async (name, more, bySdk, byConnect) => {
  proxy.credentials = 'someone:pass word';
  const address = proxy.address.replace('//', '//someone:pass%20word@');
  const surroundings = { [name]: address, ...more, FLOWS_ENVIRONMENT: byConnect };
  const token = await run(['orders-token'], { ...surroundings, FLOWS_ENVIRONMENT: bySdk });
  expect(token).toMatchObject({ stdout: 'opaque-token\n', code: 0 });
  expect(await run(['seed', '--yes'], surroundings)).toMatchObject({ code: 0 });
  const asked = everyone.map((each) => each.replace(scim, connectName));
  expect(hosts()).toEqual(asked.toSorted());
  farAway.length = 0;
  expect(await run(['ask-orders'], surroundings)).toMatchObject({ stdout: '0\n', code: 0 });
  expect(farAway).toEqual([expect.stringMatching(/^GET \/orders .*"authorization":"Bearer s3cret-of-the-client"/)]);
  expect(farAway.join()).not.toMatch(/proxy-authorization/i);
  proxy.credentials = 'another';
  const refused = await run(['check', '--online', '--json'], { ...surroundings, FLOWS_ENVIRONMENT: bySdk });
  expect(refused.code).not.toBe(0);
  expect(refused.stdout).toContain(`by the proxy ${proxy.address}`);
  for (const each of [token, refused]) expect(each.stdout + each.stderr).not.toMatch(/pass(?: |%20)word|someone/);
});

test('loopback is reached directly, whatever is set', async () => {
  atLoopback.length = 0;
  const { code, stdout } = await run(['near-token'], {
    HTTP_PROXY: proxy.address,
    HTTPS_PROXY: proxy.address,
    NODE_USE_ENV_PROXY: '1',
    FLOWS_ENVIRONMENT: 'mixed',
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'near-token\n' });
  expect(atLoopback).toContain('POST /token');
  expect(hosts()).toEqual([`${connectName}:443`]);
});

test('1Password Connect is reached by the proxy, under a certificate of a private authority', async () => {
  const surroundings = { HTTPS_PROXY: proxy.address, FLOWS_ENVIRONMENT: 'by-connect' };
  const wanted = ['read', 'op://Agents/M2M/username'];
  expect(await run(wanted, surroundings)).toMatchObject({ stdout: 'm2m\n', stderr: '', code: 0 });
  expect(hosts()).toEqual([`${connectName}:443`]);
  const { code, stderr } = await run(wanted, { ...surroundings, NODE_EXTRA_CA_CERTS: '' });
  expect(code).toBe(69);
  expect(stderr).toMatch(
    /connect\.example cannot be reached .*\(\w*(?:SELF_SIGNED|UNABLE_TO_VERIFY)\w*\) \(.*NODE_EXTRA_CA_CERTS\)/,
  );
});

test('what NO_PROXY names is not asked of the proxy', async () => {
  const { stdout } = await run(['check', '--online'], { HTTPS_PROXY: proxy.address, no_proxy: '.example,10.0.0.0/8' });
  expect(stdout).toContain(`issuers.main: https://${issuer}/ directly`);
  expect(hosts()).toEqual([vaultName, manager, sts].map((each) => `${each}:443`).toSorted());
});

test('a proxy that says nothing to CONNECT is left in time, and so ends the command', async () => {
  proxy.silent = true;
  const { stderr, code } = await run(['orders-token'], { HTTPS_PROXY: proxy.address });
  expect(code).not.toBe(0);
  expect(stderr).toContain(`the vault cannot be reached by the proxy ${proxy.address}`);
});

test('a proxy that is itself reached over TLS leads to all of them', async () => {
  const { stdout, code } = await run(['check', '--online'], { HTTPS_PROXY: secureAddress });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`by the proxy ${secureAddress}`) });
  expect(hosts()).toEqual(expect.arrayContaining(everyone));
});

test.each([
  ['single', portal],
  ['role', roles],
])('credentials of the AWS profile "%s" come by the proxy', async (profile, host) => {
  const { code, stderr } = await run(['seed', '--yes'], {
    HTTPS_PROXY: proxy.address,
    FLOWS_ENVIRONMENT: 'by-connect',
    AWS_PROFILE: profile,
    AWS_CONFIG_FILE: join(home.work, 'aws/config'),
    AWS_ACCESS_KEY_ID: '',
    HOME: home.work,
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(hosts()).toEqual([connectName, manager, sts, host].map((each) => `${each}:443`).toSorted());
});

test.each([
  ['HTTPS_PROXY', 'by-connect'],
  ['CORPORATE', 'by-connect-and-file'],
])('the pages of a sign-in are reached by %s in %s', async (name, environment) => {
  const { code, stderr } = await run(['enter'], { [name]: proxy.address, FLOWS_ENVIRONMENT: environment });
  expect({ code, stderr }).toMatchObject({ code: 69 });
  expect(hosts()).toContain(`${login}:443`);
});

test.each([
  ['HTTPS_PROXY', 'by-connect'],
  ['CORPORATE', 'by-connect-and-file'],
])('the broker gets the keys of a workload by %s in %s', async (name, environment) => {
  const running = home.start(['serve', '--port', '0', '--environment', environment], {
    env: { ...env, [name]: proxy.address },
  });
  const url = /listening on (http:\S+)/.exec(await running.shows(/listening on http:\S+/))?.[1] ?? '';
  try {
    const bearer = await keys.sign({ iss: `https://${workload}`, aud: 'flows' });
    const answer = await fetch(`${url}/v1/tokens/orders-token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
    });
    expect(await answer.json()).toMatchObject({ access_token: 'opaque-token' });
    expect(hosts()).toContain(`${workload}:443`);
  } finally {
    running.child.kill('SIGTERM');
    await running.ended;
  }
});

test('auth-chain/verify gets the keys of an issuer by the proxy', async () => {
  const program = `import { createVerifier } from ${JSON.stringify(`${repository}/dist/packages/verify/index.js`)};
const verifier = createVerifier({ issuer: 'https://${workload}', audience: 'orders' });
console.log((await verifier.verify(process.argv[1])).claims.aud);`;
  const token = await keys.sign({ iss: `https://${workload}`, aud: 'orders' });
  const words = [process.execPath, '--input-type=module', '-e', program, token];
  const { stdout } = await home.start([], { program: words, env: { ...env, HTTPS_PROXY: proxy.address } }).ended;
  expect(stdout).toBe('orders\n');
  expect(hosts()).toEqual([`${workload}:443`]);
});
