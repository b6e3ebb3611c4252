import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home, repository, type Start } from '../../e2e/home.ts';
import { bearer, own, startStand } from '../server/stand.ts';

let home: Home;
beforeAll(() => {
  home = createHome();
});
afterAll(() => home.close());

/** Tells every module that is loaded, one a line, on stderr. */
const hook = `
  import { registerHooks } from 'node:module';
  import { writeSync } from 'node:fs';
  registerHooks({ load(url, context, next) { writeSync(2, 'loaded ' + url + '\\n'); return next(url, context); } });
`;

/** The addresses of all modules that a command loads. */
async function loadedFrom(entrance: string, args: readonly string[], how: Start = {}): Promise<readonly string[]> {
  const preload = `data:text/javascript,${encodeURIComponent(hook)}`;
  const program = [process.execPath, '--no-warnings', '--import', preload, join(repository, entrance), ...args];
  const { code, stderr } = await home.start([], { ...how, program }).ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const urls = [...stderr.matchAll(/^loaded (.+)$/gm)].map(([, url = '']) => url);
  expect(urls.some((url) => url.endsWith(`/${entrance}`))).toBe(true);
  return urls;
}

/** What a command loads: packages by name, built-ins as `node:…`. */
async function loadedBy(args: readonly string[], how?: Start): Promise<ReadonlySet<string>> {
  const urls = await loadedFrom('src/cli.ts', args, how);
  return new Set(
    urls.flatMap((url) => {
      const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
      return url.startsWith('node:') ? [url] : name === undefined ? [] : [name];
    }),
  );
}

