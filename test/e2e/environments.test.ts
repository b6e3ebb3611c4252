import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmodSync, copyFileSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevelopmentIdentityProvider, startIdentityProvider } from '../../src/laptop/identity-provider/server.ts';
import { type DevelopmentSecretsManager, startSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { python } from '../programs.ts';
import { createHome } from './home.ts';

// an environment of one's own: servers that the command knows by their addresses only
const home = createHome(false);
const clientSecret = `secret-${crypto.randomUUID()}`;
const apiKey = `key-${crypto.randomUUID()}`;
let vault: DevelopmentVault;
let idp: DevelopmentIdentityProvider;
let aws: DevelopmentSecretsManager;
let token = '';
let connectToken = '';
let credentials: Record<string, string> = {};

beforeAll(async () => {
  symlinkSync('round', join(home.work, 'round'));
  const field = (label: string, type: 'text' | 'concealed' | 'one-time-password', value: string) => ({
    label,
    type,
    value,
  });
  [vault, idp, aws] = await Promise.all([
    startVault({
      vaults: [
        {
          name: 'Team',
          items: [
            {
              title: 'Client — a/b',
              fields: [field('username', 'text', 'robot'), field('credential', 'concealed', clientSecret)],
            },
            {
              title: 'Key',
              fields: [field('credential', 'concealed', apiKey), field('root', 'concealed', crypto.randomUUID())],
            },
            { title: 'Account', fields: [field('code', 'one-time-password', 'JBSWY3DPEHPK3PXP')] },
          ],
        },
      ],
    }),
    startIdentityProvider({
      clients: [
        {
          clientId: 'robot',
          secrets: [new Secret(clientSecret)],
          audiences: ['https://api.example'],
          scopes: ['read'],
        },
      ],
      scimToken: new Secret('unused-unused-unused'),
    }),
    startSecretsManager({ region: 'us-east-2', account: '210987654321' }),
  ]);
  token = vault.token().reveal();
  connectToken = vault.connectToken().reveal();
  credentials = {
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey.reveal(),
  };
  home.write('token', `${token}\n`);
  chmodSync(join(home.work, 'token'), 0o600);
  home.write('print-token.sh', `#!/bin/sh\nenv > "$(dirname "$0")/child-environment"\ncat "$(dirname "$0")/token"\n`);
  chmodSync(join(home.work, 'print-token.sh'), 0o700);
  home.write('flows/service.yaml', service());
  home.write(
    'flows/token.yaml',
    `description: x
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Team/Client — a%2Fb/username
      client-secret: op://Team/Client — a%2Fb/credential
      audience: https://api.example
      scope: [read]
output: \${{ steps.token }}
`,
  );
  home.write(
    'flows/code.yaml',
    'description: x\nsteps: [{ id: code, uses: totp/code, with: { reference: op://Team/Account/code, at-least: 1 } }]\noutput: ${{ steps.code }}\n',
  );
  home.write(
    'flows/push.yaml',
    'description: x\nsteps: [{ id: push, uses: secrets-manager/push, with: { store: "${{ stores.aws }}", secrets: [{ name: app/key, value: op://Team/Key/credential }] } }]\noutput: ${{ steps.push.counts }}\n',
  );
});
afterAll(async () => {
  await home.close();
  await Promise.all([vault.close(), idp.close(), aws.close()]);
});

const byConnect = "{ type: onepassword-connect, url: '${{ env.OP_CONNECT_HOST }}', token: { env: OP_CONNECT_TOKEN } }";
const connect = () => ({ OP_CONNECT_HOST: vault.address, OP_CONNECT_TOKEN: connectToken });

interface Changes {
  readonly token?: string;
  readonly vault?: string;
  readonly development?: boolean;
  readonly issuer?: string;
  readonly endpoint?: string;
  readonly account?: string;
}

function environment(name: string, changes: Changes = {}): string {
  const { issuer = idp.issuer, endpoint = aws.address, account = '210987654321' } = changes;
  return `  ${name}:
${changes.development === false ? '' : '    development: true\n'}    key: op://Team/Key/root
    vault: [${changes.vault ?? `{ type: onepassword, token: ${changes.token ?? '{ env: TEAM_TOKEN }'} }`}]
    issuers: { main: { url: '${issuer}' } }
    stores: { aws: { type: aws-secrets-manager, region: us-east-2, account: '${account}', endpoint: '${endpoint}' } }
`;
}

function service(): string {
  return `default-environment: by-variable
environments:
${environment('by-variable')}${environment('by-file', { token: '{ file: token }' })}${environment('by-command', { token: '{ command: [./print-token.sh] }' })}${environment('by-expression', { token: '"${{ env.TEAM_TOKEN }}"' })}${environment('by-connect', { vault: byConnect })}`;
}

describe('an environment of one’s own on this machine', () => {
  // one after the other: each signs in, a second of work, and more of it at once is late on a busy machine
  test('the vault’s token by-variable, by-expression and by-file: a value, a token and a code', async () => {
    const env = { TEAM_TOKEN: token };
    const read = await home.flows(['read', 'op://Team/Key/credential', '--environment', 'by-variable'], { env });
    expect([read.code, read.stdout, read.stderr]).toEqual([0, `${apiKey}\n`, '']);
    const minted = await home.flows(['token', '--json', '--environment', 'by-expression'], { env });
    expect([minted.code, JSON.parse(minted.stdout)]).toMatchObject([0, { scope: 'read', token_type: 'Bearer' }]);
    const code = await home.flows(['code', '--json', '--environment', 'by-file']);
    expect([code.code, JSON.parse(code.stdout)]).toMatchObject([0, { code: expect.stringMatching(/^\d{6}$/) }]);
  });

  test('push, and a check of all of it', async () => {
    const env = { TEAM_TOKEN: token, ...credentials };
    const online = await home.flows(['check', '--online'], { env });
    expect([online.code, online.stderr]).toEqual([0, '']);
    const pushed = await home.flows(['push', '--yes', '--json'], { env });
    expect([pushed.code, JSON.parse(pushed.stdout)]).toMatchObject([0, { create: 1 }]);
    expect(pushed.stderr).toContain(
      `environment by-variable, vault ${vault.address}, AWS account 210987654321 in us-east-2`,
    );
    expect(aws.dump()[0]?.versions[0]?.value.reveal()).toBe(apiKey);
    const again = await home.flows(['push', '--plan', '--detailed-exitcode'], { env });
    expect(again.code).toBe(0);
  });

  test('the same by 1Password Connect: token, code, push, and a check that tells of its health', async () => {
    const env = { ...connect(), FLOWS_ENVIRONMENT: 'by-connect', ...credentials };
    const [read, minted, code, online] = await Promise.all([
      home.flows(['read', 'op://Team/Key/credential'], { env }),
      home.flows(['token', '--json'], { env }),
      home.flows(['code', '--json'], { env }),
      home.flows(['check', '--online'], { env }),
    ]);
    expect([read.code, read.stdout, read.stderr]).toEqual([0, `${apiKey}\n`, '']);
    expect([minted.code, JSON.parse(minted.stdout)]).toMatchObject([0, { scope: 'read', token_type: 'Bearer' }]);
    expect([code.code, JSON.parse(code.stdout)]).toMatchObject([0, { code: expect.stringMatching(/^\d{6}$/) }]);
    expect([online.code, online.stderr]).toEqual([0, '']);
    expect(online.stdout).toContain(`vault ${vault.address}: 1Password Connect API development`);
    const pushed = await home.flows(['push', '--yes', '--json'], { env });
    expect([pushed.code, JSON.parse(pushed.stdout)]).toMatchObject([0, {}]);
    for (const each of [read, minted, code, online, pushed]) expect(each.stderr).not.toContain(connectToken);
  });

  test('a token that is not there: what names it, and its own exit code', async () => {
    const missing = await home.flows(['token']);
    expect([missing.code, missing.stdout]).toEqual([77, '']);
    expect(missing.stderr).toMatch(/^error: .*TEAM_TOKEN.*\n$/);
    const expression = await home.flows(['token', '--environment', 'by-expression']);
    expect([expression.code, expression.stderr]).toEqual([77, expect.stringMatching(/^error: .*TEAM_TOKEN.*\n$/)]);
  });

  test('the vault’s token by-command: no child inherits the token, or 1Password’s own variables', async () => {
    const env = {
      TEAM_TOKEN: token,
      OP_SERVICE_ACCOUNT_TOKEN: token,
      SOME_OTHER: token,
      OP_SESSION: 'x',
      KEPT: 'kept',
    };
    const ended = await home.flows(['read', 'op://Team/Key/credential', '--environment', 'by-command'], { env });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, `${apiKey}\n`, '']);
    const child = readFileSync(join(home.work, 'child-environment'), 'utf8');
    expect(child).toContain('KEPT=kept');
    expect(child).not.toContain(token);
    expect(child).not.toMatch(/TEAM_TOKEN|OP_SE/);
  });

  test('the wrong AWS account is refused before anything is pushed', async () => {
    home.write(
      'account/service.yaml',
      `default-environment: other\nenvironments:\n${environment('other', { account: '111111111111', vault: byConnect })}`,
    );
    home.write(
      'account/push.yaml',
      'description: x\nsteps: [{ id: push, uses: secrets-manager/push, with: { store: "${{ stores.aws }}", secrets: [{ name: wrong/account, value: op://Team/Key/credential }] } }]\n',
    );
    const ended = await home.flows(['push', '--yes', '--dir', 'account'], { env: { ...connect(), ...credentials } });
    expect([ended.code === 0, ended.stderr.trimEnd().split('\n').length]).toEqual([false, 1]);
    expect(ended.stderr).toContain('111111111111');
    expect(aws.dump().map(({ name }) => name)).not.toContain('wrong/account');
  });
});

