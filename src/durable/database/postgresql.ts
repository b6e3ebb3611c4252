import { Client, Pool } from 'pg';
import { FlowError } from '../../foundation/errors.ts';
import { requireCheckedCertificates } from '../../foundation/checked-certificates.ts';
import { isLoopbackHost } from '../../foundation/safe-address.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { ConnectionPool, OpenDatabase } from './contract.ts';
import { createPooledDatabase } from './pooled-database.ts';
import type { ValueGuard } from './value-guard.ts';

/** connections of one broker, of which the engine and whoever listens keep one each */
const most = 10;

/** PostgreSQL at an address, `postgresql://user:password@host:5432/name?sslmode=verify-full`. Contacts nothing yet. */
export function openPostgresql(address: Secret, guard: ValueGuard): OpenDatabase {
  const place = placeOf(address);
  const pool = new Pool({
    connectionString: address.reveal(),
    max: most,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    application_name: 'auth-chain',
    Client: guardedBy(guard),
  });
  // an idle connection that ends is made anew when one is needed
  pool.on('error', () => undefined);
  return createPooledDatabase(pool as unknown as ConnectionPool, place, false);
}

/** Where it is, for people; and refuses an address by which what is stored would cross a network in the clear. */
function placeOf(address: Secret): string {
  const url = URL.parse(address.reveal());
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol))
    throw new FlowError('invalid-value', "the address of the runs' database is no PostgreSQL URL", {
      hint: 'it is written postgresql://user:password@host:5432/name?sslmode=verify-full',
    });
  const host = url.searchParams.get('host') ?? url.hostname;
  const here = host === '' || host.startsWith('/') || isLoopbackHost(host);
  const place = `${host === '' ? 'localhost' : host}${url.port === '' ? '' : `:${url.port}`}${url.pathname}`;
  if (!here && url.searchParams.get('sslmode') !== 'verify-full')
    throw new FlowError('refused', `the runs' database ${place} would be reached without a checked certificate`, {
      hint: 'add ?sslmode=verify-full to its address, and &sslrootcert=FILE for an authority of your own',
    });
  if (!here) requireCheckedCertificates(`the runs' database ${place}`);
  return place;
}

/** A client that sends no value: it is asked by the pool, too, which gives a callback. */
function guardedBy(guard: ValueGuard): typeof Client {
  return class GuardedClient extends Client {
    override query(...words: readonly unknown[]): never {
      const [text, parameters] = words;
      const given = Array.isArray(parameters) ? parameters : parametersIn(text);
      try {
        guard.check(given);
      } catch (error) {
        const done = words.at(-1);
        if (typeof done !== 'function') return Promise.reject(error) as never;
        process.nextTick(done, error);
        return undefined as never;
      }
      return (super.query as (...words: readonly unknown[]) => never)(...words);
    }
  };
}

/** `query({ text, values })` */
function parametersIn(query: unknown): readonly unknown[] {
  if (typeof query !== 'object' || query === null || !('values' in query)) return [];
  return Array.isArray(query.values) ? query.values : [];
}
