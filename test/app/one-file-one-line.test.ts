import { Ajv2020 } from 'ajv/dist/2020.js';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { adaptersOf } from '../../src/adapters/declaration.ts';
import { storeKeys } from '../../src/adapters/stores/adapter.ts';
import { vaultKeys } from '../../src/adapters/vaults/adapter.ts';
import { openApp } from '../../src/app/open-app.ts';
import { openFolder } from '../../src/app/open-folder.ts';
import { parts as real, type Parts } from '../../src/app/parts.ts';
import { flowSchema } from '../../src/folder/flows/flow-schema.ts';
import { flowKeys, stepKeys } from '../../src/folder/flows/read-flow.ts';
import { inputKeys } from '../../src/folder/flows/read-inputs.ts';
import { serviceKeysOf } from '../../src/folder/service/service-keys.ts';
import { serviceSchema } from '../../src/folder/service/service-schema.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { startStack } from '../../src/laptop/start-stack.ts';
import { keysText } from '../../src/language/reference-tables.ts';
import { stepsText } from '../../src/steps/reference-text.ts';
import { registerSteps } from '../../src/steps/register.ts';
import { findingsOf } from '../../src/surfaces/cli/check/online.ts';
import { setup } from '../../src/surfaces/cli/check/setup.ts';
import { processTerminal } from '../../src/surfaces/cli/terminal.ts';
import { told } from '../folder/folder.ts';
import { tableApi } from './made-up/api.ts';
import { lettersChannel } from './made-up/channel.ts';
import { memoryProvider } from './made-up/identity-provider.ts';
import { plainIssuer } from './made-up/issuer.ts';
import { textCapitals } from './made-up/step.ts';
import { filesStore } from './made-up/store.ts';
import { jsonVault } from './made-up/vault.ts';

// one line each: nothing else in the product knows them
const { adapters, kinds } = real;
const parts: Parts = {
  kinds: registerSteps([...new Set(kinds.values()), textCapitals]),
  adapters: {
    vaults: adaptersOf(vaultKeys, [jsonVault, ...adapters.vaults.values()]),
    issuers: adaptersOf({}, [...adapters.issuers.values(), plainIssuer]),
    'identity-providers': adaptersOf({}, [memoryProvider, ...adapters['identity-providers'].values()]),
    apis: adaptersOf({}, [...adapters.apis.values(), tableApi]),
    channels: adaptersOf({}, [lettersChannel, ...adapters.channels.values()]),
    stores: adaptersOf(storeKeys, [filesStore, ...adapters.stores.values()]),
  },
};

