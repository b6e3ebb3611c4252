import { hash } from 'node:crypto';
import type { Database } from '../../durable/database/contract.ts';
import { type Kept, mostKept } from './contract.ts';

/** {@link Kept} for all brokers on a database, over their restarts. @param now epoch milliseconds */
export function keptInDatabase(database: () => Promise<Database>, now: () => number, most = mostKept): Kept {
  const keyOf = (key: string) => hash('sha256', key, 'hex');
  return {
    async put(kind, key, until, value = null) {
      if (until <= now()) return false;
      const kept = await (
        await database()
      ).query(
        `with over as (delete from flows_kept where until <= $5 and (kind, key) <> ($1, $2))
         insert into flows_kept (kind, key, until, value) select $1, $2, $3, $4
           where (select count(*) from flows_kept where kind = $1 and until > $5) < $6
         on conflict (kind, key) do update set until = excluded.until, value = excluded.value
           where flows_kept.until <= $5 returning key`,
        [kind, keyOf(key), until, JSON.stringify(value), now(), most[kind]],
      );
      return kept.length === 1;
    },
    async get(kind, key) {
      const [found] = await (
        await database()
      ).query<{ value: unknown }>('select value from flows_kept where kind = $1 and key = $2 and until > $3', [
        kind,
        keyOf(key),
        now(),
      ]);
      return found?.value ?? undefined;
    },
    async forget(kind, key) {
      await (await database()).query('delete from flows_kept where kind = $1 and key = $2', [kind, keyOf(key)]);
    },
  };
}
