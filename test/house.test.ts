import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { circlesIn, circlesOf, importsOf, isAgainstOrder, readHouse, roomOf, rooms } from '../infra/house.ts';
import { parts } from '../src/app/parts.ts';
import type { Keys } from '../src/language/forms.ts';
import { stepKinds } from '../src/steps/index.ts';

const house = readHouse();
const files = [...house.files.keys()];
const local = house.imports.filter(({ to }) => to.startsWith('src/'));
const packages = house.imports.filter(({ to }) => !to.startsWith('src/') && !to.startsWith('node:'));

describe('the reader of imports', () => {
  test('sees every way to import', () => {
    const text = `
      import './a.ts'; import { b } from './b.ts'; import type { C } from '../c.ts'; import { type D } from './d.ts';
      import { type E, e } from './e.ts'; export { f } from './f.ts'; export type { G } from './g.ts';
      export * from './h.ts'; const i = await import('./i.ts'); type J = import('./j.ts').J; import k from 'k';
      // import './comment.ts'
      const text = "import './text.ts'";`;
    const found = importsOf('src/room/file.ts', text).map(({ to, how }) => `${how} ${to}`);
    expect(found.toSorted()).toEqual([
      'lazy src/room/i.ts',
      'static k',
      ...['a', 'b', 'e', 'f', 'h'].map((name) => `static src/room/${name}.ts`),
      'type src/c.ts',
      ...['d', 'g', 'j'].map((name) => `type src/room/${name}.ts`),
    ]);
  });

  test('finds circles, each once', () => {
    const arrows = ['ab', 'bc', 'ca', 'cd', 'de', 'ed', 'ef', 'ff'].map((pair): [string, string] => [
      pair.charAt(0),
      pair.charAt(1),
    ]);
    expect(circlesOf(arrows).map((circle) => circle.join(''))).toEqual(['de', 'abc']);
  });

  test('has something to look at', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(local.length).toBeGreaterThan(1_000);
  });
});

describe('the house', () => {
  test('has these rooms, and nothing loose but its entrances', () => {
    expect([...new Set(files.map(roomOf).filter((room) => room !== undefined))].toSorted()).toEqual(rooms.toSorted());
    const loose = files.filter((path) => roomOf(path) === undefined);
    expect(loose).toEqual(['src/cli.ts', 'src/client.ts', 'src/index.ts', 'src/verify.ts']);
  });

  test('imports go one way, types included', () => {
    expect(local.filter(({ from, to }) => isAgainstOrder(from, to))).toEqual([]);
  });

  test('has no circle of rooms, of folders or of files', () => {
    expect(circlesIn(house)).toEqual([]);
  });

  test('no file is over 400 lines, and half of them are under 120', () => {
    const lengths = [...house.files.values()].toSorted((a, b) => a - b);
    expect(lengths.at(-1)).toBeLessThanOrEqual(400);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(120);
  });

  const contract = /\/contract\.ts$/;
  const rules: readonly [string, (each: (typeof local)[number]) => boolean][] = [
    ['contracts import types only', ({ from, how }) => contract.test(from) && how !== 'type'],
    [
      'the client takes next to nothing of ours',
      ({ from, to }) =>
        roomOf(from) === 'client' &&
        roomOf(to) !== 'client' &&
        !/^src\/foundation\/(?:wire|clocks|duration|safe-address|expiring-memory|unless-aborted|agent-fetch|proxy|state-folder)\.ts$/.test(
          to,
        ),
    ],
    [
      'the governor knows no vault by name',
      ({ from, to }) =>
        from.startsWith('src/adapters/vaults/governor/') && /^src\/adapters\/vaults\/(?!governor\/)[^/]+\//.test(to),
    ],
    [
      'step kinds are known by their contract alone',
      ({ from, to }) =>
        roomOf(to) === 'steps' && !['steps', 'app'].includes(roomOf(from) ?? '') && to !== 'src/steps/contract.ts',
    ],
    [
      'what runs in production takes nothing from the laptop stack',
      ({ from, to }) =>
        roomOf(to) === 'laptop' && roomOf(from) !== 'laptop' && !/^src\/surfaces\/cli\/(?:commands\/)?dev\b/.test(from),
    ],
  ];
  test.each(rules)('%s', (_, broken) => {
    expect(local.filter(broken)).toEqual([]);
  });
});

