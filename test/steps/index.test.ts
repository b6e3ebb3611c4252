import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stepKinds } from '../../src/steps/index.ts';

test('each file that declares a step kind is registered, under the name of the file', () => {
  const folder = join(import.meta.dirname, '../../src/steps');
  const declaring = readdirSync(folder).filter(
    (name) =>
      name.endsWith('.ts') &&
      /^export const \w+ = (?:pure|write)Step\(/m.test(readFileSync(join(folder, name), 'utf8')),
  );
  const names = [...new Set(stepKinds.values())].map(({ name }) => `${name.replace('/', '-')}.ts`);
  expect(declaring.toSorted()).toEqual(names.toSorted());
});
