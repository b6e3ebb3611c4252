import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'rolldown';
import { licencesOf } from './licences.ts';

/**
 * Libraries that come inside our package, each in a file of `libraries/`: those of the laptop alone, and the metrics,
 * which nothing from outside reaches. What handles secrets or reads what others send in production stays a dependency,
 * where `npm audit` sees it and `overrides` mends it. But that of MCP, with zod: a client waits for it at each start, and
 * from one file it is there in half the time.
 */
const libraries: Readonly<Record<string, readonly string[]>> = {
  mcp: ['@modelcontextprotocol/server', '@modelcontextprotocol/core', 'zod'],
  'oidc-provider': ['oidc-provider'],
  'prom-client': ['prom-client'],
  qrcode: ['qrcode'],
  'signature-v4': ['@smithy/signature-v4'],
};

/**
 * Who has zod from the file of MCP's library: a client waits for what is read from a hundred files. All others have the one
 * that is installed.
 */
const ofMcp = /\/src\/surfaces\/mcp\/|\/node_modules\/(?:@modelcontextprotocol|zod)\//;

/** Goes into our own files, since nearly every command needs it. */
const inside = 'yaml';

/** The builds of libraries that come along, where they have several. */
const builds = {
  // ES modules, of which only what is used comes along
  yaml: 'yaml/browser/dist/index.js',
  // without Ajv, a third of the whole: it judges the answers to forms, and no client is asked to fill in one
  '@modelcontextprotocol/server/_shims': '@modelcontextprotocol/server/dist/shimsBrowser.mjs',
};

/** What libraries ask for and do without. */
const optional = ['supports-color'];

/**
 * What is needed together, for which command: in one file, with all that it imports and no earlier one has. Each file more
 * takes half a millisecond of a start.
 */
const together: readonly (readonly [name: string, roots: readonly string[]])[] = [
  // every command, with what those below would share
  [
    'core',
    [
      'folder/reserved-names',
      'foundation/agent-fetch',
      'foundation/checked-certificates',
      'foundation/clocks',
      'foundation/duration',
      'foundation/environment-variables',
      'foundation/made-once',
      'foundation/reference',
      'foundation/safe-address',
      'foundation/scrub',
      'foundation/shell-words',
      'foundation/state-folder',
      'foundation/unless-aborted',
      'foundation/value-forms',
      'surfaces/cli/commands/version',
      'surfaces/cli/flow/flow-options',
      'surfaces/cli/flows-folder',
      'surfaces/cli/main',
    ],
  ],
  // one that asks a broker, as agents do
  ['ask', ['client/own-brokers', 'surfaces/cli/commands/read', 'surfaces/cli/commands/run']],
  // what shows more than one value
  ['output', ['surfaces/cli/flow/show-output']],
  // what hides values
  ['masking', ['foundation/masking/masking']],
  // one that runs a program with what a broker gives
  ['exec', ['surfaces/cli/commands/exec', 'surfaces/cli/exec/from-broker']],
  // one that looks at files as far as they can be read
  ['language', ['language/loose-yaml', 'surfaces/cli/completion/declared-options', 'surfaces/cli/commands/complete']],
  // one that checks them all
  [
    'folder',
    [
      'app/open-folder',
      'audit/find-trails',
      'folder/policy-and-registry',
      'folder/development/read-development',
      'surfaces/cli/commands/check',
      'surfaces/cli/tell-problems',
    ],
  ],
];

const { dependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
  'dependencies' | 'optionalDependencies',
  Record<string, string>
>;
const installed = [...Object.keys(dependencies), ...Object.keys(optionalDependencies)];

/** `dist`, or the folder that is named. */
const dir = process.argv[2] ?? 'dist';

/** `@scope/package`, of what an import names. */
const packageOf = (path: string) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;
const isOurs = (path: string) => !path.includes('node_modules');

/** A library comes along because it is named above, and not because somebody imports it. */
const onlyTheNamed: Plugin = {
  name: 'only the named',
  resolveId(path, importer) {
    if (importer === undefined || !isOurs(importer) || !/^[^./\0]/.test(path) || isBuiltin(path)) return null;
    const name = packageOf(path);
    if ([inside, ...Object.values(libraries).flat(), ...installed].includes(name)) return null;
    throw new Error(`${importer}: ${name} is neither a dependency nor a library that comes along`);
  },
};

/**
 * Node's own modules are taken, not imported: an import reads everything that they export, and so loads streams,
 * promises and readline for the sake of `readFileSync`, a tenth of node's own start.
 */
const builtinsTaken: Plugin = {
  name: 'builtins taken',
  renderChunk: (code) =>
    code.replace(/^import (\{[^}]*\}) from ("node:[^"]+");/gm, (_, names: string, path: string) => {
      return `const ${names.replaceAll(' as ', ': ')} = process.getBuiltinModule(${path});`;
    }),
};

const { output } = await build({
  input: {
    cli: 'src/cli.ts',
    index: 'src/index.ts',
    // started by their files' names, beside the files that do so
    'parse-worker': 'src/language/parse-worker.ts',
    'pglite-worker': 'src/durable/database/pglite-worker.ts',
    'thread-worker': 'src/adapters/vaults/onepassword/thread-worker.ts',
  },
  platform: 'node',
  external: (path, importer = '') => {
    const name = packageOf(path);
    return [...installed, ...optional].includes(name) && !(name === 'zod' && ofMcp.test(importer));
  },
  resolve: {
    alias: Object.fromEntries(
      Object.entries(builds).map(([name, file]) => [
        name,
        fileURLToPath(new URL(`../node_modules/${file}`, import.meta.url)),
      ]),
    ),
  },
  // of a library's own, which is known
  checks: { eval: false },
  plugins: [onlyTheNamed, builtinsTaken],
  output: {
    dir,
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    comments: { jsdoc: false },
    codeSplitting: {
      groups: [
        ...together.map(([name, roots], index) => ({
          name,
          priority: 100 - index,
          test: (id: string) => roots.some((root) => id.endsWith(`/src/${root}.ts`)),
        })),
        ...Object.entries(libraries).map(([name, packages]) => ({
          name: `libraries/${name}`,
          test: new RegExp(`node_modules/(?:${packages.join('|')})/`),
        })),
      ],
    },
  },
});

// served as they are
cpSync('src/surfaces/page', `${dir}/page`, {
  recursive: true,
  filter: (path) => !path.endsWith('tsconfig.json'),
});

const came = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
const folders = came.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []);
writeFileSync(`${dir}/THIRD-PARTY-LICENSES`, licencesOf(new Set(folders)));
