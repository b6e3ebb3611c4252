// What the files of an installed package import by name is one of its dependencies or Node's own.
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { build } from 'rolldown';

const [folder] = process.argv.slice(2);
const {
  name,
  dependencies = {},
  optionalDependencies = {},
} = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
// one of the libraries inside does without
const known = new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies), 'supports-color']);
await build({
  input: globSync(`${folder}/**/*.js`, { exclude: [`${folder}/node_modules`] }),
  platform: 'node',
  write: false,
  logLevel: 'silent',
  plugins: [
    {
      name: 'imports',
      resolveId(path, importer) {
        if (importer === undefined || /^[./\0]/.test(path)) return null;
        const [wanted] = /^(?:@[^/]+\/)?[^/]+/.exec(path);
        if (!isBuiltin(path) && !known.has(wanted)) throw new Error(`${name}: ${importer} imports ${path}`);
        return { id: path, external: true };
      },
    },
  ],
});
