import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readersIn } from '../../../src/app/migration/audit-readers.ts';

const dir = mkdtempSync(join(tmpdir(), 'auth-chain-'));
afterAll(() => rmSync(dir, { recursive: true }));
let count = 0;

interface Told {
  readonly path?: string;
  readonly mount?: string;
  readonly namespace?: string;
  readonly operation?: string;
  readonly type?: string;
  readonly time?: string;
  readonly error?: string;
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A line as OpenBao 2.6.2 writes it. */
function line(told: Told = {}): string {
  const {
    path = 'secret/data/team/app',
    mount = 'secret/',
    namespace = '',
    operation = 'read',
    type = 'response',
  } = told;
  const { time = '2026-11-22T04:06:25.866265126Z', error, name = 'userpass-ann', metadata } = told;
  return JSON.stringify({
    time,
    type,
    ...(error === undefined ? {} : { error }),
    auth: { client_token: 'hmac-sha256:1', display_name: name, policies: ['default'], ...(metadata && { metadata }) },
    request: {
      id: '1',
      operation,
      mount_point: mount,
      mount_type: 'kv',
      namespace: { id: 'root', path: namespace },
      path,
      remote_address: '127.0.0.1',
    },
    response: { data: { data: { value: 'hmac-sha256:2' } } },
  });
}

async function read(lines: readonly string[], more: { known?: string[]; without?: string[]; since?: number } = {}) {
  const file = join(dir, `${(count += 1)}.log`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { known = [], without = [], since } = more;
  return readersIn({ files: [file], known: new Set(known), without: new Set(without), since });
}

describe('who reads Vault, by its audit device', () => {
  test('reads are counted by path and reader, the latest first, and their answers alone', async () => {
    const { readers, foreign } = await read([
      line({ type: 'request' }),
      line(),
      line({ time: '2026-11-23T00:00:00Z' }),
      line({ path: 'secret/data/other', name: 'approle', metadata: { role_name: 'ci' }, time: '2026-11-24T00:00:00Z' }),
      line({ path: 'secret/data/other', name: 'approle', metadata: { role_name: 'cd' } }),
    ]);
    expect(foreign).toBe(0);
    expect(readers.map(({ path, reader, reads, lastRead }) => [path, reader, reads, lastRead])).toEqual([
      ['secret/other', 'approle (ci)', 1, '2026-11-24T00:00:00Z'],
      ['secret/team/app', 'userpass-ann', 2, '2026-11-23T00:00:00Z'],
      ['secret/other', 'approle (cd)', 1, '2026-11-22T04:06:25.866265126Z'],
    ]);
  });

  test.each([
    ['of KV v1', { path: 'old/x', mount: 'old/' }, 'old/x'],
    ['of a namespace', { path: 'kv/data/a/b', mount: 'kv/', namespace: 'team/' }, 'team/kv/a/b'],
    ['of a deep mount', { path: 'a/b/data/c', mount: 'a/b/' }, 'a/b/c'],
    ['of KV v1 whose path begins with data/', { path: 'old/data/x', mount: 'old/' }, 'old/data/x'],
    ['that is named data itself', { path: 'secret/data/data/x' }, 'secret/data/x'],
  ])('a path %s', async (_, told, expected) => {
    const { readers } = await read([line(told)], { known: ['old/data/x'] });
    expect(readers.map(({ path }) => path)).toEqual([expected]);
  });

  test.each([
    ['a list', { operation: 'list', path: 'secret/metadata/team' }],
    ['metadata', { path: 'secret/metadata/team/app' }],
    ['names of keys', { path: 'secret/subkeys/team/app' }],
    ['what is no secret', { path: 'sys/internal/ui/mounts/secret/team/app', mount: 'sys/' }],
    ['a write', { operation: 'update' }],
    ['a failure of another kind', { error: '1 error occurred:\n\t* internal error\n\n' }],
    ['nobody', { name: '' }],
    ['who is left out', { name: 'token-migrate' }],
    ['what was before', { time: '2026-11-01T00:00:00Z' }],
  ])('%s is no reader', async (_, told) => {
    const { readers } = await read([line(told)], {
      without: ['token-migrate'],
      since: Date.parse('2026-11-10T00:00:00Z'),
    });
    expect(readers).toEqual([]);
  });

  test('who was refused is told, also where no mount is', async () => {
    const error = '1 error occurred:\n\t* permission denied\n\n';
    const { readers } = await read([line({ error }), line({ error, mount: '' }), line()], {
      known: ['secret/team/app'],
    });
    expect(readers).toMatchObject([{ path: 'secret/team/app', reads: 1, refused: 2 }]);
  });

  test('lines of anything else are counted, and a file that is not there is told', async () => {
    expect(await read(['', 'text', '[]', '{"type":"x"}', line()])).toMatchObject({
      foreign: 3,
      readers: [{ reads: 1 }],
    });
    const nowhere = readersIn({ files: [join(dir, 'nowhere')], known: new Set(), without: new Set() });
    await expect(nowhere).rejects.toMatchObject({ code: 'usage' });
  });
});
