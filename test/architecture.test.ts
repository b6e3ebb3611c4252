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
  /^src\/(?:http\.ts$|vaults\/(?:onepassword|route)|issuers\/(?:openid|client-authentication|transport)|identity\/(?:scim|sign-in|openid|browser)|stores\/aws)/;
const room = (path: string) => path.split('/')[1] ?? '';

describe('import rules', () => {
  test('there is something to look at', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(local.length).toBeGreaterThan(200);
  });

  const rules: readonly [string, (each: Import) => boolean][] = [
    [
      'errors, secret and reference import nothing of ours',
      ({ from }) => /^src\/(?:errors|secret|reference)\.ts$/.test(from),
    ],
    [
      'the language imports no step and no adapter',
      ({ from, to }) => room(from) === 'flow' && (['steps', 'dev', 'cli'].includes(room(to)) || adapters.test(to)),
    ],
    [
      'steps import no adapter',
      ({ from, to }) => room(from) === 'steps' && (['dev', 'cli'].includes(room(to)) || adapters.test(to)),
    ],
    [
      'nothing but the command itself imports the command',
      ({ from, to }) => room(to) === 'cli' && from !== 'src/cli.ts' && room(from) !== 'cli',
    ],
    ['nothing imports a surface', ({ from, to }) => ['src/cli.ts', 'src/index.ts'].includes(to) && from !== to],
    [
      'adapters import no app, step or surface',
      ({ from, to }) =>
        adapters.test(from) &&
        (['steps', 'cli', 'dev'].includes(room(to)) || /^src\/(?:app|connections)\.ts$/.test(to)),
    ],
    [
      'what runs in production takes only the discovery file from the laptop stack',
      ({ from, to }) =>
        room(to) === 'dev' &&
        room(from) !== 'dev' &&
        to !== 'src/dev/discovery.ts' &&
        !/^src\/cli\/(?:dev|tour|invitation)\.ts$/.test(from),
    ],
    [
      "the broker's core imports no surface, step or adapter, and the app as a type",
      ({ from, to, how }) =>
        room(from) === 'broker' &&
        (['cli', 'server', 'client', 'steps', 'dev'].includes(room(to)) ||
          to === 'src/server.ts' ||
          adapters.test(to) ||
          (how !== 'type' && /^src\/(?:app|connections)\.ts$/.test(to))),
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
    [/^@1password\/sdk/, /^src\/vaults\//],
    [/^@aws-sdk\//, /^src\/(?:stores|dev\/secrets-manager)\//],
    [/^openid-client/, /^src\/(?:issuers|identity)\//],
    [/^jose/, /^src\/(?:issuers|identity|verify|dev)\//],
    [/^@?otplib/, /^src\/(?:totp\.ts|dev\/|vaults\/)/],
    [/^express/, /^src\/(?:verify|server|dev)\//],
    [/^(?:oidc-provider|qrcode)/, /^src\/dev\//],
    [/^yaml/, /^src\/(?:flow\/yaml(?:-faults)?|agents\/edit)\.ts$/],
  ];
  test.each(rooms)('%s stays in its room', (sdk, home) => {
    const uses = packages.filter(({ to }) => sdk.test(to));
    expect(uses).not.toEqual([]);
    expect(uses.filter(({ from, how }) => !home.test(from) && how !== 'type')).toEqual([]);
  });

  test('are loaded by what uses them, when it uses them', () => {
    const eager = packages.filter(
      ({ from, to, how }) =>
        how === 'static' && to !== 'yaml' && !/^src\/(?:dev|verify)\//.test(from) && !from.endsWith('-worker.ts'),
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
    .filter((file) => file !== 'src/steps/index.ts');

  test('one file and one line each', () => {
    const registry = readFileSync('src/steps/index.ts', 'utf8');
    expect(
      kindFiles.map((file) => file.slice('src/steps/'.length)).filter((file) => !registry.includes(`'./${file}'`)),
    ).toEqual([]);
    expect([...stepKinds.keys()].map((name) => `src/steps/${name.replace('/', '-')}.ts`).toSorted()).toEqual(
      kindFiles.toSorted(),
    );
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
