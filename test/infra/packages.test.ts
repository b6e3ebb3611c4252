import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { refusals } from '../../src/broker/refusal.ts';
import type { BrokerErrorCode } from '../../src/client.ts';
import { TokenError, type TokenErrorCode } from '../../src/verify.ts';

/** Each code of a table's rows, and the status beside it. */
function codesIn(room: string): Readonly<Record<string, number | null>> {
  const readme = readFileSync(new URL(`../../src/${room}/README.md`, import.meta.url), 'utf8');
  const rows = readme.matchAll(/^\| `(?<code>[\w-]+)` \| (?<status>\d*)/gm);
  return Object.fromEntries(
    [...rows].map(({ groups: { code = '', status = '' } = {} }) => [code, status === '' ? null : Number(status)]),
  );
}

test('the page of the client tells of every code', () => {
  const own: Readonly<Record<Exclude<BrokerErrorCode, keyof typeof refusals>, null>> = {
    unreachable: null,
    timeout: null,
    protocol: null,
    unsafe: null,
    'no-credential': null,
    closed: null,
  };
  const brokers = Object.entries(refusals).map(([code, { status }]) => [code, status] as const);
  expect(codesIn('client')).toEqual({ ...Object.fromEntries(brokers), ...own });
});

test('the page of the verifier tells of every code', () => {
  const statusOf = (code: TokenErrorCode) => new TokenError(code, '').status;
  const all: Readonly<Record<TokenErrorCode, number>> = {
    missing_token: statusOf('missing_token'),
    invalid_request: statusOf('invalid_request'),
    invalid_token: statusOf('invalid_token'),
    insufficient_scope: statusOf('insufficient_scope'),
    unavailable: statusOf('unavailable'),
  };
  expect(codesIn('verify')).toEqual(all);
});
