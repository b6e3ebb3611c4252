import { basename } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

/**
 * Libraries that come inside our package, a file each, and what is used of them: those of the laptop alone, and the
 * metrics, which nothing from outside reaches. What handles secrets or reads what others send in production stays a
 * dependency, where `npm audit` sees it and `overrides` mends it.
 */
const libraries: Readonly<Record<string, readonly string[]>> = {
  '@smithy/signature-v4': ['SignatureV4'],
  'oidc-provider': ['errors', 'interactionPolicy', 'Provider'],
  'prom-client': ['collectDefaultMetrics', 'Counter', 'Gauge', 'Histogram', 'Registry'],
  qrcode: ['default'],
};

/** What libraries ask for and do without. */
export const optional = ['supports-color'];

const fileOf = (library: string) => `libraries/${basename(library)}.js`;

/** Leaves the libraries to their files. */
export const fromLibraries: Plugin = {
  name: 'from libraries',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) =>
      Object.hasOwn(libraries, path) ? { path: `./${fileOf(path)}`, external: true } : undefined,
    );
  },
};

/** What makes their files, one build each. */
export const libraryBuilds: readonly BuildOptions[] = Object.entries(libraries).map(([library, names]) => ({
  stdin: { contents: `export { ${names.join(', ')} } from '${library}';`, resolveDir: '.' },
  entryNames: fileOf(library).replace(/\.js$/, ''),
  // ES modules where there are some: of them only what is used comes along
  mainFields: ['module', 'main'],
  // in CommonJS Node's own modules are required
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
}));
