import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { fromLibraries, libraryBuilds, optional } from './libraries.ts';
import { licencesOf } from './licences.ts';

/** Goes into our own files, since nearly every command needs it: 30 ms less at each start than its fifty files. */
const bundled = 'yaml';

/**
 * What every command needs, and all that one needs which asks a broker: in one file, since each file more takes a
 * millisecond of a start that has fifty.
 */
const core = [
  'foundation/environment-variables',
  'foundation/errors',
  'foundation/safe-line',
  'foundation/secret',
  'surfaces/cli/main',
  'surfaces/cli/arguments',
  'surfaces/cli/chosen-broker',
  'surfaces/cli/command-table',
  'surfaces/cli/commands/read',
  'surfaces/cli/commands/run',
  'surfaces/cli/load-command',
  'surfaces/cli/terminal',
  'client/answers',
  'client/broker-error',
  'language/nearest-name',
].map((name) => `src/${name}.ts`);

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };

/** `dist`, or the folder that is named. */
const outdir = process.argv[2] ?? 'dist';

const common: BuildOptions = {
  outdir,
  entryNames: '[name]',
  chunkNames: 'chunk-[hash]',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: [...Object.keys(dependencies), ...optional],
  // its ES modules, of which only what is used comes along; its CommonJS cannot be part of an ES module
  alias: { yaml: fileURLToPath(new URL('../node_modules/yaml/browser/dist/index.js', import.meta.url)) },
  logLevel: 'warning',
  metafile: true,
};

/** Folders of the packages that came along. */
const came = new Set<string>();

async function make(options: BuildOptions): Promise<readonly string[]> {
  const { metafile = { outputs: {} } } = await build({ ...common, ...options });
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  for (const folder of folders) came.add(folder);
  return [...folders];
}

/** @throws Error where something came along that is neither a dependency nor a library */
async function makeOurs(options: BuildOptions): Promise<void> {
  const stray = (await make(options)).filter((folder) => folder !== `node_modules/${bundled}`);
  if (stray.length > 0) throw new Error(`bundled, though nobody said so: ${stray.join(', ')}`);
}

/** The files that the core loads when they are needed, by the names that they get. */
const commands = new Map<string, string>();

const loadedLater: Plugin = {
  name: 'loaded later',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const file = relative('.', resolve(resolveDir, path));
      if (core.includes(file)) return undefined;
      const name = `command-${basename(file, '.ts')}`;
      if ((commands.get(name) ?? file) !== file) throw new Error(`two files would be ${name}.js: ${file}`);
      commands.set(name, file);
      return { path: `./${name}.js`, external: true };
    });
  },
};

const fromCore: Plugin = {
  name: 'from the core',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) =>
      core.includes(relative('.', resolve(resolveDir, path))) ? { path: './core.js', external: true } : undefined,
    );
  },
};

rmSync(outdir, { recursive: true, force: true });
const contents = core.map((file) => `export * from './${file}';\n`).join('');
await makeOurs({
  stdin: { contents, resolveDir: '.', sourcefile: 'core.ts', loader: 'ts' },
  entryNames: 'core',
  plugins: [loadedLater],
});
await makeOurs({
  splitting: true,
  entryPoints: [{ in: 'src/cli.ts', out: 'cli' }, ...[...commands].map(([out, file]) => ({ in: file, out }))],
  plugins: [fromCore, fromLibraries],
});
await makeOurs({
  splitting: true,
  // the worker is started by its file's name, beside the chunk that does so
  entryPoints: ['src/index.ts', 'src/adapters/vaults/onepassword/thread-worker.ts'],
});
for (const options of libraryBuilds) await make(options);
writeFileSync(`${outdir}/THIRD-PARTY-LICENSES`, licencesOf(came));
