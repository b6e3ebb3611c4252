import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stateFolder } from '../../src/foundation/state-folder.ts';

const usual = join(homedir(), '.local/state/auth-chain');

test.each([
  [undefined, usual],
  ['', usual],
  // the specification: a relative path is to be taken for invalid
  ['./s', usual],
  ['state', usual],
  ['/var/state', '/var/state/auth-chain'],
])('XDG_STATE_HOME=%s', (given, folder) => {
  expect(stateFolder({ XDG_STATE_HOME: given })).toBe(folder);
});
