import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The laptop's pages in a real browser. It is installed where it is missing and can be. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: 'test/browser/chromium.ts',
    testTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
