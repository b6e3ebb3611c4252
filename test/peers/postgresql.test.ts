import { afterAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/durable/database/open-database.ts';
import { openPostgresql } from '../../src/durable/database/postgresql.ts';
import { createValueGuard } from '../../src/durable/database/value-guard.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { databaseContract } from '../contracts/database.ts';
import { startPostgresql } from './postgresql.ts';

const guard = createValueGuard();
const server = await startPostgresql();
afterAll(async () => {
  guard.close();
  await server.close();
});

databaseContract('PostgreSQL', () => Promise.resolve(openPostgresql(new Secret(server.fresh()), guard)));

describe('PostgreSQL in trouble', () => {
  const open = (address: string, schema: Parameters<typeof openDatabase>[0]['schema'] = []) =>
    openDatabase({ address: new Secret(address), folder: '', schema, guard });

  test('two brokers may make the same tables of a new database at once', async () => {
    const address = server.fresh();
    const schema = [{ name: 'one-1', statements: ['create table flows_one (name text)'] }];
    const both = await Promise.all([open(address, schema), open(address, schema)]);
    expect(await both[0].query('select name from flows_schema_steps')).toEqual([{ name: 'one-1' }]);
    await Promise.all(both.map((each) => each.close()));
  });

  test('a server that ended is told, and is used again when it is back, by who listens too', async () => {
    const database = await open(server.fresh());
    const heard: string[] = [];
    await database.listen('flows_back', (payload) => heard.push(payload));
    await server.restart();
    await expect
      .poll(async () => {
        await database.query('select pg_notify($1, $2)', ['flows_back', 'again']).catch(() => undefined);
        return heard.length;
      })
      .toBeGreaterThan(0);
    await database.close();
  });

  test.each([
    ['one that does not exist', (address: string) => `${address}x`, 'not-found', 'does not exist'],
    ['a standby, or one that is read-only', readOnly, 'unavailable', 'is read-only'],
    ['a user without rights', withoutRights, 'denied', 'does not let this user do that'],
  ])('%s is told in one line', async (_, made, code, what) => {
    const opening = open(made(server.fresh()));
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(what) });
  });

  function readOnly(address: string): string {
    server.sql(`alter database ${nameIn(address)} set default_transaction_read_only = on`);
    return address;
  }

  function withoutRights(address: string): string {
    server.sql('create role reader login', nameIn(address));
    return address.replace('owner:', 'reader:');
  }

  function nameIn(address: string): string {
    return new URL(address).pathname.slice(1);
  }
});
