import { readFile } from 'node:fs/promises';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { form, required } from '../../../src/language/forms.ts';
import { vaultAdapter } from '../../../src/adapters/vaults/adapter.ts';

const keys = { file: required(form.text(), 'the file') };

/** A vault that is a JSON file: vault, item, field. */
export const jsonVault = vaultAdapter<typeof keys>({
  type: 'json',
  keys,
  plain: [],
  addresses: () => [],
  setup: {
    accessNote: '# files',
    access: ({ settings: { file }, vaults }) => `chmod 0400 ${file} # ${vaults.map(({ name }) => name).join(', ')}\n`,
    itemsNote: '# entries',
    item: ({ reference }) => `# write ${reference.item}\n`,
  },
  load: () =>
    Promise.resolve({
      create({ file }) {
        let requests = 0;
        return {
          address: file,
          async read(references) {
            requests += 1;
            const all = JSON.parse(await readFile(file, 'utf8')) as Record<
              string,
              Record<string, Record<string, string>>
            >;
            return new Map(
              references.map((each) => {
                const value = all[each.vault]?.[each.item]?.[each.field ?? ''];
                return [
                  each.toString(),
                  value === undefined ? new FlowError('not-found', 'is not in the file') : new Secret(value),
                ];
              }),
            );
          },
          requests: () => requests,
          close: () => Promise.resolve(),
        };
      },
    }),
});
