import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/durable/database/contract.ts';
import { sqlState } from '../../src/durable/database/database-errors.ts';
import { applySchema } from '../../src/durable/database/schema.ts';
import { Secret } from '../../src/foundation/secret.ts';

/** What every {@link Database} does, whatever is behind it. */
export function databaseContract(title: string, open: () => Promise<Database>): void {
  // oxlint-disable-next-line vitest/valid-title -- named by whoever runs the suite
  describe(title, () => {
    let database: Database;
    beforeAll(async () => {
      database = await open();
      await database.query('create table flows_things (name text primary key, at bigint, what jsonb)');
    });
    afterAll(() => database.close());

    const names = async () =>
      (await database.query<{ name: string }>('select name from flows_things order by name')).map(({ name }) => name);
    const add = 'insert into flows_things (name, at, what) values ($1, $2, $3)';

    test('gives numbers of eight bytes as text, and JSON as data', async () => {
      await database.query(add, ['types', Date.now(), { some: ['json'] }]);
      const [row] = await database.query('select at, at::float8 as number, what from flows_things where name = $1', [
        'types',
      ]);
      expect(row).toEqual({ at: expect.any(String), number: expect.any(Number), what: { some: ['json'] } });
      await database.query('delete from flows_things');
    });

    test('commits what resolves, and rolls back what throws', async () => {
      await database.transaction(async (tx) => {
        await tx.query(add, ['committed', 1, null]);
        expect(await tx.query('select name from flows_things')).toHaveLength(1);
      });
      const failing = database.transaction(async (tx) => {
        await tx.query(add, ['rolled back', 1, null]);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      const wrong = database.transaction((tx) => tx.query(add, ['committed', 1, null]));
      expect(sqlState(await wrong.catch((error: unknown) => error))).toBe('23505');
      expect(await names()).toEqual(['committed']);
    });

    test('keeps transactions that run side by side apart', async () => {
      await database.query('delete from flows_things');
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          database
            .transaction(async (tx) => {
              await tx.query(add, [`a${index}`, index, null]);
              await new Promise((resolve) => setImmediate(resolve));
              await tx.query(add, [`b${index}`, index, null]);
              if (index % 2 === 1) throw new Error('every other one');
            })
            .catch(() => undefined),
        ),
      );
      expect(await names()).toHaveLength(20);
    });

    test('tells what is announced once it is committed, until nobody listens', async () => {
      const heard: string[] = [];
      let told = Promise.withResolvers<undefined>();
      const ear = await database.listen('flows_things', (payload) => {
        heard.push(payload);
        told.resolve(undefined);
      });
      const announce = (what: string) => database.query('select pg_notify($1, $2)', ['flows_things', what]);
      await announce('one');
      await told.promise;
      told = Promise.withResolvers();
      await database
        .transaction(async (tx) => {
          await tx.query('select pg_notify($1, $2)', ['flows_things', 'never']);
          throw new Error('no');
        })
        .catch(() => undefined);
      await announce('two');
      await told.promise;
      await ear[Symbol.asyncDispose]();
      await announce('three');
      expect(heard).toEqual(['one', 'two']);
    });

    test('makes each step of its tables once, also where two begin at the same time', async () => {
      const steps = [
        { name: 'steps-1', statements: ['create table flows_steps (name text)'] },
        {
          name: 'steps-2',
          statements: ['alter table flows_steps add column at bigint', 'create index on flows_steps (at)'],
        },
      ];
      await Promise.all([applySchema(database, steps), applySchema(database, steps), applySchema(database, steps)]);
      await applySchema(database, [
        ...steps,
        { name: 'steps-3', statements: ["insert into flows_steps values ('once')"] },
      ]);
      expect(await database.query('select name from flows_steps')).toHaveLength(1);
    });

    test('a step that fails leaves nothing of those beside it', async () => {
      const broken = [
        { name: 'broken-1', statements: ['create table flows_broken (name text)'] },
        { name: 'broken-2', statements: ['create table no way'] },
      ];
      await expect(applySchema(database, broken)).rejects.toThrow('syntax');
      await expect(database.query('select * from flows_broken')).rejects.toThrow('does not exist');
    });

    test.each([
      ['as it is', (value: string) => value],
      ['inside a sentence', (value: string) => `401 Unauthorized for ${value}, it said`],
      ['inside JSON', (value: string) => ({ error: [`for "${value}"`] })],
      ['in base64', (value: string) => Buffer.from(`user:${value}`).toString('base64')],
      ['URL-encoded', (value: string) => `https://example?v=${encodeURIComponent(value)}`],
    ])('takes no value of a secret, %s', async (_, told) => {
      const value = `c4n4ry "${Math.random()}" & more`;
      const secret = new Secret(value);
      await expect(database.query(add, [told(value), 1, null])).rejects.toMatchObject({ code: 'internal' });
      await expect(database.query(add, ['value', 1, { told: told(secret.reveal()) }])).rejects.toMatchObject({
        code: 'internal',
      });
      await expect(database.transaction((tx) => tx.query(add, [told(value), 1, null]))).rejects.toMatchObject({
        code: 'internal',
      });
      expect(await names()).not.toContain('value');
    });

    test('takes no value of a secret among bytes', async () => {
      const secret = new Secret(`c4n4ry ${Math.random()}`);
      const bytes = Buffer.from(`x${secret.reveal()}`);
      await expect(database.query('select $1::bytea', [bytes])).rejects.toMatchObject({ code: 'internal' });
    });
  });
}
