import { expect, test } from 'vitest';
import { cardText } from '../../../../src/surfaces/cli/approvals/card-text.ts';

test('a card has the inputs whole, on one line, however long an agent makes them', () => {
  const inputs = { note: `${'x'.repeat(4_000)}\n\u202e`, to: 'somebody else' };
  const bound = { environment: 'production', installation: 'i', what: [{ name: 'pay', is: 'flow pay' }], inputs };
  const text = cardText(
    {
      ...{ id: 'a-1', state: 'pending', agent: 'codex', kind: 'run', names: ['pay'], for: 'call', scope: 'call' },
      ...{ uses: 1, lasts: 600, digest: 'digest-of-it', rules: [], answers: [] },
      bound: JSON.stringify(bound),
      asked: { by: 'token' },
      opened: '2026-11-30T00:00:00.000Z',
      until: '2026-11-30T00:10:00.000Z',
    },
    (_, painted) => painted,
  );
  const line = text.split('\n').find((each) => each.includes('inputs'));
  expect(line).toContain(`${'x'.repeat(4_000)}\\n`);
  expect(line).toContain('"to":"somebody else"}');
  expect(text).not.toContain('\u202e');
});
