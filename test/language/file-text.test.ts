import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readText } from '../../src/language/file-text.ts';

const root = mkdtempSync(join(tmpdir(), 'flows-text-'));
const dir = join(root, 'flows');
const socket = createServer();
beforeAll(async () => {
  mkdirSync(join(dir, 'folder.yaml'), { recursive: true });
  mkdirSync(join(dir, '..data'));
  writeFileSync(join(root, 'outside'), 'root:x:0:0');
  writeFileSync(join(dir, '..data', 'mounted.yaml'), 'a: mounted\n');
  writeFileSync(join(dir, 'flow.yaml'), 'a: žluťoučký 🐎\n');
  writeFileSync(join(dir, 'empty.yaml'), '');
  writeFileSync(join(dir, 'whole.yaml'), 'x'.repeat(1_000_000));
  writeFileSync(join(dir, 'large.yaml'), 'x'.repeat(1_000_001));
  writeFileSync(join(dir, 'latin.yaml'), Buffer.from([0x61, 0xe9, 0x0a]));
  symlinkSync('..data/mounted.yaml', join(dir, 'mounted.yaml'));
  symlinkSync('../outside', join(dir, 'out.yaml'));
  symlinkSync('/etc/hostname', join(dir, 'far.yaml'));
  symlinkSync('nowhere', join(dir, 'dangling.yaml'));
  symlinkSync('circle.yaml', join(dir, 'circle.yaml'));
  await new Promise<void>((done) => socket.listen(join(dir, 'socket.yaml'), done));
});
afterAll(async () => {
  await new Promise((done) => socket.close(done));
  rmSync(root, { recursive: true, force: true });
});

it.each([
  ['flow', 'a: žluťoučký 🐎\n'],
  ['empty', ''],
  ['whole', 'x'.repeat(1_000_000)],
  // as those of a mounted ConfigMap lead
  ['mounted', 'a: mounted\n'],
])('%s.yaml is read', (name, text) => {
  expect(readText(join(dir, `${name}.yaml`))).toBe(text);
});

it.each([
  ['large', 'the file is larger than 1 MB'],
  ['latin', 'the file is not UTF-8 text'],
  ['out', 'the link leads out of the folder'],
  ['far', 'the link leads out of the folder'],
  ['dangling', 'the link leads nowhere'],
  ['circle', 'the link leads nowhere'],
  ['nothing', 'there is no such file'],
  ['folder', 'this is not a file'],
  ['socket', 'this is not a file'],
])('%s.yaml is told of, and nothing of it repeated', (name, message) => {
  const found = readText(join(dir, `${name}.yaml`));
  expect(found).toMatchObject({ file: join(dir, `${name}.yaml`), line: 1, column: 1, message });
  expect(JSON.stringify(found)).not.toContain('root:x');
});
