import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { Much } from './long/loops.ts';

/** Whoever starts our command, or leaves something behind in this process, has a process of their own. */
const commands = ['test/{attack,e2e,infra}/**/*.test.ts', 'test/surfaces/cli/**/*.test.ts'];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // two cores: the 1Password SDK's sign-in is CPU work, more workers only make each other late
    maxWorkers: 2,
    provide: { much: 'part' satisfies Much },
    globalSetup: 'test/long/loops.ts',
    projects: [
      {
        extends: true,
        test: { name: 'commands', include: commands, globalSetup: 'test/built-command.ts' },
      },
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: [...commands, 'test/{browser,peers,bench}/**'],
          // what many files import is loaded once
          isolate: false,
        },
      },
    ],
  },
});
