import { describe, expect, test } from 'vitest';
import { globTest, holdsValues } from '../../../../src/surfaces/cli/hook/file-rules.ts';

describe('a glob', () => {
  test.each([
    ['*.pem', ['a.pem', '.pem', '/srv/tls/a.PEM', 'x/.pem'], ['a.pem/b', 'a.pem.txt', 'pem']],
    ['secrets/**', ['secrets/a', 'secrets/', '/srv/secrets/a/b'], ['secrets', 'my-secrets/a', 'secret/a']],
    ['/etc/x', ['/etc/x'], ['etc/x', '/srv/etc/x', '/etc/xy']],
    ['/proc/**/environ', ['/proc/environ', '/proc/1/task/2/environ'], ['/proc/1/environs', '/proc/1/xenviron']],
    ['a/**/b?.key', ['a/b1.key', 'a/c/d/b1.key', 'x/a/b1.key'], ['a/b.key', 'a/xb1.key', 'a/b/.key', 'ab1.key']],
    ['a+(b)[c].env', ['x/a+(b)[c].env'], ['aa(b)[c].env', 'a+(b)c.env']],
    ['**', ['', 'a/b\nc'], []],
  ])('%s fits what it should, and nothing else', (glob, fitting, others) => {
    expect([...fitting, ...others].filter(globTest(glob))).toEqual(fitting);
  });

  // Claude Code goes on without a hook that takes long
  test('is matched in time that grows with the path alone', () => {
    const path = 'a/b/c/'.repeat(2_000);
    expect(globTest('**/a/**/b/**/c/**/a/**/*.pem')(path)).toBe(false);
    expect(globTest('*a*b*c*d*e*.pem')('abcde'.repeat(2_000))).toBe(false);
    expect(holdsValues(`.${'*'.repeat(100_000)}x`, [])).toBe(false);
  });
});
