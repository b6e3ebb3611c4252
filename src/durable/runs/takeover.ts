import type { OpenDatabase } from '../database/contract.ts';

/** How a broker shows that it is there, and takes what others left that are not. */
export interface Alive {
  /** the first look at what was left */
  readonly first: Promise<void>;
  /** From now on others may take what was here. */
  end(): Promise<void>;
}

/** milliseconds between two signs of life */
const beat = 1_000;
/** seconds without one after which a broker is gone, by the database's clock */
const gone = 5;

/**
 * Keeps a broker among those that are there, and gives it the runs of one that is gone: each to one broker alone. One
 * that was only late finds its runs taken, and does no more for them.
 */
export function keepAlive(options: {
  readonly database: OpenDatabase;
  readonly broker: string;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly closing: AbortSignal;
  readonly warn: (message: string) => void;
  readonly takeOver: (id: string) => Promise<void>;
  /** Lets go of what others took, where they thought that it is gone. */
  readonly letGo: () => Promise<void>;
}): Alive {
  const { database, broker, closing, letGo, now, sleep, takeOver, warn } = options;
  let failing = false;

  async function look(): Promise<void> {
    await database.query(
      'insert into flows_brokers (id, beat) values ($1, now()) on conflict (id) do update set beat = now()',
      [broker],
    );
    await letGo();
    await database.query(`delete from flows_brokers where beat < now() - interval '${gone} seconds'`);
    const left = await database.query<{ id: string }>(
      `update flows_runs set broker = $1, updated = $2 where finished is null
         and broker not in (select id from flows_brokers) returning id`,
      [broker, now()],
    );
    for (const { id } of left) await takeOver(id);
  }

  /** Whoever was here before and has the whole database is gone. */
  async function alone(): Promise<void> {
    if (database.isAlone) await database.query('delete from flows_brokers');
  }

  async function goOn(): Promise<void> {
    while (!closing.aborted) {
      await sleep(beat);
      if (closing.aborted) return;
      try {
        await look();
        failing = false;
      } catch {
        if (!failing) warn("the runs' database cannot be used: runs wait for it");
        failing = true;
      }
    }
  }

  const first = alone().then(look);
  const ended = first.then(goOn, () => undefined);
  return {
    first,
    async end() {
      await ended;
      await database.query('delete from flows_brokers where id = $1', [broker]).catch(() => undefined);
    },
  };
}
