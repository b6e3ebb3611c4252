import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home, repository } from '../../e2e/home.ts';
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

type Env = Readonly<Record<string, string>>;

/** The addresses of all modules that a command loads. */
async function loadedFrom(entrance: string, args: readonly string[], env: Env = {}): Promise<readonly string[]> {
  const preload = `data:text/javascript,${encodeURIComponent(hook)}`;
  const program = [process.execPath, '--no-warnings', '--import', preload, join(repository, entrance), ...args];
  const { code, stderr } = await home.start([], { program, env }).ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const urls = [...stderr.matchAll(/^loaded (.+)$/gm)].map(([, url = '']) => url);
  expect(urls.some((url) => url.endsWith(`/${entrance}`))).toBe(true);
  return urls;
}

/** What a command loads: packages by name, built-ins as `node:…`. */
async function loadedBy(args: readonly string[], env?: Env): Promise<ReadonlySet<string>> {
  const urls = await loadedFrom('src/cli.ts', args, env);
  return new Set(
    urls.flatMap((url) => {
      const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
      return url.startsWith('node:') ? [url] : name === undefined ? [] : [name];
    }),
  );
}

// as an ES module's import it brings the whole of fetch along: twice the start of node itself
const slow = ['node:http', 'node:https', 'node:http2'];

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
    const stand = await startStand();
    const state = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain');
    mkdirSync(state, { recursive: true });
    const note = join(state, 'broker-0123456789abcdef.json');
    writeFileSync(note, JSON.stringify({ certificate: own.cert }), { mode: 0o600 });
    try {
      const env = { FLOWS_BROKER: stand.url, FLOWS_AGENT_TOKEN: bearer };
      const loaded = [...(await loadedBy(args, env))];
      expect(loaded.filter((name) => !name.startsWith('node:') || slow.includes(name))).toEqual([]);
      expect(stand.callers).toHaveLength(1);
    } finally {
      rmSync(note);
      await stand.server.close();
    }
  });

  // each file more takes half a millisecond: what infra/build.ts puts together is still all that is needed
  test.each([
    [['--version'], []],
    [['check'], ['check', 'folder', 'language', 'ticks']],
    [['__complete', 'zsh', '=', 'new-user'], ['language']],
  ])('the built %j is in few files', async (args, files) => {
    const urls = await loadedFrom('dist/cli.js', args);
    const dist = new URL('dist/', pathToFileURL(`${repository}/`)).href;
    const ours = urls.filter((url) => !url.includes('/node_modules/croner/'));
    expect(ours.map((url) => url.replace(dist, '')).toSorted()).toEqual(
      ['cli', 'core', 'rolldown-runtime', ...files].map((file) => `${file}.js`).toSorted(),
    );
  });

  test.each([[['--version']], [['__complete', 'zsh', '=', 'new-user']], [['check']]])(
    '%j does without node:crypto and node:child_process',
    async (args) => {
      const loaded = await loadedBy(args);
      expect(['node:crypto', 'node:child_process'].filter((name) => loaded.has(name))).toEqual([]);
    },
  );
});
