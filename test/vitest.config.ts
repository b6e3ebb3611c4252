import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/peers/**', 'test/bench/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // two cores: the 1Password SDK's sign-in is CPU work, more workers only make each other late
    maxWorkers: 2,
  },
});
