import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { form, optional, required } from '../../../src/language/forms.ts';
import { urlForm } from '../../../src/language/url.ts';
import { storeAdapter } from '../../../src/adapters/stores/adapter.ts';
import type { SecretStore, StoredSecret, StoreRules } from '../../../src/adapters/stores/contract.ts';

const rules: StoreRules = {
  nameOf: (name) => ({ name }),
  problems: ({ name = 'x' }) =>
    /^[a-z0-9-]+$/.test(name)
      ? []
      : [{ key: 'name', problem: 'is no name of a file', hint: 'lower-case letters, digits and hyphens' }],
  valueProblem: () => undefined,
  isSameKey: () => true,
  restore: (name) => `touch ${name}`,
};

const keys = {
  path: required(form.text(), 'the folder'),
  mirror: optional(urlForm, 'an address that the files are served at'),
};

/** A store that is a folder: a file for each secret, and one beside it with the name of its version. */
export const filesStore = storeAdapter<typeof keys>({
  type: 'crate',
  keys,
  plain: ['path'],
  addresses: ({ mirror }) => [{ key: 'mirror', url: mirror }],
  place: ({ path }) => `folder ${path}`,
  check: ({ path }) =>
    path.startsWith('/') ? [] : [{ key: 'path', problem: 'is not absolute', hint: 'begin it with /' }],
  rules,
  setup: (name, { path }, names) => `# store ${name}\nmkdir -p ${path} # for ${names.join(', ')}\n`,
  laptop: ({ dir }) => ({ path: join(dir, 'runtime'), mirror: undefined }),
  load: () =>
    Promise.resolve({
      create({ path }): SecretStore {
        let requests = 0;
        return {
          address: path,
          rules,
          verify: () => Promise.resolve(),
          async inspect(names) {
            requests += 1;
            const files = await readdir(path).catch((): string[] => []);
            const found = new Map<string, StoredSecret>();
            for (const { name } of names) {
              if (!files.includes(name)) continue;
              const current = await readFile(join(path, `${name}.version`), 'utf8');
              const stored = { scheduledForDeletion: false, description: undefined, kmsKey: undefined, tags: {} };
              found.set(name, { ...stored, name, id: name, current, versions: [current] });
            }
            return found;
          },
          async write({ name: { name }, value, version }) {
            requests += 1;
            await mkdir(path, { recursive: true });
            await writeFile(join(path, `${name}.version`), version);
            await writeFile(join(path, name), value.reveal(), { mode: 0o600 });
            return { id: name };
          },
          annotate: () => Promise.resolve(),
          requests: () => requests,
          close: () => Promise.resolve(),
        };
      },
    }),
});
