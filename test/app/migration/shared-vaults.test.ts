import { expect, test } from 'vitest';
import { widerPaths } from '../../../src/app/migration/shared-vaults.ts';

const read = (path: string, reader: string, reads = 1) => ({ path, reader, reads });
const at = (path: string, vault: string) => ({ path, vault });

test('a path is for more people where others read what lands beside it, whatever the case of the vault', () => {
  const targets = [at('s/a', 'Agents'), at('s/b', 'agents'), at('s/c', 'Own'), at('s/unread', 'Agents')];
  const reads = [read('s/a', 'ann'), read('s/b', 'ann'), read('s/b', 'bo'), read('s/c', 'cy'), read('elsewhere', 'di')];
  expect(widerPaths(targets, reads)).toEqual([{ path: 's/a', vault: 'Agents', readers: ['ann'], others: ['bo'] }]);
});

test('those of one reader, of the same readers, and what was only refused, are for nobody else', () => {
  const targets = [at('s/a', 'V'), at('s/b', 'V'), at('s/c', 'V')];
  const same = [read('s/a', 'ann'), read('s/a', 'bo'), read('s/b', 'bo'), read('s/b', 'ann'), read('s/c', 'cy', 0)];
  expect(widerPaths(targets, same)).toEqual([]);
  expect(widerPaths(targets, [])).toEqual([]);
});
