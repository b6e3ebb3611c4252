import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { build } from 'rolldown';

interface Published {
  readonly description: string;
  readonly keywords: readonly string[];
  readonly dependencies: readonly string[];
}

/** Rooms that are packages of their own too, `auth-chain-…`, and what `auth-chain/…` exports. Each has its README.md. */
const published: Readonly<Record<string, Published>> = {
  client: {
    description: 'Tokens and secrets for an agent, from an auth-chain broker, with nothing but Node',
    keywords: ['access-token', 'agent', 'bearer-token', 'broker', 'secrets'],
    dependencies: [],
  },
  verify: {
    description:
      'Whether an access token is what an API may accept: a function, and a middleware with RFC 6750 answers',
    keywords: ['access-token', 'bearer-token', 'express', 'jwt', 'middleware', 'oauth2', 'rfc6750', 'rfc9068'],
    dependencies: ['jose'],
  },
};

const root = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly [key in 'version' | 'license' | 'type']: string;
} & { readonly [key in 'dependencies' | 'engines']: Readonly<Record<string, string>> };

for (const [name, { dependencies, ...facts }] of Object.entries(published)) {
  const folder = `dist/packages/${name}`;
  await build({
    input: `src/${name}.ts`,
    platform: 'node',
    external: [...dependencies],
    output: { file: `${folder}/index.js`, cleanDir: true, codeSplitting: false },
  });
  moveTypes(name, `${folder}/types`);
  for (const file of [`src/${name}/README.md`, 'LICENSE']) copyFileSync(file, join(folder, file.replace(/.*\//, '')));
  const manifest = {
    name: `auth-chain-${name}`,
    version: root.version,
    ...facts,
    license: root.license,
    files: ['index.js', 'types'],
    type: root.type,
    sideEffects: false,
    exports: {
      '.': { types: `./types/${name}.d.ts`, default: './index.js' },
      './package.json': './package.json',
    },
    dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, root.dependencies[dependency]])),
    engines: root.engines,
  };
  writeFileSync(`${folder}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
}
moveTypes('index', 'dist/types');
rmSync('dist/all-types', { recursive: true });

/** Takes along the declarations that an entrance needs, and no others; specifiers get the ending that every TypeScript reads. */
function moveTypes(entrance: string, to: string): void {
  const files = new Set([`${entrance}.d.ts`]);
  for (const file of files) {
    const text = readFileSync(join('dist/all-types', file), 'utf8');
    const written = text.replace(/(\bfrom |\bimport\()(['"])(\.{1,2}\/.*?)\.ts\2/g, (_, start, quote, path) => {
      files.add(`${normalize(join(dirname(file), path))}.d.ts`);
      return `${start}${quote}${path}.js${quote}`;
    });
    mkdirSync(dirname(join(to, file)), { recursive: true });
    writeFileSync(join(to, file), written);
  }
}
