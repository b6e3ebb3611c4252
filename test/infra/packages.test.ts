import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TokenError, type TokenErrorCode } from '../../src/verify.ts';

test('the page of the verifier tells of every code', () => {
  const readme = readFileSync(new URL('../../src/verify/README.md', import.meta.url), 'utf8');
  const rows = readme.matchAll(/^\| `(?<code>\w+)` \| (?<status>\d+) \|/gm);
  const told = Object.fromEntries([...rows].map(({ groups }) => [groups?.['code'], Number(groups?.['status'])]));
  const statusOf = (code: TokenErrorCode) => new TokenError(code, '').status;
  const all: Readonly<Record<TokenErrorCode, number>> = {
    missing_token: statusOf('missing_token'),
    invalid_request: statusOf('invalid_request'),
    invalid_token: statusOf('invalid_token'),
    insufficient_scope: statusOf('insufficient_scope'),
    unavailable: statusOf('unavailable'),
  };
  expect(told).toEqual(all);
});
