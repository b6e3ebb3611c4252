import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { first } from '../first.ts';

/** Independent implementations, installed by the suites themselves: they need a package registry, `npm test` does not. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/peers/**/*.test.ts'],
    globalSetup: 'test/built-command.ts',
    testTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 660_000,
    // Keycloak's takes as long as all others, which run beside it while it waits for one-time codes
    maxWorkers: 2,
    sequence: { sequencer: first('/keycloak.test.ts') },
  },
});