test('an older Node is told which one is wanted, before anything else loads', async () => {
  const older = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})`;
  const program = [process.execPath, '--no-warnings', '--import', older, join(repository, 'dist/cli.js'), 'check'];
  expect(await home.start([], { program }).ended).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'error: flows needs Node 24 or newer, and this is Node 20.20.2: install it, or put it first in PATH\n',
  });
});

// as an ES module's import it brings the whole of fetch along: twice the start of node itself
const slow = ['node:http', 'node:https', 'node:http2'];

/** The same of the built command: its own files, by their names. */
async function builtFilesOf(args: readonly string[], how?: Start): Promise<readonly string[]> {
  const urls = await loadedFrom('dist/cli.js', args, how);
  const dist = new URL('dist/', pathToFileURL(`${repository}/`)).href;
  return urls.filter((url) => url.startsWith(dist)).map((url) => url.slice(dist.length, -'.js'.length));
}

const heavy = ['net', 'stream', 'tty', 'http', 'https', 'tls', 'crypto', 'zlib', 'readline', 'perf_hooks', 'url'];

/** The modules of Node's own that a built command has at its end, and node without one has not. */
async function builtinsOf(args: readonly string[], how: Start = {}): Promise<ReadonlySet<string>> {
  const tell = `process.on('exit', () => process.getBuiltinModule('node:fs').writeSync(2, JSON.stringify(process.moduleLoadList)))`;
  const start = [process.execPath, '--no-warnings', '--import', `data:text/javascript,${encodeURIComponent(tell)}`];
  const [bare = new Set<string>(), built = new Set<string>()] = await Promise.all(
    [
      ['-e', '0'],
      [join(repository, 'dist/cli.js'), ...args],
    ].map(async (more) => {
      const { code, stderr } = await home.start([], { ...how, program: [...start, ...more] }).ended;
      expect(code, stderr).toBe(0);
      const names = [...stderr.matchAll(/"NativeModule ([^"]+)"/g)].map(([, name = '']) => name);
      expect(names.length).toBeGreaterThan(20);
      return new Set(names);
    }),
  );
  return built.difference(bare);
}

/** Work with a broker that this user runs, and the variables that lead to it. */
async function withBroker(work: (env: Readonly<Record<string, string>>) => Promise<void>): Promise<void> {
  const ownSocket = join(home.path, 'own.sock');
  const stand = await startStand({ ownSocket });
  const state = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain');
  mkdirSync(state, { recursive: true });
  const note = join(state, 'broker-0123456789abcdef.json');
  writeFileSync(note, JSON.stringify({ pid: process.pid, url: stand.url, ownSocket, certificate: own.cert }), {
    mode: 0o600,
  });
  try {
    await work({ FLOWS_BROKER: stand.url, FLOWS_AGENT_TOKEN: bearer });
    expect(stand.callers.map(({ address }) => address)).toEqual(['socket']);
  } finally {
    rmSync(note);
    await stand.server.close();
  }
}

// start-up is most of what these take, and a stray import at the top of a file is easily overlooked
describe('commands load no more than they use', () => {
  const cases: readonly [string, readonly string[], readonly string[]][] = [
    ['--version', ['--version'], []],
    ['--help', ['--help'], []],
    // some of the shipped flows have a schedule
    ['the list', [], ['yaml', 'croner']],
    ['check', ['check'], ['yaml', 'croner']],
    ['completion of a command', ['__complete', 'bash', '=flows '], []],
    ['completion of an option', ['__complete', 'zsh', '=', 'new-user'], ['yaml']],
  ];
  test.each(cases)('%s', async (_, args, packages) => {
    const loaded = await loadedBy(args);
    expect([...loaded].filter((name) => !name.startsWith('node:'))).toEqual(packages);
    expect(slow.filter((name) => loaded.has(name))).toEqual([]);
  });

  test.each([[['orders-token']], [['read', 'openai.api_key']]])('through a broker: %j', async (args) => {
    await withBroker(async (env) => {
      const loaded = [...(await loadedBy(args, { env }))];
      expect(loaded.filter((name) => !name.startsWith('node:') || slow.includes(name))).toEqual([]);
    });
  });

  // each file more takes half a millisecond: what infra/build.ts puts together is still all that is needed
  const always = ['cli', 'core', 'rolldown-runtime'];
  test.each([
    [['--version'], []],
    [['check'], ['folder', 'language', 'ticks']],
    [['__complete', 'zsh', '=', 'new-user'], ['language']],
  ])('the built %j is in few files', async (args, files) => {
    expect((await builtFilesOf(args)).toSorted()).toEqual([...always, ...files].toSorted());
  });

  // what a terminal, a socket and measurements need is a third of node's own start: the answer goes out without
  test.each([[['--version']], [['check']], [['__complete', 'zsh', '=', 'new-user']]])(
    'the built %j has no streams',
    async (args) => {
      const added = await builtinsOf(args);
      expect(heavy.filter((name) => added.has(name))).toEqual([]);
    },
  );

  test('the built hook asks a broker with a socket, and nothing else of Node that is as large', async () => {
    await withBroker(async (env) => {
      const added = await builtinsOf(['hook'], { env, input: JSON.stringify(toolCall) });
      expect(heavy.filter((name) => added.has(name))).toEqual(['net', 'stream']);
    });
  });

  const toolCall = { hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command: 'npm test' } };
  test.each([
    [['orders-token'], ['ask', 'output']],
    [
      ['exec', '--secret', 'KEY=openai.api_key', '--', 'true'],
      ['ask', 'exec', 'masking'],
    ],
    [['hook'], ['ask', 'hook']],
  ])('the built %j through a broker is in few files', async (args, files) => {
    await withBroker(async (env) => {
      const loaded = await builtFilesOf(args, { env, input: JSON.stringify(toolCall) });
      expect(loaded.toSorted()).toEqual([...always, ...files].toSorted());
    });
  });

  test.each([[['--version']], [['__complete', 'zsh', '=', 'new-user']], [['check']]])(
    '%j does without node:crypto and node:child_process',
    async (args) => {
      const loaded = await loadedBy(args);
      expect(['node:crypto', 'node:child_process'].filter((name) => loaded.has(name))).toEqual([]);
    },
  );
});

describe('what Node compiled of the command is kept', () => {
  /** A package of its own, started by a shell with this line first; what is then in its folder of compiled code. */
  async function keptAfter(line: string): Promise<readonly string[]> {
    const installed = join(home.path, `installed-${counted++}`);
    cpSync(join(repository, 'dist'), join(installed, 'dist'), {
      recursive: true,
      filter: (path) => !/compile-cache|libraries|packages|types|\.gz$/.test(path.slice(repository.length)),
    });
    cpSync(join(repository, 'package.json'), join(installed, 'package.json'));
    const program = [
      'sh',
      '-c',
      `${line}; exec "$@"`,
      'sh',
      process.execPath,
      join(installed, 'dist/cli.js'),
      '--version',
    ];
    expect(await home.start([], { program }).ended).toMatchObject({ code: 0, stderr: '' });
    const kept = join(installed, 'dist/compile-cache');
    const names = statSync(kept, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(kept, { recursive: true });
    return [kept, ...names.map((name) => join(kept, String(name)))].filter((path) =>
      statSync(path, { throwIfNoEntry: false }),
    );
  }
  let counted = 0;

  test('beside it, where this user alone writes, whatever the umask', async () => {
    const kept = await keptAfter('umask 000');
    expect(kept.length).toBeGreaterThan(3);
    for (const path of kept) expect(statSync(path).mode & 0o077, path).toBe(0);
  });

  test('nowhere where Node is told to keep nothing', async () => {
    expect(await keptAfter('export NODE_DISABLE_COMPILE_CACHE=1')).toEqual([]);
  });
});
