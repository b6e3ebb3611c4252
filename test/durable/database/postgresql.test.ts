import { afterEach, expect, test, vi } from 'vitest';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { openPostgresql } from '../../../src/durable/database/postgresql.ts';
import { Secret } from '../../../src/foundation/secret.ts';

const guard = { check: () => undefined, close: () => undefined };
const secret = (text: string) => new Secret(text);

test.each([
  ['no URL at all', 'host=db.example password=hunter22', 'invalid-value'],
  ['the URL of something else', 'mysql://user:hunter22@db.example/runs', 'invalid-value'],
  ['another machine in the clear', 'postgresql://user:hunter22@db.example/runs', 'refused'],
  ['another machine with any certificate', 'postgres://user:hunter22@db.example/runs?sslmode=require', 'refused'],
  ['another machine named as a parameter', 'postgres://user:hunter22@localhost/runs?host=db.example', 'refused'],
])('an address is refused that is %s, without its password', (_, address, code) => {
  const open = () => openPostgresql(secret(address), guard);
  expect(open).toThrow(expect.objectContaining({ code }));
  expect(open).not.toThrow('hunter22');
});

afterEach(() => void vi.unstubAllEnvs());

test('an address is refused of another machine whose certificate nobody would look at', () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  const open = () => openPostgresql(secret('postgresql://user:hunter22@db.example/runs?sslmode=verify-full'), guard);
  expect(open).toThrow(expect.objectContaining({ code: 'refused' }));
  expect(open).not.toThrow('hunter22');
});

test.each([
  ['postgresql://user:hunter22@127.0.0.1:5432/runs', '127.0.0.1:5432/runs'],
  ['postgresql:///runs?host=/run/postgresql', '/run/postgresql/runs'],
  ['postgresql://user:hunter22@db.example/runs?sslmode=verify-full', 'db.example/runs'],
])('%s is one that may be used', async (address, place) => {
  const database = openPostgresql(secret(address), guard);
  expect(database.place).toBe(place);
  await database.close();
});

test('a database that does not answer is told in one line, with where it is', async () => {
  const address = secret('postgresql://user:hunter22@127.0.0.1:1/runs');
  const opening = openDatabase({ address, folder: '', schema: [], guard });
  await expect(opening).rejects.toMatchObject({
    code: 'unavailable',
    message: "the runs' database 127.0.0.1:1/runs does not answer",
  });
});
