import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { channelAdapter } from '../../../src/adapters/channels/adapter.ts';
import { form, required } from '../../../src/language/forms.ts';

const keys = { path: required(form.text(), 'the folder that people look into') };

/** A channel that is a folder: a file for each notice. */
export const lettersChannel = channelAdapter<typeof keys>({
  type: 'letters',
  keys,
  plain: ['type'],
  addresses: () => [],
  check: ({ path }) => (path.startsWith('/') ? [] : [{ key: 'path', problem: 'is not absolute' }]),
  setup: (name, { path }) => `# channel ${name}\nmkdir -p ${path}\n`,
  load: () =>
    Promise.resolve({
      create: ({ path }) => ({
        async send({ type, names }) {
          await mkdir(path, { recursive: true });
          await writeFile(join(path, type), names.join());
        },
        probe: () => Promise.resolve(`folder ${path}`),
      }),
    }),
});