describe('the tests', () => {
  const files = globSync('test/**/*.ts').map((path) => path.replaceAll('\\', '/'));
  /** What starts something that it does not import. */
  const starts: Readonly<Record<string, string>> = {
    'test/e2e/home.ts': 'src/cli.ts',
    'src/adapters/vaults/onepassword/thread.ts': 'src/adapters/vaults/onepassword/thread-worker.ts',
    'src/durable/database/pglite-thread.ts': 'src/durable/database/pglite-worker.ts',
  };
  const next = new Map<string, string[]>();
  const imports = [...house.imports, ...files.flatMap((path) => importsOf(path, readFileSync(path, 'utf8')))];
  for (const { from, to, how } of imports) {
    if (how !== 'type')
      next.set(from, [...(next.get(from) ?? []), to, ...(starts[to] === undefined ? [] : [starts[to]])]);
  }
  const codeOf = (path: string) =>
    readFileSync(path, 'utf8').match(/^(?:export )?(?:async )?(?:function|const|let|class)\b/m);

  /** What the tests of a room reach without leaving it: its files that something else's tests may use do not count. */
  function reached(room: string): ReadonlySet<string> {
    const seen = new Set<string>();
    const look = (path: string) => {
      const inside = path.startsWith(`test/`) || roomOf(path) === room || roomOf(path) === undefined;
      if (seen.has(path) || !inside) return;
      seen.add(path);
      for (const each of next.get(path) ?? []) look(each);
    };
    for (const path of files) if (path.startsWith(`test/${room}/`)) look(path);
    return seen;
  }

  test.each(rooms)('of %s reach each of its files that has more than 40 lines', (room) => {
    const tested = reached(room);
    const large = [...house.files].filter(
      ([path, lines]) => roomOf(path) === room && lines > 40 && codeOf(path) !== null,
    );
    expect(large.map(([path]) => path).filter((path) => !tested.has(path))).toEqual([]);
  });
});

describe('adapters', () => {
  /** `src/adapters/stores/aws-secrets-manager/`: what an index of a room names */
  const folders = local
    .filter(({ from }) => /^src\/adapters\/[a-z]+\/index\.ts$/.test(from))
    .flatMap(({ from, to }) => (to.startsWith(from.replace('index.ts', '')) && to.endsWith('/index.ts') ? [to] : []))
    .map((index) => index.replace(/index\.ts$/, ''));
  const homeOf = (path: string) => folders.find((folder) => path.startsWith(folder));

  test('there are some, each in a folder of its own', () => {
    const all = Object.values(parts.adapters).flatMap((room: ReadonlyMap<string, unknown>) => [...room.keys()]);
    expect(folders).toHaveLength(all.length);
    expect(folders.length).toBeGreaterThan(3);
  });

  const rules: readonly [string, (each: (typeof local)[number]) => boolean][] = [
    [
      'are named by the index of their room alone',
      ({ from, to }) => {
        const home = homeOf(to);
        if (home === undefined || homeOf(from) === home) return false;
        return from !== home.replace(/[^/]+\/$/, 'index.ts') || to !== `${home}index.ts`;
      },
    ],
    [
      'are known elsewhere by what lies directly in their rooms',
      ({ from, to }) =>
        roomOf(to) === 'adapters' &&
        !['adapters', 'app'].includes(roomOf(from) ?? '') &&
        !/^src\/adapters\/(?:[a-z-]+\/)?(?!index\.ts$)[a-z-]+\.ts$/.test(to),
    ],
    [
      'know another room by its contract alone',
      ({ from, to }) => {
        const [one, other] = [from, to].map(
          (path) => /^src\/adapters\/(vaults|issuers|identity|stores|apis|channels)\//.exec(path)?.[1],
        );
        return one !== undefined && other !== undefined && one !== other && !to.endsWith('/contract.ts');
      },
    ],
  ];
  test.each(rules)('%s', (_, broken) => {
    expect(local.filter(broken)).toEqual([]);
  });

  const declared = Object.entries(parts.adapters).flatMap(([room, all]: [string, ReadonlyMap<string, Named>]) =>
    [...all.values()].map((adapter): [string, Named] => [`${room}: ${adapter.type}`, adapter]),
  );
  test.each(declared)('%s is documented', (_, { keys }) => {
    for (const [name, { description }] of Object.entries(keys)) expect(description, name).toMatch(/\S/);
  });
});

