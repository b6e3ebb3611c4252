import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { amountOf } from '../long/amounts.ts';
import { folder, key, linesOf, written } from './arrange.ts';

test('any single edit is found, or is a line that was torn', async () => {
  const trail = await written(8);
  const file = join(folder(), 'audit.jsonl');
  const bytes = Buffer.from(
    linesOf(trail.file)
      .map((each) => `${each}\n`)
      .join(''),
  );
  const at = fc.nat(bytes.length - 1);
  const edit = fc.oneof(
    fc.record({ how: fc.constant('set' as const), at, value: fc.nat(255) }),
    fc.record({ how: fc.constant('insert' as const), at: fc.nat(bytes.length), value: fc.nat(255) }),
    fc.record({ how: fc.constant('delete' as const), at, value: fc.integer({ min: 1, max: 2000 }) }),
  );
  await fc.assert(
    fc.asyncProperty(edit, async ({ how, at, value }) => {
      const rest = how === 'insert' ? at : at + (how === 'delete' ? value : 1);
      const put = Buffer.from(how === 'delete' ? [] : [value]);
      const edited = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(rest)]);
      fc.pre(!edited.equals(bytes));
      writeFileSync(file, edited);
      const { found, torn } = await verifyTrail([file], [key], trail.checkpoints);
      // what is torn is the end: all that the checkpoint saw is there
      const onlyTorn = torn !== undefined && edited.subarray(0, bytes.length - 1).equals(bytes.subarray(0, -1));
      expect(found > 0 || onlyTorn).toBe(true);
    }),
    { numRuns: amountOf('edits of a trail') },
  );
});
