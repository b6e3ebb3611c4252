import { afterAll, expect, test } from 'vitest';
import { createHome } from '../../e2e/home.ts';

const home = createHome(false);
afterAll(() => home.close());

const token = (audience: string) => `  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Robot/username
      client-secret: op://Agents/Robot/credential
      audience: ${audience}
`;
const seeds = `  - id: one
    uses: vault/set-one-time-password
    with: { item: op://Accounts/Shared }
  - id: push
    uses: store/push
    with:
      store: \${{ stores.main }}
      secrets: [{ name: '\${{ inputs.prefix }}/key', value: op://Agents/API/key }]
`;

/** Flows of one's own: two that read, one that writes, one for elsewhere, and one that asks for what nobody can guess. */
function writeFolder(dir: string): void {
  home.write(
    `${dir}/token.yaml`,
    `description: a token\nsteps:\n${token('https://api.example')}output: \${{ steps.token }}\n`,
  );
  home.write(
    `${dir}/key.yaml`,
    'description: a key\nsteps:\n  - { id: key, uses: vault/read, with: { reference: op://Agents/API/key } }\noutput: { key: "${{ steps.key }}" }\n',
  );
  home.write(
    `${dir}/seed.yaml`,
    `description: writes\ninputs:\n  prefix: { type: string, description: p }\nsteps:\n${seeds}`,
  );
  home.write(
    `${dir}/elsewhere.yaml`,
    'description: x\nenvironments: [production]\nsteps:\n  - { id: a, uses: vault/read, with: { reference: op://A/B/c } }\n',
  );
  home.write(
    `${dir}/asked.yaml`,
    'description: x\ninputs:\n  ticket: { pattern: "[A-Z]+-[0-9]+", description: t }\nsteps:\n  - { id: a, uses: vault/read, with: { reference: op://A/B/c } }\n',
  );
  home.write(
    `${dir}/service.yaml`,
    `default-environment: development
environments:
  development: {}
  production:
    key: op://Agents/key/password
    vault: { type: onepassword, token: { env: TOKEN } }
    issuers: { main: { url: https://issuer.example } }
    stores: { main: { type: aws-secrets-manager, region: eu-west-1 } }
`,
  );
}

/** Of each line whether it held, and which it is. */
function toldOf(stdout: string): string[][] {
  return [...stdout.matchAll(/^(ok|FAIL|skip) +(\S+)/gm)].map(([, result = '', name = '']) => [result, name]);
}

test('dev --once tries each flow of one’s own folder, what writes twice, and shows no value', async () => {
  writeFolder('mine');
  const { code, stdout, stderr } = await home.flows(['dev', '--once', '--dir', 'mine']);
  expect(stdout).not.toContain('FAIL');
  expect(toldOf(stdout)).toEqual([
    ['skip', 'asked'],
    ['skip', 'elsewhere'],
    ['ok', 'key'],
    ['ok', 'token'],
    ['ok', 'seed'],
  ]);
  expect(stdout).toMatch(/^skip +asked +the input "ticket" cannot be made up: give it a default$/m);
  expect(stdout).toMatch(/^ok +key +\d+ ms +read: key$/m);
  expect(stdout).toMatch(/^ok +seed +\d+ ms +planned, run, and nothing left to change$/m);
  expect(stdout).toMatch(/^All lines held in [\d.]+ s\.$/m);
  expect(stdout + stderr).not.toMatch(/eyJ|[\w-]{32}/);
  expect(code).toBe(0);
});

test('a flow that does not hold is told, the others are tried, and the exit code says so', async () => {
  writeFolder('wrong');
  home.write('wrong/half.yaml', 'description: x\nsteps: [{ id: a, uses: vault/raed }]\n');
  home.write(
    'wrong/development.yaml',
    'clients: { robot: { audiences: https://other.example } }\nvalues: { op://Agents/Robot/username: robot }\n',
  );
  home.askBy('onepassword-connect', 'wrong');
  const { code, stdout } = await home.flows(['dev', '--once', '--dir', 'wrong']);
  expect(toldOf(stdout).filter(([result]) => result !== 'skip')).toEqual([
    ['FAIL', 'half'],
    ['ok', 'key'],
    ['FAIL', 'token'],
    ['ok', 'seed'],
  ]);
  expect(stdout).toMatch(/^FAIL +half +\d+ ms +wrong\/half\.yaml:2:\d+: unknown step kind "vault\/raed"/m);
  expect(stdout).toMatch(/^2 of 4 lines did not hold in/m);
  expect(code).toBe(4);
});

test('a running laptop brings its vault what an edited flow names, and says what needs another start', async () => {
  writeFolder('edited');
  home.askBy('onepassword-connect', 'edited');
  const dev = home.start(['dev', '--dir', 'edited']);
  await dev.shows('Ctrl-C stops everything');
  home.write(
    'edited/later.yaml',
    'description: x\nsteps:\n  - { id: a, uses: vault/read, with: { reference: op://New/Item/key } }\noutput: "${{ steps.a }}"\n',
  );
  await dev.shows('the vault has now: op://New/Item/key');
  const later = await home.flows(['later', '--dir', 'edited']);
  expect([later.code, later.stdout]).toEqual([0, expect.stringMatching(/^[\w-]{32}\n$/)]);
  home.write('edited/other.yaml', `description: x\nsteps:\n${token('https://new.example')}`);
  await dev.shows('start `flows dev` again');
  dev.child.kill('SIGINT');
  expect((await dev.ended).code).toBe(0);
});
