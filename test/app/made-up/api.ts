import { apiAdapter } from '../../../src/adapters/apis/adapter.ts';
import type { ApiRules } from '../../../src/adapters/apis/contract.ts';
import { form, required } from '../../../src/language/forms.ts';

const keys = { words: required(form.mapping(form.text()), 'what it answers, by path') };
const rules: ApiRules = { methods: ['GET'], paths: ['/word/{id}'], credential: undefined, keyed: false };

/** An API that is a table. */
export const tableApi = apiAdapter<typeof keys>({
  type: 'table',
  keys,
  plain: ['type'],
  addresses: () => [],
  place: ({ words }) => `table of ${Object.keys(words).length}`,
  rules: () => rules,
  load: () =>
    Promise.resolve({
      create({ words }, { name }) {
        let requests = 0;
        return {
          name,
          url: 'table:',
          rules,
          target: ({ path }) => path,
          send({ values = {} }) {
            requests += 1;
            return Promise.resolve({ status: 200, fields: { word: words[values['id'] ?? ''] }, secret: undefined });
          },
          probe: () => Promise.resolve(Object.keys(words).join()),
          requests: () => requests,
          close: () => Promise.resolve(),
        };
      },
    }),
});