interface Named {
  readonly type: string;
  readonly keys: Keys;
}

describe('SDKs', () => {
  const homes: readonly [RegExp, RegExp][] = [
    [/^@1password\/sdk/, /^src\/adapters\/vaults\/onepassword\//],
    [
      /^@aws-sdk\//,
      /^src\/(?:adapters\/(?:aws|identity\/cognito|stores\/aws-secrets-manager)|laptop\/secrets-manager)\//,
    ],
    [/^openid-client/, /^src\/adapters\/(?:issuers|identity|openid-client)\//],
    [/^jose/, /^src\/(?:adapters|verify|broker\/agent-runs|surfaces\/server|laptop)\//],
    [/^@?otplib/, /^src\/(?:foundation\/totp\.ts|laptop\/|adapters\/vaults\/onepassword\/)/],
    [/^express/, /^src\/(?:verify|surfaces\/server|laptop)\//],
    [/^(?:oidc-provider|qrcode)/, /^src\/laptop\//],
    [/^(?:pg|@electric-sql\/pglite)$/, /^src\/durable\/database\//],
    [/^@dbos-inc\//, /^src\/durable\/runs\/run-engine\.ts$/],
    [/^croner$/, /^src\/folder\/flows\/ticks\.ts$/],
    [/^yaml/, /^src\/(?:language\/(?:loose-yaml|yaml(?:-syntax-errors)?)|folder\/policy\/edit-lists)\.ts$/],
  ];
  test.each(homes)('%s stays in its room', (sdk, home) => {
    const uses = packages.filter(({ to }) => sdk.test(to));
    expect(uses).not.toEqual([]);
    expect(uses.filter(({ from, how }) => !home.test(from) && how !== 'type')).toEqual([]);
  });

  test('are loaded by what uses them, when it uses them', () => {
    const eager = packages.filter(
      ({ from, to, how }) =>
        how === 'static' && to !== 'yaml' && !/^src\/(?:laptop|verify)\//.test(from) && !from.endsWith('-worker.ts'),
    );
    expect(eager.filter(({ from }) => !isLoadedLazily(from))).toEqual([]);
  });

  /** A file that is itself only ever imported lazily, or by such files. */
  function isLoadedLazily(file: string): boolean {
    const importers = local.filter(({ to, how }) => to === file && how !== 'type');
    return importers.length > 0 && importers.every(({ from, how }) => how === 'lazy' || isLoadedLazily(from));
  }
});

describe('step kinds', () => {
  test('one file and one line each', () => {
    const others = ['index.ts', 'contract.ts', 'register.ts', 'reference-text.ts'];
    const kindFiles = globSync('*.ts', { cwd: 'src/steps' }).filter((file) => !others.includes(file));
    const lines = readFileSync('src/steps/index.ts', 'utf8').matchAll(
      /^import \{ (\w+) \} from '\.\/([a-z-]+\.ts)';$/gm,
    );
    const registered = [...lines].flatMap(([, , file = '']) => (others.includes(file) ? [] : [file]));
    expect(registered.toSorted()).toEqual(kindFiles.toSorted());
    expect(new Set(stepKinds.values()).size).toBe(kindFiles.length);
  });

  test.each([...new Set(stepKinds.values())].map((kind) => [kind.name, kind] as const))(
    '%s is documented',
    (_, kind) => {
      expect(kind.summary).toMatch(/^\S.*\S$/);
      for (const [name, { description }] of [...Object.entries(kind.with), ...Object.entries(kind.output)]) {
        expect(description, name).toMatch(/\S/);
      }
    },
  );
});
