// What the files of an installed package import by name is one of its dependencies or Node's own.
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { build } from 'esbuild';

const [folder] = process.argv.slice(2);
const { name, dependencies = {} } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
// one of the libraries inside does without
const known = new Set([...Object.keys(dependencies), 'supports-color']);
const { metafile } = await build({
  entryPoints: globSync(`${folder}/**/*.js`, { exclude: [`${folder}/node_modules`] }),
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  outdir: '.',
  write: false,
  metafile: true,
  logLevel: 'error',
});
for (const [file, { imports }] of Object.entries(metafile.inputs)) {
  for (const { path } of imports.filter(({ external }) => external)) {
    const [wanted] = /^(?:@[^/]+\/)?[^/]+/.exec(path);
    if (!isBuiltin(path) && !known.has(wanted)) throw new Error(`${name}: ${file} imports ${path}`);
  }
}
