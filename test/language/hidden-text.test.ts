import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/language/problems.ts';
import { load, service } from '../folder/folder.ts';
import { loadBrokerFiles } from '../../src/folder/policy-and-registry.ts';
import { loadDevelopmentFile } from '../../src/folder/development/read-development.ts';

const secrets = [
  'hunter2hunter2',
  'hunter2 hunter2',
  'hunter2,hunter2',
  '"hunter2hunter2"',
  "'hunter2 #hunter2'",
  'Agents/hunter2',
];
const odd = [
  '*hunter2hunter2',
  '&hunter2hunter2 x',
  '!hunter2hunter2',
  '@hunter2hunter2',
  '%hunter2',
  '"hunter2"hunter2',
  '`hunter2`',
  '$HUNTER2',
  '${hunter2}',
  'hunter2: hunter2',
  '|\n          hunter2\n\thunter2',
  '[hunter2',
  '>-\n          hunter2: "hunter2',
  '|hunter2hunter2',
  '>hunter2 hunter2',
  '#hunter2hunter2',
  '"op://Agents/a/b"hunter2',
  "'op://Agents/a/b' hunter2",
  '"${{ inputs.a }}"hunter2',
];

const minted = (key: string, value: string) => `description: d
steps:
  - id: a
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: id
      ${key}: ${value}
`;
const flow = (uses: string, given: string) =>
  `description: d\nsteps:\n  - { id: a, uses: ${uses}, with: { ${given} } }\n`;
const quoted = (value: string) => (/[,#]/.test(value) && !/^["']/.test(value) ? `'${value}'` : value);

const bare = (value: string) => encodeURIComponent(value.replaceAll('"', ''));

/** every place of a reference, a token or a hash, and what people write instead */
const places: readonly (readonly [string, (value: string) => Readonly<Record<string, string>>])[] = [
  ['client-secret', (value) => ({ 'x.yaml': minted('client-secret', value) })],
  [
    'a list of client secrets',
    (value) => ({ 'x.yaml': minted('client-secret', `[op://Agents/a/b, ${quoted(value)}]`) }),
  ],
  ['client-key', (value) => ({ 'x.yaml': minted('client-key', value) })],
  ['a misspelt key', (value) => ({ 'x.yaml': minted('client_pass', value) })],
  [
    'a key beside others that are wrong',
    (value) => ({ 'x.yaml': flow('vault/read', `references: x, reference: ${quoted(value)}`) }),
  ],
  ['reference', (value) => ({ 'x.yaml': flow('vault/read', `reference: ${quoted(value)}`) })],
  [
    'password',
    (value) => ({
      'x.yaml': flow('idp/create-user', `provider: x, username: x, email: x, password: ${quoted(value)}`),
    }),
  ],
  [
    'the value of a push',
    (value) => ({
      'x.yaml': flow('store/push', `store: '\${{ stores.aws }}', secrets: [{ name: a, value: ${quoted(value)} }]`),
    }),
  ],
  [
    'a member of a push',
    (value) => ({
      'x.yaml': flow('store/push', `stor: x, secrets: [{ name: a, value: { k: ${quoted(value)}, l: [] } }]`),
    }),
  ],
  [
    'a token',
    (value) => ({ 'service.yaml': service.replace('token: { env: AGENTS_TOKEN }', `token: ${quoted(value)}`) }),
  ],
  [
    'the variable of a token',
    (value) => ({ 'service.yaml': service.replace('env: AGENTS_TOKEN', `env: ${quoted(value)}`) }),
  ],
  [
    'who signs in at a proxy',
    (value) => ({ 'service.yaml': `${service}    proxy: socks5://u:${bare(value)}@proxy.example\n` }),
  ],
  [
    'who signs in at an issuer',
    (value) => ({ 'service.yaml': service.replace('issuer.example', `${bare(value)}@issuer.example`) }),
  ],
  ['the key', (value) => ({ 'service.yaml': service.replace('op://Agents/key/password', value) })],
  [
    'a reference of the registry',
    (value) => ({ 'registry.yaml': `secrets: { a.b: { reference: ${quoted(value)} } }\n` }),
  ],
  ['an entry of the registry', (value) => ({ 'registry.yaml': `secrets: { a.b: ${quoted(value)} }\n` })],
  ['an entry of a push', (value) => ({ 'x.yaml': flow('store/push', `store: x, secrets: [${quoted(value)}]`) })],
  ['a push by name', (value) => ({ 'x.yaml': flow('store/push', `store: x, secrets: { A: ${quoted(value)} }`) })],
  ['a hash of the policy', (value) => ({ 'policy.yaml': `agents: { codex: { tokens: [${quoted(value)}] } }\n` })],
  [
    'a password of development.yaml',
    (value) => ({ 'development.yaml': `users: [{ username: ada, password: ${quoted(value)} }]\n` }),
  ],
  [
    'a value of development.yaml',
    (value) => ({ 'development.yaml': `values: { op://Agents/no/where: ${quoted(value)} }\n` }),
  ],
];

async function problemsOf(files: Readonly<Record<string, string>>) {
  const folder = await load({ 'service.yaml': service, ...files });
  const broker = loadBrokerFiles(folder);
  const all = [folder, broker, loadDevelopmentFile(folder, broker)];
  const problems = all.flatMap((each) => [...each.problems, ...each.warnings]);
  return { problems, text: `${problems.map((each) => formatProblem(each)).join('\n')}${JSON.stringify(problems)}` };
}

describe.each(places)('%s', (_, files) => {
  it.each(secrets)('%s is never repeated', async (value) => {
    const { problems, text } = await problemsOf(files(value));
    // the name of a variable is one, whatever its owner thinks
    const isName = files(value)['service.yaml']?.includes(`env: ${value}`) === true;
    expect(problems.length > 0 || isName).toBe(true);
    expect(text).not.toMatch(/hunter2/i);
  });
});

describe('where the file is not even YAML', () => {
  it.each(odd.filter((value) => /^["']\S+["']/.test(value)))('{ client-secret: %s } is not repeated', async (value) => {
    const { problems, text } = await problemsOf({
      'x.yaml': flow('oauth/client-credentials', `client-secret: ${value}, client-id: id`),
    });
    expect(problems).not.toEqual([]);
    expect(text).not.toMatch(/hunter2/i);
  });

  it('a reference, and what else is no secret, is shown', async () => {
    for (const value of ['"op://Agents/a/b"', "'op://Agents/a/b' # which", 'op://Agents/a/b', '"${{ inputs.a }}"']) {
      const { text } = await problemsOf({
        'x.yaml': minted('client-secret', `${value}\n      client-secret: ${value}`),
      });
      expect(text).toContain(value.replace(/ #.*/, ''));
    }
  });

  it.each(odd)('client-secret: %s is not repeated', async (value) => {
    const { problems, text } = await problemsOf({ 'x.yaml': minted('client-secret', value) });
    expect(problems).not.toEqual([]);
    expect(text).not.toMatch(/hunter2/i);
  });
});

it('shows references, expressions and what no key of a secret holds', async () => {
  const { text } = await problemsOf({
    'x.yaml': minted('client-secret', 'op://Agents/a'),
    'y.yaml': `${minted('client-secret', '${{ steps.b }}')}\noutput: vars.prefix is {{ vars.prefix }}\n`,
  });
  expect(text).toContain('client-secret: op://Agents/a');
  expect(text).toContain('client-secret: ${{ steps.b }}');
  expect(text).toContain('output: vars.prefix is');
});