/** Counts connections; answers everything with a redirect to somewhere else. */
async function redirector(to: string) {
  let connections = 0;
  const server = createServer((_request, response) => void response.writeHead(307, { location: to }).end());
  server.on('connection', () => (connections += 1));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, connections: () => connections, close: () => server.close() };
}

describe('addresses that nothing is sent to', () => {
  const flows = ['token', 'push'] as const;
  async function run(name: string, flow: string, changes: Changes, env: Record<string, string> = {}) {
    home.write(`${name}/service.yaml`, `default-environment: other\nenvironments:\n${environment('other', changes)}`);
    for (const each of flows)
      copyFileSync(join(home.work, `flows/${each}.yaml`), join(home.work, `${name}/${each}.yaml`));
    return home.flows([flow, ...(flow === 'push' ? ['--yes'] : []), '--dir', name], {
      env: { TEAM_TOKEN: token, ...connect(), ...credentials, ...env },
    });
  }

  test('plain http that is not on this machine, or without development: true', async () => {
    const before = [vault.requests(), idp.requests().token];
    for (const [name, changes] of [
      ['far-issuer', { issuer: 'http://login.example.com' }],
      ['far-store', { endpoint: 'http://aws.example.com' }],
      ['disguised', { issuer: 'http://localhost.example.com' }],
      ['user', { issuer: 'http://127.0.0.1@login.example.com' }],
      ['no-development', { development: false }],
    ] as const) {
      const ended = await run(name, 'token', changes);
      expect([name, ended.code, ended.stdout]).toEqual([name, 2, '']);
    }
    expect([vault.requests(), idp.requests().token]).toEqual(before);
  });

  test('a token whose vault is elsewhere, or here without development: true', async () => {
    const far = `ops_${Buffer.from(JSON.stringify({ signInAddress: 'http://vault.example.com', email: 'a@b' })).toString('base64url')}`;
    for (const [name, development, given] of [
      ['far', true, far],
      ['near', false, token],
      ['far-too', false, far],
    ] as const) {
      const before = vault.requests();
      const ended = await run(
        `vault-${name}`,
        'token',
        { development, issuer: 'https://login.example.com', endpoint: 'https://aws.example.com' },
        { TEAM_TOKEN: given },
      );
      expect([name, ended.code, ended.stdout]).toEqual([name, 2, '']);
      expect(ended.stderr).toMatch(/^error: .*\n$/);
      expect(ended.stderr).not.toContain(given);
      expect(vault.requests()).toBe(before);
    }
  });

  test('a redirect of issuer, vault or AWS', async () => {
    const target = await redirector('http://127.0.0.1:9');
    const hop = await redirector(target.url);
    const account = JSON.parse(Buffer.from(token.slice(4), 'base64url').toString()) as Record<string, unknown>;
    const moved = `ops_${Buffer.from(JSON.stringify({ ...account, signInAddress: hop.url })).toString('base64url')}`;
    try {
      for (const [name, flow, changes, env] of [
        ['hop-issuer', 'token', { issuer: hop.url, vault: byConnect }, {}],
        ['hop-store', 'push', { endpoint: hop.url, vault: byConnect }, {}],
        ['hop-connect', 'token', { vault: byConnect }, { OP_CONNECT_HOST: hop.url }],
        ['hop-vault', 'token', {}, { TEAM_TOKEN: moved }],
      ] as const) {
        const ended = await run(name, flow, changes, env);
        expect([name, ended.code === 0, ended.stdout]).toEqual([name, false, '']);
        expect([name, ended.stderr]).toEqual([name, expect.stringMatching(/^error: .*\n$/)]);
        expect(ended.stderr).not.toMatch(/unexpected fault/);
        expect([name, target.connections()]).toEqual([name, 0]);
      }
      expect(hop.connections()).toBeGreaterThanOrEqual(4);
    } finally {
      hop.close();
      target.close();
    }
  });
});

