import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stepKinds } from '../src/steps/index.ts';

interface Import {
  readonly from: string;
  /** a path below src, or a package's name */
  readonly to: string;
  readonly how: 'static' | 'type' | 'lazy';
}

const files = globSync('src/**/*.ts').map((file) => file.replaceAll('\\', '/'));
const imports = files.flatMap(importsOf);
const local = imports.filter(({ to }) => to.startsWith('src/'));
const packages = imports.filter(({ to }) => !to.startsWith('src/') && !to.startsWith('node:'));

function importsOf(from: string): Import[] {
  const text = readFileSync(from, 'utf8');
  const found = [
    ...[...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)';/gms)].map(
      ([, type, to = '']) => ({ to, how: type === undefined ? ('static' as const) : ('type' as const) }),
    ),
    ...[...text.matchAll(/\bimport\('([^']+)'\)/g)].map(([, to = '']) => ({ to, how: 'lazy' as const })),
  ];
  return found.map(({ to, how }) => ({
    from,
    how,
    to: to.startsWith('.') ? normalize(join(dirname(from), to)).replaceAll('\\', '/') : to,
  }));
}

const contract = /\/contract\.ts$/;
const adapters =
  /^src\/(?:adapters\/(?:vaults\/(?:onepassword\/(?!quota-settings)|by-vault-name)|issuers\/openid\/|identity\/(?:scim|sign-in-pages)\/(?!known-pages)|stores\/aws))/;
const cli = /^src\/surfaces\/cli\//;
const room = (path: string) => path.split('/')[1] ?? '';

describe('import rules', () => {
  test('there is something to look at', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(local.length).toBeGreaterThan(200);
  });

  const rules: readonly [string, (each: Import) => boolean][] = [
    [
      'the foundation imports nothing else of ours',
      ({ from, to }) => room(from) === 'foundation' && room(to) !== 'foundation',
    ],
    [
      'folder and engine import no adapter and no surface',
      ({ from, to }) =>
        ['folder', 'engine'].includes(room(from)) && (['laptop', 'surfaces'].includes(room(to)) || adapters.test(to)),
    ],
    [
      'steps import no adapter',
      ({ from, to }) => room(from) === 'steps' && (['laptop', 'surfaces'].includes(room(to)) || adapters.test(to)),
    ],
    [
      'nothing but the command itself imports the command',
      ({ from, to }) => cli.test(to) && from !== 'src/cli.ts' && !cli.test(from),
    ],
    ['nothing imports a surface', ({ from, to }) => ['src/cli.ts', 'src/index.ts'].includes(to) && from !== to],
    [
      'adapters import no app, step or surface',
      ({ from, to }) => adapters.test(from) && ['steps', 'surfaces', 'laptop', 'app'].includes(room(to)),
    ],
    [
      'what runs in production takes nothing from the laptop stack',
      ({ from, to }) =>
        room(to) === 'laptop' &&
        room(from) !== 'laptop' &&
        !/^src\/surfaces\/cli\/(?:commands\/dev\.ts|dev\/)/.test(from),
    ],
    [
      "the broker's core imports no surface, step or adapter, and the app as a type",
      ({ from, to, how }) =>
        room(from) === 'broker' &&
        (['surfaces', 'client', 'laptop'].includes(room(to)) ||
          (room(to) === 'steps' && how !== 'type') ||
          adapters.test(to) ||
          (how !== 'type' && room(to) === 'app')),
    ],
    [
      'the client for agents imports nothing of the rest',
      ({ from, to }) => /^src\/client(?:\/|\.ts$)/.test(from) && room(to) !== 'client',
    ],
    ['contracts import types only', ({ from, how }) => contract.test(from) && how !== 'type'],
  ];
  test.each(rules)('%s', (_, broken) => {
    expect(local.filter(broken)).toEqual([]);
  });
});

describe('SDKs', () => {
  const rooms: readonly [RegExp, RegExp][] = [
    [/^@1password\/sdk/, /^src\/adapters\/vaults\//],
    [/^@aws-sdk\//, /^src\/(?:adapters\/stores|laptop\/secrets-manager)\//],
    [/^openid-client/, /^src\/adapters\/(?:issuers|identity|openid-client)\//],
    [/^jose/, /^src\/(?:adapters|verify|laptop)\//],
    [/^@?otplib/, /^src\/(?:foundation\/totp\.ts|laptop\/|adapters\/vaults\/)/],
    [/^express/, /^src\/(?:verify|surfaces\/server|laptop)\//],
    [/^(?:oidc-provider|qrcode)/, /^src\/laptop\//],
    [/^yaml/, /^src\/(?:language\/yaml(?:-syntax-errors)?|folder\/policy\/edit-tokens)\.ts$/],
  ];
  test.each(rooms)('%s stays in its room', (sdk, home) => {
    const uses = packages.filter(({ to }) => sdk.test(to));
    expect(uses).not.toEqual([]);
    expect(uses.filter(({ from, how }) => !home.test(from) && how !== 'type')).toEqual([]);
  });

  test('are loaded by what uses them, when it uses them', () => {
    const eager = packages.filter(
      ({ from, to, how }) =>
        how === 'static' && to !== 'yaml' && !/^src\/(?:laptop|verify)\//.test(from) && !from.endsWith('-worker.ts'),
    );
    expect(eager.filter(({ from }) => !lazilyLoaded(from))).toEqual([]);
  });

  /** A file that is itself only ever imported lazily, or by such files. */
  function lazilyLoaded(file: string): boolean {
    const importers = local.filter(({ to, how }) => to === file && how !== 'type');
    return importers.length > 0 && importers.every(({ from, how }) => how === 'lazy' || lazilyLoaded(from));
  }
});

describe('step kinds', () => {
  const kindFiles = globSync('src/steps/*.ts')
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !/\/(?:index|contract|register)\.ts$/.test(file));

  test('one file and one line each', () => {
    const registry = readFileSync('src/steps/index.ts', 'utf8');
    expect(
      kindFiles.map((file) => file.slice('src/steps/'.length)).filter((file) => !registry.includes(`'./${file}'`)),
    ).toEqual([]);
    expect(
      [...stepKinds.keys()]
        .map((name) => `src/steps/${name === 'secrets-manager/push' ? 'store-push' : name.replace('/', '-')}.ts`)
        .toSorted(),
    ).toEqual(kindFiles.toSorted());
  });

  test.each([...stepKinds.values()].map((kind) => [kind.name, kind] as const))('%s is documented', (_, kind) => {
    expect(kind.summary).toMatch(/^\S.*\S$/);
    for (const [name, { description }] of [...Object.entries(kind.with), ...Object.entries(kind.output)]) {
      expect(description, name).toMatch(/\S/);
    }
  });
});

test('no file of src is over 400 lines, and half of them are under 120', () => {
  const lengths = files.map((file) => readFileSync(file, 'utf8').split('\n').length).toSorted((a, b) => a - b);
  expect(lengths.at(-1)).toBeLessThanOrEqual(400);
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(120);
});
