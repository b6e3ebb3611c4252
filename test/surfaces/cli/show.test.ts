import { describe, expect, test } from 'vitest';
import { showOutput } from '../../../src/surfaces/cli/flow/show-output.ts';
import { processTerminal } from '../../../src/surfaces/cli/terminal.ts';
import type { Shown } from '../../../src/engine/output.ts';
import { Secret } from '../../../src/foundation/secret.ts';

async function printed(value: Shown, outIsTerminal: boolean): Promise<string> {
  let text = '';
  const terminal = { ...processTerminal(false), outIsTerminal, out: (part: string) => void (text += part) };
  await showOutput({ kind: 'scalar', value }, new Set(), terminal);
  return text;
}

describe('a scalar answer', () => {
  const hostile = 'eve\u001b]0;owned\u0007\u009b2J\r\nroot';

  test('that a service wrote does not speak to the terminal', async () => {
    for (const value of [hostile, { sub: hostile }]) {
      const text = await printed({ as: 'plain', value }, true);
      expect(text).toContain('eve');
      expect(text.slice(0, -1)).not.toMatch(/\p{Cc}/u);
    }
  });

  test('goes into a pipe as it is', async () => {
    expect(await printed({ as: 'plain', value: hostile }, false)).toBe(`${hostile}\n`);
  });

  test('that is a secret is never changed: a key has several lines', async () => {
    expect(await printed({ as: 'secret', value: new Secret('first\nsecond') }, true)).toBe('first\nsecond\n');
  });
});
