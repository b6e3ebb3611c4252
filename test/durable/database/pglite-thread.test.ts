import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { openPglite } from '../../../src/durable/database/pglite.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';
import { freshDatabase, freshDatabaseFolder } from './fresh-database.ts';

/** takes half a second of work */
const long = 'select count(*)::float8 as count from generate_series(1, 1000000)';

test('whoever is served by this process waits neither for its start nor for a statement', async () => {
  const folder = await freshDatabaseFolder();
  const guard = createValueGuard();
  const database = await meanwhile(openPglite(folder, guard));
  expect(database.turns).toBeGreaterThan(100);
  const counted = await meanwhile(database.gives.query(long));
  expect(counted).toEqual({ gives: [{ count: 1_000_000 }], turns: expect.toSatisfy((turns: number) => turns > 100) });
  await database.gives.close();
  guard.close();
});

test('whoever waits for a thread that ends is told so, and whoever asks later; it is closed all the same', async () => {
  const started = once(process, 'worker') as Promise<[Worker]>;
  const database = await freshDatabase();
  const [worker] = await started;
  const asked = database.query(long).catch((error: unknown) => error);
  await worker.terminate();
  expect(await asked).toMatchObject({
    code: 'unavailable',
    message: "the thread of the runs' database ended unexpectedly",
  });
  await expect(database.transaction((tx) => tx.query('select 1'))).rejects.toMatchObject({ code: 'unavailable' });
  await database.close();
  // nobody holds the folder any more
  const guard = createValueGuard();
  const again = await openPglite(database.place, guard);
  expect(await again.query('select 1 as one')).toEqual([{ one: 1 }]);
  await again.close();
  guard.close();
});

test('what cannot go to another thread is refused, and the next one is answered', async () => {
  const database = await freshDatabase();
  await expect(database.query('select $1', [() => 1])).rejects.toThrow('could not be cloned');
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('a transaction that fails at its first statement is over, as is one that has none', async () => {
  const database = await freshDatabase();
  await database.transaction(() => Promise.resolve());
  await expect(database.transaction((tx) => tx.query('select nonsense'))).rejects.toMatchObject({ code: '42703' });
  await expect(database.query('savepoint outside')).rejects.toMatchObject({ code: '25P01' });
});

test('what cannot be sent is no end of its transaction, nor its beginning', async () => {
  const database = await freshDatabase();
  await database.query('create table flows_sent (name text)');
  const failing = database.transaction(async (tx) => {
    await tx.query('select $1', [() => 1]).catch(() => undefined);
    await tx.query("insert into flows_sent values ('rolled back')");
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await database.query('select from flows_sent')).toEqual([]);
});

test('where a transaction cannot begin, its first statement is told so', async () => {
  const connection = await (await freshDatabase()).pool.connect();
  await connection.query('begin isolation level nonsense');
  await expect(connection.query('select 1')).rejects.toMatchObject({ code: '42601' });
  connection.release();
});

test('transactions that come at once are done one after the other, and what is asked beside them between two', async () => {
  const database = await freshDatabase();
  await database.query('create table flows_counted (count int)');
  await database.query('insert into flows_counted values (0)');
  const add = () =>
    database.transaction(async (tx) => {
      const [row] = await tx.query<{ count: number }>('select count from flows_counted');
      await tx.query('update flows_counted set count = $1', [(row?.count ?? 0) + 1]);
    });
  const beside = Array.from({ length: 20 }, async () => {
    await add();
    return database.query<{ count: number }>('select count from flows_counted');
  });
  const seen = (await Promise.all(beside)).map(([row]) => row?.count ?? 0);
  expect(Math.min(...seen)).toBeGreaterThan(0);
  expect(await database.query('select count from flows_counted')).toEqual([{ count: 20 }]);
});

/** @returns what comes, and how often this thread had its turn until it came */
async function meanwhile<T>(coming: Promise<T>): Promise<{ readonly gives: T; readonly turns: number }> {
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const gives = await coming.finally(() => (counting = false));
  return { gives, turns };
}
