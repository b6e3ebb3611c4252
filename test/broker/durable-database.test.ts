import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDurableDatabase } from '../../src/broker/durable-database.ts';
import type { Environment } from '../../src/folder/service/settings.ts';
import { Secret } from '../../src/foundation/secret.ts';

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'state-'));
});
afterEach(() => rm(state, { recursive: true, force: true }));

const appOf = (laptop: boolean, address?: string) => ({
  environment: () =>
    ({
      name: 'staging',
      laptop,
      runs: { database: address === undefined ? undefined : { env: 'RUNS' } },
    }) as Environment,
  folder: { dir: 'flows' } as never,
  secretAt: () => Promise.resolve(new Secret(address ?? '')),
});

test('nothing is made before it is asked for, and it is asked for once', async () => {
  const durable = createDurableDatabase(appOf(false), new Uint8Array(32), state);
  expect(existsSync(join(state, 'runs'))).toBe(false);
  const [one, other] = await Promise.all([durable.open(), durable.open()]);
  expect(one).toBe(other);
  expect(await readdir(join(state, 'runs'))).toEqual(['staging']);
  await durable.close();
});

test('a database that does not answer is asked again by the next one who needs it', async () => {
  const durable = createDurableDatabase(appOf(false, 'postgresql://127.0.0.1:1/runs'), new Uint8Array(32), state);
  await expect(durable.open()).rejects.toMatchObject({ code: 'unavailable' });
  const again = durable.open();
  await expect(again).rejects.toMatchObject({ code: 'unavailable' });
  await durable.close();
});

test("the laptop's runs end with its stack, whose key is another with each start", async () => {
  const key = (byte: number) => new Uint8Array(32).fill(byte);
  const first = createDurableDatabase(appOf(true), key(1), state);
  const database = await first.open();
  const { place } = database;
  await database.query('create table flows_left (name text)');
  await first.close();

  const same = createDurableDatabase(appOf(true), key(1), state);
  expect(await (await same.open()).query('select * from flows_left')).toEqual([]);
  await same.close();

  const next = createDurableDatabase(appOf(true), key(2), state);
  const empty = await next.open();
  expect(empty.place).toBe(place);
  await expect(empty.query('select * from flows_left')).rejects.toThrow('does not exist');
  await next.close();
});
