import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { repository } from '../e2e/home.ts';
import { hasProgram } from '../programs.ts';
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
    actor_required: statusOf('actor_required'),
    unavailable: statusOf('unavailable'),
  };
  expect(told).toEqual(all);
});

test.runIf(hasProgram('npm'))('what the pages of infra/ name is in the package, and nothing that builds it', () => {
  const words = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const [packed]: { files: { path: string }[] }[] = Object.values(
    JSON.parse(execFileSync('npm', words, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })),
  );
  const paths = packed?.files.map(({ path }) => path).filter((path) => path.startsWith('infra/')) ?? [];
  expect(paths).toEqual(
    expect.arrayContaining(['infra/README.md', 'infra/auth-chain.service', 'infra/examples/agent.py']),
  );
  expect(paths.filter((path) => /\.ts$|\.json$|__pycache__/.test(path))).toEqual([]);
});
