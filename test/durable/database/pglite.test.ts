import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { unpackDatabase } from '../../../src/durable/database/empty-database.ts';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { openPglite } from '../../../src/durable/database/pglite.ts';
import type { DatabaseOwner } from '../../../src/durable/database/schema.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';
import { databaseContract } from '../../contracts/database.ts';
import { freshDatabase, freshDatabaseFolder } from './fresh-database.ts';

const guard = createValueGuard();
const folder = await mkdtemp(join(tmpdir(), 'database-'));
afterAll(async () => {
  guard.close();
  await rm(folder, { recursive: true, force: true });
});

databaseContract('PGlite', () => openPglite(folder, guard));

test('is made of the one that comes with the package; one that is there already is left as it is', async () => {
  const folder = await freshDatabaseFolder();
  const files = await readdir(join(folder, 'data'), { recursive: true });
  expect(files).toEqual(expect.arrayContaining(['PG_VERSION', 'pg_wal', 'global/pg_control']));
  expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, 'data/PG_VERSION'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['data']);
  // its own files, and none of the templates that another database would be a copy of
  expect(await readdir(join(folder, 'data/base'))).toHaveLength(1);
  expect(await unpackDatabase(join(folder, 'data'))).toBe(false);
});

test('a database that is not there yet is made', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'database-'));
  const database = await openPglite(join(fresh, 'in', 'here'), guard);
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  await database.close();
  await rm(fresh, { recursive: true });
});

test('what was committed is there again, and a second process is refused until the first one ends', async () => {
  const database = await freshDatabase();
  await database.query('create table flows_kept (name text)');
  await database.query('insert into flows_kept values ($1)', ['kept']);
  const script = `
    import { openPglite } from ${JSON.stringify(new URL('../../../src/durable/database/pglite.ts', import.meta.url).href)};
    const opening = openPglite(process.argv[1], { check() {}, close() {} });
    console.log(await opening.then((other) => other.query('select name from flows_kept').then(JSON.stringify), ({ code, message }) => code + ' ' + message));
    process.exit();`;
  const words = ['--no-warnings', '--input-type=module', '-e', script, database.place];
  const other = async () => (await promisify(execFile)(process.execPath, words)).stdout;
  expect(await other()).toBe(`refused another broker has the runs' database ${database.place}\n`);
  await database.close();
  expect(await other()).toBe('[{"name":"kept"}]\n');
});

test('a database is one environment’s: it is left as it is by another one, and by no other generation of its own', async () => {
  const folder = await freshDatabaseFolder();
  const opened = (environment: string, generation?: string) =>
    openDatabase({ address: undefined, folder, schema: [], guard, owner: { environment, generation } });
  const left = async (environment: string, generation?: string) => {
    await using database = await opened(environment, generation);
    return (await database.query(`select from pg_tables where tablename = 'flows_left'`)).length;
  };
  {
    await using database = await opened('development', 'first');
    await database.query('create table flows_left (name text)');
  }
  for (const generation of [undefined, 'first'])
    await expect(opened('production', generation)).rejects.toMatchObject({
      code: 'refused',
      message: "the runs' database is that of environment development",
    });
  expect(await left('development', 'first')).toBe(1);
  expect(await left('development', 'next')).toBe(0);
  for (const [environment, whose] of [
    ['production', 'that of environment development'],
    ['development', "a laptop's"],
  ] as const)
    await expect(opened(environment)).rejects.toMatchObject({
      code: 'refused',
      message: `the runs' database is ${whose}`,
    });
});

test('a database that nobody has marked is taken by who ran in it last, and by no laptop', async () => {
  const folder = await freshDatabaseFolder();
  const opened = (owner?: DatabaseOwner) => openDatabase({ address: undefined, folder, schema: [], guard, owner });
  {
    await using database = await opened();
    await database.query('create table flows_runs (environment text, created bigint)');
    await database.query(`insert into flows_runs values ('production', 2), ('prod', 1)`);
  }
  for (const [owner, whose] of [
    [{ environment: 'staging', generation: undefined }, 'that of environment production'],
    [{ environment: 'development', generation: 'first' }, 'that of environment production'],
    [{ environment: 'production', generation: 'first' }, "no laptop's"],
  ] as const)
    await expect(opened(owner)).rejects.toMatchObject({
      code: 'refused',
      message: `the runs' database is ${whose}`,
    });
  await using database = await opened({ environment: 'production', generation: undefined });
  expect(await database.query('select from flows_runs')).toHaveLength(2);
});

test.each([
  ['a file in its place', (data: string) => writeFile(join(data, 'PG_VERSION'), 'nonsense')],
  ['pages that are spoiled', (data: string) => writeFile(join(data, 'global', 'pg_control'), 'nonsense')],
])('is told in one line where there is %s', async (_, spoil) => {
  const folder = await freshDatabaseFolder();
  await spoil(join(folder, 'data'));
  await expect(openPglite(folder, guard)).rejects.toMatchObject({
    code: 'unavailable',
    message: `the runs' database ${folder} cannot be used`,
  });
});

test('a transaction that is given up lets the next one begin', async () => {
  const database = await freshDatabase();
  const connection = await database.pool.connect();
  await connection.query('begin');
  await connection.query('create table flows_given_up (name text)');
  connection.release();
  await expect(database.query('select * from flows_given_up')).rejects.toThrow('does not exist');
});

test('a transaction that comes while it is closed is refused, and is no fault of the process', async () => {
  const database = await freshDatabase();
  const closing = database.close();
  await expect(database.transaction((tx) => tx.query('select 1'))).rejects.toThrow('is closed');
  await closing;
});