// a home that is read-only, or something in the folder's place; a home that cannot be looked into, which no folder is to root
describe.each(['token', 'round'])('where the state folder cannot be made: %s', (place) => {
  const env = () => ({
    ...connect(),
    FLOWS_ENVIRONMENT: 'by-connect',
    ...credentials,
    XDG_STATE_HOME: join(home.work, place),
  });

  test.each([
    ['code', []],
    ['push', ['--yes']],
  ])('%s is refused with the folder’s name', async (flow, more) => {
    const ended = await home.flows([flow, ...more], { env: env() });
    expect([ended.code, ended.stdout]).toEqual([69, '']);
    expect(ended.stderr).toContain(join(home.work, place, 'auth-chain'));
    expect(ended.stderr).not.toContain('unexpected fault');
  });

  test.runIf(python)('break-glass at a terminal goes on, aloud', async () => {
    const text = readFileSync(join(home.work, 'flows/code.yaml'), 'utf8');
    home.write('flows/urgent.yaml', text.replace('description: x', 'description: x\nbreak-glass: true'));
    const live = home.start(['urgent', '--reveal', '--reason', 'a look'], { terminal: true, env: env() });
    const shown = stripVTControlCharacters(await live.shows(/\b\d{6}\b/));
    live.child.stdin.write('\u0003');
    await live.ended;
    expect(shown).toContain('warning: not on the audit trail');
    expect(shown).not.toContain('unexpected fault');
  });
});
