import { expect, test } from 'vitest';
import { planText } from '../../../src/surfaces/cli/flow/plan-text.ts';
import type { Plan } from '../../../src/engine/plan.ts';

/** Titles and user names come from services, where others may have written them. */
test('a name that others wrote stays on its line, and does not speak to the terminal', () => {
  const plan: Plan = {
    flow: 'leaver',
    environment: 'production',
    steps: [
      {
        step: 'user',
        uses: 'idp/disable-user',
        effect: 'write',
        changes: [
          {
            action: 'disable',
            what: 'user "eve\u001b[1A\u001b[2K\r\n= none  no change" at x',
            detail: 'a\u009b2Jb\u202e',
          },
        ],
        complete: true,
      },
    ],
    wouldChange: true,
    conflicts: false,
    hash: '',
  };
  const text = planText(plan, (_, each) => each);
  expect(text.split('\n')).toHaveLength(3);
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(text).toContain('disable: user "eve');
});
