import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { first } from '../first.ts';

/** The long loops, all of each: kills at every boundary, and inputs by the ten thousand. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/**/*.long.test.ts'],
    globalSetup: ['test/built-command.ts', 'test/long/loops.ts'],
    testTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 180_000,
    // two cores: some of them wait much, as for limits of a minute
    maxWorkers: 3,
    sequence: { sequencer: first('/births.', '/rotation.', '/migrate.', '/e2e/') },
  },
});
