import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packDatabase } from '../src/durable/database/empty-database.ts';
import { openPglite } from '../src/durable/database/pglite.ts';
import { startEngine } from '../src/durable/runs/run-engine.ts';

/** Makes the empty database that comes with the package, the engine's tables in it: `dist/empty-database.gz`. */
const packed = 'dist/empty-database.gz';
rmSync(packed, { force: true });
const folder = mkdtempSync(join(tmpdir(), 'empty-database-'));
try {
  const database = await openPglite(folder, { check: () => undefined, close: () => undefined });
  const engine = await startEngine({ database, broker: 'none', work: () => Promise.resolve(), warn: () => undefined });
  await engine.close();
  // what another database would be a copy of: two thirds of the files, and there is never another
  for (const template of ['template0', 'template1']) {
    await database.query('update pg_database set datistemplate = false where datname = $1', [template]);
    await database.query(`drop database ${template}`);
  }
  await database.close();
  writeFileSync(packed, await packDatabase(join(folder, 'data')));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
