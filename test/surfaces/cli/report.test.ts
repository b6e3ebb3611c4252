import { expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { createReport } from '../../../src/surfaces/cli/dev/report.ts';
import { processTerminal } from '../../../src/surfaces/cli/terminal.ts';

const refused = () =>
  Promise.reject(new FlowError('denied', 'the issuer refused it', { cause: new Error('401 "canary"') }));
const unexpected = () => Promise.reject(new TypeError('canary'));

test.each([
  ['a cause', refused, false, /^$/],
  ['a cause, with --debug', refused, true, /^ {2}Error: 401 "…"\n$/],
  ['an unexpected fault', unexpected, false, /^$/],
  ['an unexpected fault, with --debug', unexpected, true, /^TypeError\n {4}at unexpected .*report\.test\.ts/],
])('a line that fails by %s', async (_by, work, debug, detail) => {
  const told = { out: '', err: '' };
  const write = (to: keyof typeof told) => (text: string) => void (told[to] += text);
  const terminal = { ...processTerminal(false), out: write('out'), err: write('err') };
  const report = createReport({ terminal, signal: new AbortController().signal, debug });
  await report.line('a line', work);
  expect([report.failed(), told.out]).toEqual([1, expect.stringMatching(/^FAIL {2}a line .*\n$/)]);
  expect(told.err).toMatch(detail);
  expect(told.out + told.err).not.toContain('canary');
});
