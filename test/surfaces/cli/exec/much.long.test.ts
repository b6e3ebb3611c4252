import { afterAll, beforeAll, expect, test } from 'vitest';
import { amountOf } from '../../../long/amounts.ts';
import { command, createHome } from '../../../e2e/home.ts';

const home = createHome();
beforeAll(() => home.stack());
afterAll(() => home.close());

const line = 'x'.repeat(1_000);
const lines = amountOf('megabytes of a program') * 1_024;

test('a program that prints much is masked to its last line, in a memory that does not grow with it', async () => {
  const script = `yes "$KEY ${line}" | head -n ${lines}; grep VmHWM "/proc/$PPID/status" >&2 || true`;
  const judge = `awk '{ n += 1; if ($0 != "[KEY] ${line}") bad += 1 } END { print n, bad + 0 }'`;
  const exec = [process.execPath, '--no-warnings', command, 'exec', '--secret', 'KEY=openai.api_key', '--'];
  const { stdout, stderr } = await home.flows([], {
    program: ['sh', '-c', `"$@" | ${judge}`, 'sh', ...exec, 'sh', '-c', script],
  });
  expect(stdout).toBe(`${lines} 0\n`);
  const [, kibibytes = '0'] = /VmHWM:\s+(\d+) kB/.exec(stderr) ?? [];
  expect(Number(kibibytes)).toBeLessThan(500_000);
}, 3_600_000);
