import { readFileSync, statSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Secret } from '../../../../src/foundation/secret.ts';
import { childEnvironment } from '../../../../src/surfaces/cli/exec/child-environment.ts';

const variable = (name: string, value: string) => ({ name, value: new Secret(value) });

test('a program has what it would have had, and the variables, but nothing that asks 1Password or a broker', () => {
  for (const name of [
    'OP_SERVICE_ACCOUNT_TOKEN',
    'OP_CONNECT_HOST',
    'FLOWS_AGENT_TOKEN',
    'FLOWS_AGENT_TOKEN_FILE',
    'FLOWS_DIR',
  ])
    vi.stubEnv(name, 'given');
  try {
    const { env } = childEnvironment([variable('KEY', 'value'), { name: 'LEVEL', value: 'info' }], []);
    expect(env).toMatchObject({ KEY: 'value', LEVEL: 'info', FLOWS_DIR: 'given', PATH: process.env['PATH'] });
    expect(Object.keys(env).filter((name) => /^OP_|^FLOWS_AGENT/.test(name))).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});

test.each([
  ['a\0b', /the value for KEY holds a NUL/],
  ['x'.repeat(128 * 1024), /the value for KEY is longer than a variable may be/],
])('what no variable can hold is refused by its name, and may be a file', (value, message) => {
  expect(() => childEnvironment([variable('KEY', value)], [])).toThrow(message);
  const { env, close } = childEnvironment([variable('KEY', value)], ['KEY']);
  const path = env['KEY'] ?? '';
  expect(readFileSync(path, 'utf8')).toBe(value);
  // more than once, and by its user alone
  expect(readFileSync(path, 'utf8')).toBe(value);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  close();
});
