import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { first } from './first.ts';

/**
 * Whoever starts our command, leaves something behind in this process, or measures its turns, to which the garbage of all
 * before belongs, has a process of their own.
 */
const commands = [
  'test/{attack,e2e,infra}/**/*.test.ts',
  'test/surfaces/cli/**/*.test.ts',
  'test/broker/policy/large-files.test.ts',
];

/** What has a command of its own. */
const others = ['test/{browser,peers,bench}/**', 'test/**/*.long.test.ts'];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    // for what hangs: what is slow on a busy machine holds all the same
    testTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 180_000,
    // two cores: the 1Password SDK's sign-in is CPU work, many workers only make each other late; one more than there are
    // cores has something to do while another waits for the next one-time code
    maxWorkers: 3,
    sequence: { sequencer: first('/test/e2e/') },
    setupFiles: ['test/no-bare-patterns.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'commands', include: commands, exclude: others, globalSetup: 'test/built-command.ts' },
      },
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: [...commands, ...others],
          setupFiles: ['test/compiled-sdk.ts'],
          // what many files import is loaded once
          isolate: false,
        },
      },
    ],
  },
});
