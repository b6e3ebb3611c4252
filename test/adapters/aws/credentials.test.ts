import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createSecretsManagerStore } from '../../../src/adapters/stores/aws-secrets-manager/store.ts';
import { translateCredentialError } from '../../../src/adapters/aws/credentials.ts';
import { oneAddress } from '../../../src/adapters/aws/one-address.ts';
import { startStack } from '../stores/aws-secrets-manager/stack.ts';

const canary = 'canary-of-the-helper';
let folder = '';
const closing: (() => Promise<unknown>)[] = [];

/** A home with AWS's shared configuration, and nothing else of the environment. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aws-'));
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
  vi.stubEnv('HOME', folder);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  await writeFile(join(folder, 'credentials'), '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) await close();
  await rm(folder, { recursive: true });
});

const config = (text: string) => writeFile(join(folder, 'config'), text);

async function helper(body: string): Promise<string> {
  const file = join(folder, 'helper.sh');
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o700);
  return file;
}

/** What a push would end with, and how often anything was asked. */
async function failure(options: { profile?: string; endpoint?: string } = {}) {
  const { aws, close } = await startStack();
  closing.push(close);
  const { region, address } = aws;
  const store = createSecretsManagerStore({ name: 'aws', region, endpoint: address, development: true, ...options });
  closing.push(() => store.close());
  const error = await store.inspect([{ name: 'app/a' }]).catch((thrown: unknown) => thrown);
  expect(store.requests()).toBe(0);
  if (!(error instanceof FlowError)) throw new TypeError('it must fail');
  expect(error.line()).not.toContain(canary);
  return error;
}

const session = '[sso-session s]\nsso_start_url = https://sso.example/start\nsso_region = eu-west-1\n';
const sso = 'sso_session = s\nsso_account_id = 123456789012\nsso_role_name = pusher\n';
const printed = (more: Record<string, unknown>) =>
  `echo '${JSON.stringify({ Version: 1, AccessKeyId: canary, SecretAccessKey: canary, ...more })}'`;

/** each with the profile of service.yaml, and with the one that the environment chooses */
const profiles: readonly (readonly [what: string, lines: string, code: string, hint: RegExp, helper?: string])[] = [
  ['that is not there', '', 'invalid', /list-profiles/],
  ['without credentials', '[profile work]\nregion = eu-west-1\n', 'invalid', /list-profiles/],
  ['of SSO to be renewed', `[profile work]\n${sso}${session}`, 'denied', /aws sso login --profile work$/],
  [
    'of the older SSO to be renewed',
    '[profile work]\nsso_start_url = https://sso.example/start\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n',
    'denied',
    /aws sso login --profile work$/,
  ],
  ['of SSO without its session', `[profile work]\n${sso}`, 'invalid', /get-caller-identity --profile work$/],
  [
    'of a role with MFA',
    '[profile work]\nrole_arn = arn:aws:iam::1:role/r\nmfa_serial = arn:aws:iam::1:mfa/me\nsource_profile = base\n[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = x\n',
    'denied',
    /export-credentials --profile work/,
  ],
  [
    'of a circle',
    '[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = b\n[profile b]\nrole_arn = arn:aws:iam::1:role/q\nsource_profile = work\n',
    'invalid',
    /correct it/,
  ],
  [
    'of a helper that fails',
    '[profile work]\ncredential_process = HELPER\n',
    'denied',
    /credential_process --profile work$/,
    `echo ${canary} >&2; exit 3`,
  ],
  [
    'of a helper that is not there',
    '[profile work]\ncredential_process = /nowhere/helper\n',
    'denied',
    /credential_process --profile work$/,
  ],
  [
    'of a helper that prints no JSON',
    '[profile work]\ncredential_process = HELPER\n',
    'invalid',
    /look at what it prints/,
    `echo ${canary}`,
  ],
  [
    'of a helper that prints no keys',
    '[profile work]\ncredential_process = HELPER\n',
    'invalid',
    /look at what it prints/,
    `echo '{"Version":1,"x":"${canary}"}'`,
  ],
  [
    'of a helper that gives ended keys',
    '[profile work]\ncredential_process = HELPER\n',
    'denied',
    /sign in anew/,
    printed({ Expiration: '2020-01-01T00:00:00Z' }),
  ],
];

