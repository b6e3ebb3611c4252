import { expect, test } from 'vitest';
import { createWaitLine } from '../../../src/surfaces/cli/wait-line.ts';

function screen(isTTY: boolean, columns = 40) {
  let text = '';
  return { isTTY, columns, write: (part: string) => void (text += part), text: () => text };
}
const erase = '\r\u001b[2K';

test('why it waits stands on one line, no wider than the screen, which is gone at the end', () => {
  const shown = screen(true);
  const line = createWaitLine(shown, (text) => `<${text}>`, { now: () => 0 });
  const over = line.begin('code: waiting\nfor a fresh one', 7_400);
  expect(shown.text()).toBe(`${erase}<code: waiting for a fresh one (8 s)>`);
  over();
  over();
  expect(shown.text().slice(-erase.length)).toBe(erase);
  const written = shown.text().length;
  line.erase();
  expect(shown.text()).toHaveLength(written);
  line.begin('x'.repeat(100), 0)();
  // oxlint-disable-next-line no-control-regex -- what erases
  for (const part of shown.text().split(/\r\u001b\[2K/)) expect(part.length).toBeLessThan(40 + '<>'.length);
});

test('of several that wait the last one is shown, then the one before', () => {
  const shown = screen(true);
  const line = createWaitLine(shown, (text) => text, { now: () => 0 });
  const [first, second] = [line.begin('one', 1_000), line.begin('two', 2_000)];
  second();
  first();
  expect(shown.text().split(erase)).toEqual(['', 'one (1 s)', 'two (2 s)', '', 'one (1 s)', '']);
});

test('it counts down, and what no terminal shows is not written at all', () => {
  let at = 0;
  let tick = () => undefined as void;
  let stopped = 0;
  const clock = {
    now: () => at,
    every: (_: number, call: () => void) => {
      tick = call;
      return () => void (stopped += 1);
    },
  };
  const [shown, pipe] = [screen(true), screen(false)];
  const over = createWaitLine(shown, (text) => text, clock).begin('it', 3_000);
  for (at of [1_000, 2_000]) tick();
  over();
  tick();
  expect(shown.text().split(erase)).toEqual(['', 'it (3 s)', 'it (2 s)', 'it (1 s)', '']);
  expect(stopped).toBe(1);
  createWaitLine(pipe, (text) => text, clock).begin('it', 9_000)();
  expect(pipe.text()).toBe('');
});