const root = mkdtempSync(join(tmpdir(), 'made-up-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dir = '';
let count = 0;
beforeEach(() => {
  dir = join(root, String((count += 1)));
  mkdirSync(dir);
});

const service = () => `default-environment: production
environments:
  production:
    key: op://Agents/Key/password
    vault: { type: json, file: ${dir}/vault.json }
    issuers:
      main: { type: plain, at: https://issuer.example/ }
    identity-providers:
      main: { type: memory, realm: people }
    stores:
      main: { type: crate, path: ${dir}/runtime }
    apis:
      main: { type: table, words: { first: hello } }
    notify:
      people: { type: letters, path: ${dir}/letters }
`;
const vault = {
  Agents: {
    Key: { password: 'root of our own keys' },
    OpenAI: { credential: 'canary-openai' },
    M2M: { username: 'orders', credential: 'canary-secret' },
  },
};
const push = `description: pushes
steps:
  - id: loud
    uses: text/capitals
    with: { text: abc, times: 2 }
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/M2M/username
      client-secret: op://Agents/M2M/credential
      token-format: opaque
  - id: user
    uses: idp/create-user
    with:
      provider: \${{ identity-providers.main }}
      username: ada
      email: ada@example.com
      given-name: Ada
      family-name: Lovelace
      password: op://Agents/OpenAI/credential
  - id: push
    uses: store/push
    with:
      store: \${{ stores.main }}
      secrets: [{ name: openai, value: op://Agents/OpenAI/credential }]
output: \${{ steps.loud }}
`;
/** what tells people, and asks an API */
const ask = `description: asks
break-glass: { notify: [people] }
steps:
  - id: word
    uses: http/get
    with: { api: '\${{ apis.main }}', path: '/word/{id}', path-values: { id: first }, response: { fields: [word] } }
output: \${{ steps.word.body.word }}
`;

function write(files: Readonly<Record<string, string>>): Promise<Awaited<ReturnType<typeof openFolder>>> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  writeFileSync(join(dir, 'vault.json'), JSON.stringify(vault));
  return openFolder(dir, {}, parts);
}

const open = (environment: string | undefined) =>
  openApp({
    dir,
    environment,
    parts,
    taken: takeEnvironment({}),
    variables: { XDG_STATE_HOME: join(dir, 'state'), HOME: dir },
    warn: () => undefined,
  });

describe('a made-up adapter of each kind and a made-up step, one file and one line each', () => {
  it('are checked', async () => {
    expect(told(await write({ 'service.yaml': service(), 'x.yaml': push, 'ask.yaml': ask }))).toEqual([]);
  });

  const wrong: readonly (readonly [string, string, string, string])[] = [
    ['an unknown key', 'path: ', 'pat: ', 'service.yaml:11:28 unknown key "pat" in "stores.main"'],
    ['an unsafe address', 'https://issuer', 'http://issuer', 'service.yaml:7:32 this address'],
    ['what the adapter says', 'path: /', 'path: ./', 'service.yaml:11:34 is not absolute'],
    ['an unknown type', 'type: crate', 'type: crtae', 'service.yaml:11:21 "stores.main.type" takes'],
    [
      'a name that the store refuses',
      'name: openai',
      'name: Open AI',
      'x.yaml:26:25 "secrets[0].name" is no name of a file',
    ],
    [
      'an unknown key of the channel',
      'letters, path',
      'letters, pat',
      'service.yaml:15:32 unknown key "pat" in "notify.people"',
    ],
    ['a path that the API has not', '/word/{id}', '/words/{id}', 'ask.yaml:6:44 "path": the API may not be asked at'],
    ['a key of the step', 'times: 2', 'times: 0', 'x.yaml:5:31 "times" takes'],
    [
      'what a provider cannot do',
      'idp/create-user',
      'idp/enroll-totp',
      'x.yaml:16:17 "main" is of type memory, which cannot take a one-time password of ours, or enrol',
    ],
  ];
  it.each(wrong)('are refused at the right place: %s', async (_, before, after, problem) => {
    const change = (text: string) => text.replace(before, after);
    const folder = await write({ 'service.yaml': change(service()), 'x.yaml': change(push), 'ask.yaml': change(ask) });
    expect(
      told(folder).some((line) => line.startsWith(problem)),
      told(folder).join('\n'),
    ).toBe(true);
  });

  it('are in the JSON Schemas and the reference', () => {
    const ajv = new Ajv2020({ strict: false });
    const validate = ajv.compile(serviceSchema(parts.adapters));
    const environment = (store: object) => ({ environments: { a: { stores: { main: store } } } });
    expect(validate(environment({ type: 'crate', path: '/x' }))).toBe(true);
    expect(validate(environment({ type: 'crate', region: 'eu-west-1' }))).toBe(false);
    expect(validate(environment({ type: 'aws-secrets-manager', region: 'eu-west-1' }))).toBe(true);
    expect(validate(environment({ path: '/x' }))).toBe(false);
    const flow = ajv.compile(flowSchema(flowKeys, stepKeys, inputKeys, parts.kinds));
    const step = (given: object) => ({ description: 'd', steps: [{ id: 'a', uses: 'text/capitals', with: given }] });
    expect(flow(step({ text: 'a', times: 1 }))).toBe(true);
    expect(flow(step({ text: 'a', tims: 1 }))).toBe(false);
    const text = keysText(serviceKeysOf(parts.adapters));
    const added = ['vault[].file', 'issuers.NAME.at', 'identity-providers.NAME.realm', 'stores.NAME.path'];
    for (const key of [...added, 'apis.NAME.words', 'notify.NAME.path'])
      expect(text).toContain(`\`environments.NAME.${key}\``);
    expect(text).toContain('`crate`: the folder');
    expect(stepsText(parts.kinds)).toContain('#### `text/capitals`');
  });

  it('tell what they need', async () => {
    const folder = await write({ 'service.yaml': service(), 'x.yaml': push, 'ask.yaml': ask });
    let out = '';
    expect(setup(folder, 'production', { ...processTerminal(false), out: (text) => void (out += text) })).toBe(0);
    expect(out).toBe(
      `# environment production
# files
chmod 0400 ${dir}/vault.json # Agents

# entries
# write M2M
# write OpenAI
# write Key

# store main
mkdir -p ${dir}/runtime # for openai
# channel people
mkdir -p ${dir}/letters
`,
    );
  });

  it('answer, plan and run', async () => {
    await write({ 'service.yaml': service(), 'x.yaml': push, 'ask.yaml': ask });
    const app = await open('production');
    try {
      const findings = await findingsOf(app);
      expect(findings.filter(({ failure }) => failure !== undefined)).toEqual([]);
      expect(findings.flatMap(({ what, where }) => (where === undefined ? [] : [[what, where]]))).toEqual([
        ['apis.main', 'table of 1'],
        ['issuers.main', 'https://issuer.example/'],
        ['identity-providers.main', 'realm people'],
        ['stores.main', `folder ${dir}/runtime`],
      ]);
      const flow = app.flow('x');
      const changes = async () =>
        (await app.plan(flow, {})).steps.flatMap(({ changes: found }) => (typeof found === 'string' ? [] : found));
      expect(await changes()).toMatchObject([
        { action: 'create', what: 'user "ada" at people' },
        { action: 'create', what: 'secret "openai"' },
      ]);
      expect(await app.run(flow, {})).toMatchObject({ kind: 'scalar', value: { value: 'ABCABC' } });
      expect(readFileSync(join(dir, 'runtime/openai'), 'utf8')).toBe('canary-openai');
      expect(await changes()).toMatchObject([{ action: 'none' }, { action: 'none' }]);
      expect(await app.run(app.flow('ask'), {})).toMatchObject({ kind: 'scalar', value: { value: 'hello' } });
      expect(readFileSync(join(dir, 'letters/break-glass.run'), 'utf8')).toBe('ask');
    } finally {
      await app.close();
    }
  });

  it('are made anew where the settings of a running app change', async () => {
    await write({ 'service.yaml': service(), 'x.yaml': push, 'ask.yaml': ask });
    const app = await open('production');
    try {
      const before = await app.connections();
      expect(app.use(await openFolder(dir, {}, parts))).toBe(false);
      expect(await app.connections()).toBe(before);
      expect(before.place('issuers', 'main')).toBe('https://issuer.example/');
      await write({ 'service.yaml': service().replace('https://issuer.example/', 'https://other.example/') });
      expect(app.use(await openFolder(dir, {}, parts))).toBe(true);
      const after = await app.connections();
      expect(after.place('issuers', 'main')).toBe('https://other.example/');
      // what is under way ends with what it began with
      expect(await app.run(app.flow('x'), {})).toMatchObject({ kind: 'scalar' });
      await write({
        'service.yaml': service().replace('  production:', '  staging:').replace(': production', ': staging'),
      });
      const gone = await openFolder(dir, {}, parts);
      expect(() => app.use(gone)).toThrow(/unknown environment "production"/);
      expect(app.environment().name).toBe('production');
    } finally {
      await app.close();
    }
  });

  it('stay those of the environment that a running app began with, whatever the default is by then', async () => {
    await write({ 'service.yaml': service(), 'x.yaml': push, 'ask.yaml': ask });
    const app = await open(undefined);
    try {
      const before = await app.connections();
      const [head = '', production = ''] = service().split('  production:');
      const staging = production.replace('https://issuer.example/', 'https://other.example/');
      const other = head.replace('production', 'staging');
      await write({ 'service.yaml': `${other}  production:${production}  staging:${staging}` });
      expect(app.use(await openFolder(dir, {}, parts))).toBe(false);
      expect(app.environment().name).toBe('production');
      expect(await app.connections()).toBe(before);
      await write({ 'service.yaml': `${other}  staging:${staging}` });
      const gone = await openFolder(dir, {}, parts);
      expect(() => app.use(gone)).toThrow(/unknown environment "production"/);
    } finally {
      await app.close();
    }
  });

  it('are played by the laptop, where they say how', async () => {
    // the laptop's own vault, issuer and users, and the made-up store
    const folder = await write({ 'x.yaml': push.replace(/ {2}- id: user\n(?: {4}.*\n)*/, '') });
    expect(told(folder)).toEqual([]);
    const before = process.env['XDG_STATE_HOME'];
    process.env['XDG_STATE_HOME'] = join(dir, 'state');
    const stack = await startStack(folder);
    const app = await open('development');
    try {
      expect(await app.run(app.flow('x'), {})).toMatchObject({ kind: 'scalar' });
      expect(readFileSync(join(dir, 'runtime/openai'), 'utf8')).toMatch(/^[\w-]{20,}$/);
    } finally {
      await app.close();
      await stack.close();
      if (before === undefined) delete process.env['XDG_STATE_HOME'];
      else process.env['XDG_STATE_HOME'] = before;
    }
  });
});
