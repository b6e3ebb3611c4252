import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Keycloak's suite, which takes as long as all others, begins first: they run beside it while it waits for codes. */
class KeycloakFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isFirst = ({ moduleId }: TestSpecification) => moduleId.endsWith('/keycloak.test.ts');
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}

/** Independent implementations, installed by the suites themselves: they need a package registry, `npm test` does not. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/peers/**/*.test.ts'],
    globalSetup: 'test/built-command.ts',
    testTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 660_000,
    maxWorkers: 2,
    sequence: { sequencer: KeycloakFirst },
  },
});