describe('a profile', () => {
  it.each(profiles.map((each) => [each[0], each] as const))(
    '%s is told by its kind',
    async (_, [, lines, code, hint, body]) => {
      const program = body === undefined ? '' : await helper(body);
      await config(lines.replace('HELPER', program));
      const declared = await failure({ profile: 'work' });
      expect([declared.code, declared.hint, declared.message]).toEqual([
        code,
        expect.stringMatching(hint),
        expect.any(String),
      ]);
      vi.stubEnv('AWS_PROFILE', 'work');
      const chosen = await failure();
      expect([chosen.code, chosen.message, chosen.hint]).toEqual([declared.code, declared.message, declared.hint]);
    },
  );

  it('by default is told of too', async () => {
    await config(`[default]\ncredential_process = ${await helper('exit 1')}\n`);
    const message = expect.stringContaining('helper program of profile "default"');
    expect(await failure()).toMatchObject({ code: 'denied', message });
  });

  it('that nobody has is none', async () => {
    await config('');
    expect(await failure()).toMatchObject({ code: 'denied', message: 'no AWS credentials were found' });
  });

  it('with an odd name stands in the command as one word', () => {
    const error = Object.assign(new Error('aws sso login'), { name: 'CredentialsProviderError' });
    expect(translateCredentialError(error, "my work's")?.hint).toMatch(/--profile 'my work'\\''s'$/);
  });
});

describe('keys that no request can be signed with', () => {
  it.each([
    ['access key id', { AWS_ACCESS_KEY_ID: 'AKIA\r', AWS_SECRET_ACCESS_KEY: canary }],
    ['secret access key', { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: `${canary}\n` }],
    ['session token', { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: canary, AWS_SESSION_TOKEN: '\ufeffx' }],
  ])('are told: the %s', async (name, variables) => {
    for (const [variable, value] of Object.entries(variables)) vi.stubEnv(variable, value);
    const { code, message } = await failure();
    expect([code, message]).toEqual(['invalid', expect.stringContaining(`the AWS ${name} has a line break`)]);
  });
});

describe('a web identity', () => {
  it.each([
    ['absent', 'nowhere'],
    ['a folder', '.'],
  ])('file that is %s is told of, with its name', async (_, name) => {
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/r');
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(folder, name));
    const error = await failure();
    expect([error.code, error.hint]).toEqual(['invalid', expect.stringContaining('AWS_WEB_IDENTITY_TOKEN_FILE')]);
  });

  const thrown = (name: string, message: string) => Object.assign(new Error(message), { name });
  it.each([
    [
      'a trust policy',
      thrown('AccessDenied', `${canary} is not authorized to perform: sts:AssumeRoleWithWebIdentity`),
      /trust policy/,
    ],
    ['its audience', thrown('InvalidIdentityToken', canary), /audience/],
    ['its issuer', thrown('IDPRejectedClaimException', canary), /issuer/],
    ['SSO, by the account', thrown('CredentialsProviderError', 'ForbiddenException: No access'), /sso_role_name/],
    [
      'SSO, by the session',
      thrown('CredentialsProviderError', 'UnauthorizedException: Session token'),
      /aws sso login/,
    ],
    [
      'aws login',
      thrown('CredentialsProviderError', 'please re-authenticate using aws login'),
      /aws login --profile work/,
    ],
  ])('or a session, refused for %s', (_, error, hint) => {
    const translated = translateCredentialError(error, 'work');
    expect(translated?.code).toBe('denied');
    expect(translated?.hint).toMatch(hint);
    expect(translated?.line()).not.toContain(canary);
  });
});

