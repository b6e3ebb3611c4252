import { FlowError } from '../../foundation/errors.ts';
import type { Connection, ConnectionPool, OpenDatabase, Queries } from './contract.ts';
import { translated } from './database-errors.ts';

/** milliseconds until a listening connection that was lost is made anew */
const pause = 500;

/** A {@link OpenDatabase} on connections of whichever kind. */
export function createPooledDatabase(pool: ConnectionPool, place: string, isAlone: boolean): OpenDatabase {
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translated(error, place);
    }
  };
  const queriesOf = (on: Pick<Connection, 'query'>): Queries => ({
    query: async <R extends object>(text: string, parameters: readonly unknown[] = []) =>
      told(
        async () =>
          (
            await on.query(
              text,
              parameters.map((each) => each ?? null),
            )
          ).rows as readonly R[],
      ),
  });
  const ears = createEars(() => pool.connect());

  return {
    pool,
    place,
    isAlone,
    ...queriesOf(pool),
    async transaction(work) {
      const connection = await told(() => pool.connect());
      let broken = false;
      // without a listener, a connection that ends would end the process
      const ended = () => void (broken = true);
      connection.on('error', ended);
      const tx = queriesOf(connection);
      try {
        await tx.query('begin');
        try {
          const result = await work(tx);
          await tx.query('commit');
          return result;
        } catch (error) {
          await tx.query('rollback').catch(() => (broken = true));
          throw error;
        }
      } finally {
        connection.off('error', ended);
        connection.release(broken);
      }
    },
    listen: (channel, heard) => told(() => ears.listen(channel, heard)),
    async close() {
      ears.close();
      await pool.end();
    },
  };
}

/** One connection that listens for everybody, made when the first one listens, and anew where it was lost. */
function createEars(connect: () => Promise<Connection>) {
  const heardOn = new Map<string, Set<(payload: string) => void>>();
  let current: Promise<Ear> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function open(): Promise<Ear> {
    const connection = await connect();
    let open = true;
    const end = () => {
      if (!open) return;
      open = false;
      connection.release(true);
    };
    const lost = () => {
      if (!open) return;
      end();
      later();
    };
    connection.on('error', lost);
    connection.on('end', lost);
    connection.on('notification', ({ channel, payload = '' }) => {
      for (const heard of heardOn.get(channel) ?? []) heard(payload);
    });
    for (const channel of heardOn.keys()) await connection.query(`listen ${channel}`);
    return { connection, end };
  }

  function later(): void {
    current = undefined;
    if (!closed) timer = setTimeout(() => void (current ??= open()).catch(later), pause).unref();
  }

  return {
    async listen(channel: string, heard: (payload: string) => void): Promise<AsyncDisposable> {
      if (!/^[a-z][a-z0-9_]*$/.test(channel)) throw new FlowError('internal', 'a channel has another form');
      const same = heardOn.get(channel) ?? new Set();
      heardOn.set(channel, same.add(heard));
      try {
        // whoever finds the connection there does not know whether it listens to this channel already
        const { connection } = await (current ??= open());
        await connection.query(`listen ${channel}`);
      } catch (error) {
        same.delete(heard);
        current = undefined;
        throw error;
      }
      return {
        [Symbol.asyncDispose]() {
          same.delete(heard);
          return Promise.resolve();
        },
      };
    },
    close() {
      closed = true;
      clearTimeout(timer);
      void current?.then(
        ({ end }) => end(),
        () => undefined,
      );
    },
  };
}

interface Ear {
  readonly connection: Connection;
  end(): void;
}
