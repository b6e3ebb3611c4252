/** Statements of PostgreSQL, with `$1`, `$2` … for their parameters. */
export interface Queries {
  /** @throws FlowError where the database cannot be used; what is wrong with a statement as the database tells it */
  query<R extends object>(text: string, parameters?: readonly unknown[]): Promise<readonly R[]>;
}

/**
 * What outlives the process: PostgreSQL, or the same inside this process. No value of a vault gets into it: parameters
 * that hold one are refused. Times are epoch milliseconds in `bigint` columns, which a query gives as text: cast them to
 * `float8` where they are read.
 *
 * @example
 * const [row] = await database.query<{ state: string }>('select state from flows_runs where id = $1', [id]);
 * await database.transaction(async (tx) => {
 *   await tx.query('update flows_runs set state = $2 where id = $1', [id, 'cancelled']);
 *   await tx.query('select pg_notify($1, $2)', ['flows_runs', id]); // heard once this is committed
 * });
 */
export interface Database extends Queries {
  /** Committed where the work resolves, rolled back where it throws. Inside, ask `tx` alone: anything else waits for it. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /**
   * Told of what any process on this database announces on a channel by `pg_notify`. What is announced while the
   * connection is lost is not told: whoever waits looks by itself now and then, too.
   * @param channel lower-case letters, digits and `_`
   */
  listen(channel: string, heard: (payload: string) => void): Promise<AsyncDisposable>;
  /** No statement is taken from then on; those under way end first. */
  close(): Promise<void>;
}

/** A change of the tables that a room owns, made once. A table's name begins with `flows_`. */
export interface SchemaStep {
  /** `approvals-1`: of all steps that there ever were; one that was published is never changed again */
  readonly name: string;
  readonly statements: readonly string[];
}

/** The part of node-postgres's Pool that we and the engine of runs use. */
export interface ConnectionPool {
  readonly options: { readonly max: number };
  query(text: string, parameters?: readonly unknown[]): Promise<Answer>;
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

export interface Connection {
  query(text: string, parameters?: readonly unknown[]): Promise<Answer>;
  /** @param destroy it is broken, or not to be used again */
  release(destroy?: boolean): void;
  on(event: 'notification', heard: (message: { readonly channel: string; readonly payload?: string }) => void): void;
  on(event: 'error' | 'end', heard: () => void): void;
  off(event: 'error', heard: () => void): void;
}

export interface Answer {
  readonly rows: readonly object[];
  /** rows that were given or changed */
  readonly rowCount: number | null;
}

/** A database, and what the engine of runs takes of it. */
export interface OpenDatabase extends Database {
  readonly pool: ConnectionPool;
  /** no other process can be on it */
  readonly isAlone: boolean;
  /** in a few words, for people: never a password */
  readonly place: string;
}