describe('an address that service.yaml does not name', () => {
  /** takes whatever is sent to it, and says that all is well */
  async function elsewhere() {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.end('{}');
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    closing.push(
      () =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    );
    return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
  const keys = '[profile work]\naws_access_key_id = AKIA\naws_secret_access_key = x\n';
  const places: readonly (readonly [string, (url: string) => Promise<void> | void])[] = [
    ['the general variable', (url) => void vi.stubEnv('AWS_ENDPOINT_URL', url)],
    ["the service's own variable", (url) => void vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', url)],
    ['the variable of who we are', (url) => void vi.stubEnv('AWS_ENDPOINT_URL_STS', url)],
    ['the profile', (url) => config(`${keys}endpoint_url = ${url}\n`)],
    [
      "the profile's services",
      (url) => config(`${keys}services = s\n[services s]\nsecrets_manager =\n  endpoint_url = ${url}\n`),
    ],
    [
      "the profile's services, of who we are",
      (url) => config(`${keys}services = s\n[services s]\nsts =\n  endpoint_url = ${url}\n`),
    ],
  ];

  it.each(places)('is refused before anything is asked: %s', async (_, set) => {
    const { seen, url } = await elsewhere();
    await config(keys);
    vi.stubEnv('AWS_PROFILE', 'work');
    await set(url);
    for (const [development, account] of [
      [true, '123456789012'],
      [false, '123456789012'],
      [false, undefined],
    ] as const) {
      const store = createSecretsManagerStore({ name: 'aws', region: 'eu-west-1', account, development });
      for (const ask of [() => store.verify([]), () => store.inspect([{ name: 'a' }])])
        await expect(ask()).rejects.toMatchObject({
          code: 'refused',
          hint: expect.stringContaining('endpoint: in service.yaml'),
        });
      await store.close();
    }
    expect(seen).toEqual([]);
  });

  it.each(places)('does not count beside the one that it names: %s', async (_, set) => {
    const { seen, url } = await elsewhere();
    await config(keys);
    vi.stubEnv('AWS_PROFILE', 'work');
    await set(url);
    const { aws, open, close } = await startStack({}, { accessKeys: [{ id: 'AKIA', secret: new Secret('x') }] });
    closing.push(close);
    const store = open({ credentials: undefined, account: aws.account });
    await store.verify([]);
    expect((await store.inspect([{ name: 'a' }])).size).toBe(0);
    expect([store.address, seen]).toEqual([aws.address, []]);
    await store.close();
  });

  it('is not asked for a role either', async () => {
    const { seen, url } = await elsewhere();
    await config(`${keys}[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = work\n`);
    vi.stubEnv('AWS_ENDPOINT_URL_STS', url);
    vi.stubEnv('AWS_ENDPOINT_URL', url);
    const error = await failure({ profile: 'role' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FlowError); // the double gives no roles
    expect(seen).toEqual([]);
  });

  it('is what the SDK is told to pass over', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
    vi.stubEnv('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true');
    const store = createSecretsManagerStore({ name: 'aws', region: 'eu-west-1', development: false });
    await store.verify([]);
    expect(store.address).toBe('https://secretsmanager.eu-west-1.amazonaws.com');
    await store.close();
  });
});

it('is asked by the signature that there is, whatever AWS_AUTH_SCHEME_PREFERENCE says', async () => {
  vi.stubEnv('AWS_AUTH_SCHEME_PREFERENCE', 'sigv4a');
  vi.stubEnv('AWS_SIGV4A_SIGNING_REGION_SET', '*');
  const { store, close } = await startStack();
  closing.push(close);
  expect((await store.inspect([{ name: 'a' }])).size).toBe(0);
});

it('is not asked where nobody would look at its certificate', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  const store = createSecretsManagerStore({
    name: 'aws',
    region: 'eu-west-1',
    development: false,
    credentials: { accessKeyId: 'AKIA', secretAccessKey: new Secret('x') },
  });
  await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'refused' });
  expect(store.requests()).toBe(0);
  await store.close();
});

describe('FIPS and dual stack', () => {
  const asked: readonly (readonly [string, string, string])[] = [
    ['AWS_USE_FIPS_ENDPOINT', 'us-gov-west-1', 'https://secretsmanager-fips.us-gov-west-1.amazonaws.com'],
    ['AWS_USE_DUALSTACK_ENDPOINT', 'eu-west-1', 'https://secretsmanager.eu-west-1.amazonaws.com'],
  ];
  it.each(asked)(
    '%s: the address that is told is the one that is used, and the record is filed by it',
    async (variable, region, address) => {
      vi.stubEnv(variable, 'true');
      const store = createSecretsManagerStore({ name: 'aws', region, development: false });
      await store.verify([]);
      expect(store.address).toBe(address);
      expect(store.scope).toContain(address);
      await store.close();
    },
  );

  it.each([...asked.map(([variable]) => variable), 'use_fips_endpoint'])(
    '%s beside endpoint: is refused, and nothing is asked',
    async (variable) => {
      if (variable === 'use_fips_endpoint') await config('[default]\nuse_fips_endpoint = true\n');
      else vi.stubEnv(variable, 'true');
      expect(await failure()).toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('names an endpoint'),
        hint: expect.stringContaining(variable),
      });
    },
  );

  it.each(['eu-west-1', 'us-gov-west-1', 'cn-north-1', 'eusc-de-east-1'])(
    'of who we are is there in %s too',
    async (region) => {
      const { STSClient } = await import('@aws-sdk/client-sts');
      const address = await oneAddress(new STSClient({ region }), { whose: 'store "aws"', region });
      expect(address.hostname).toMatch(new RegExp(`^sts\\.${region}\\.amazonaws\\.`));
    },
  );

  it('do not concern the laptop, which gives its own credentials', async () => {
    vi.stubEnv('AWS_USE_FIPS_ENDPOINT', 'true');
    vi.stubEnv('AWS_USE_DUALSTACK_ENDPOINT', 'true');
    const { store, close } = await startStack();
    closing.push(close);
    expect((await store.inspect([{ name: 'a' }])).size).toBe(0);
  });
});
