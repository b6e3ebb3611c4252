import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPglite } from '../../../src/durable/database/pglite.ts';
import { startEngine } from '../../../src/durable/runs/run-engine.ts';

/** Before any test, so that none waits for it. */
export async function setup(): Promise<void> {
  await emptyDatabase();
}

/** Made once on a machine for each version of its libraries, whichever test needs it first; the engine's tables are in it. */
export async function emptyDatabase(): Promise<string> {
  const versions = await Promise.all(['@electric-sql/pglite', '@dbos-inc/dbos-sdk'].map(versionOf));
  const made = join(tmpdir(), `auth-chain-database-${versions.join('-')}`);
  if (await isThere(made)) return made;
  const making = await mkdtemp(`${made}-`);
  const database = await openPglite(making, { check: () => undefined, close: () => undefined });
  const engine = await startEngine({ database, broker: 'none', work: () => Promise.resolve(), warn: () => undefined });
  await engine.close();
  await database.close();
  // another worker may have been first: then it is his
  await rename(join(making, 'data'), made).catch(() => undefined);
  await rm(making, { recursive: true, force: true });
  return made;
}

async function versionOf(library: string): Promise<string> {
  const file = new URL(`../../../node_modules/${library}/package.json`, import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}

async function isThere(folder: string): Promise<boolean> {
  return readFile(join(folder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}
