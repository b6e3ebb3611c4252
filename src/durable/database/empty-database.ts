import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { gunzip, gzip } from 'node:zlib';
import { type InTurns, inTurns } from '../../foundation/in-turns.ts';

/**
 * An empty database, as the build packs it: to make one from nothing takes seconds of work, to unpack one a fifth of a
 * second. Its files are those of one version of PGlite.
 */
interface Packed {
  readonly version: string;
  readonly folders: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const packed = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/empty-database.gz' : './empty-database.gz',
  import.meta.url,
);

async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  return (JSON.parse(await readFile(join(dirname(entry), '../package.json'), 'utf8')) as Packed).version;
}

/** Packs the folder of a database that is closed. */
export async function packDatabase(data: string): Promise<Uint8Array> {
  const version = await pgliteVersion();
  const found = await readdir(data, { recursive: true, withFileTypes: true });
  const place = (name: string, parent: string) => relative(data, join(parent, name));
  const files = new Map<string, Uint8Array>();
  for (const each of found)
    if (each.isFile()) files.set(place(each.name, each.parentPath), await readFile(join(each.parentPath, each.name)));
  const folders = found.filter((each) => each.isDirectory()).map(({ name, parentPath }) => place(name, parentPath));
  return promisify(gzip)(serialize({ version, folders, files } satisfies Packed));
}

/**
 * Puts an empty database where none is yet, for one who holds the folder. It is there whole or not at all, whenever the
 * process ends.
 * @returns whether it did: not where there is a database, nor where the build has none of this version
 * @example
 * await unpackDatabase('/var/lib/auth-chain/runs/production/data');
 */
export async function unpackDatabase(data: string): Promise<boolean> {
  if ((await readdir(data).catch(() => [])).length > 0) return false;
  const bytes = await readFile(packed).catch(() => undefined);
  if (bytes === undefined) return false;
  const found = deserialize(await promisify(gunzip)(bytes)) as Packed;
  if (found.version !== (await pgliteVersion())) return false;
  await inTurns(unpacked(found, data));
  return true;
}

/** A thousand small files: each is written in less time than it takes to be told that it is. */
function* unpacked({ folders, files }: Packed, data: string): InTurns<void> {
  const making = `${data}.making`;
  rmSync(making, { recursive: true, force: true });
  for (const folder of ['.', ...folders]) mkdirSync(join(making, folder), { recursive: true, mode: 0o700 });
  for (const [file, content] of files) {
    writeFileSync(join(making, file), content, { mode: 0o600 });
    yield;
  }
  renameSync(making, data);
}
