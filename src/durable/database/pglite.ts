import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { FlowError } from '../../foundation/errors.ts';
import { holdFile } from '../../foundation/hold-file.ts';
import { makeFolder } from '../../foundation/make-folder.ts';
import type { Answer, Connection, ConnectionPool, OpenDatabase } from './contract.ts';
import type { Statement } from './pglite-messages.ts';
import { type PgliteThread, startPglite } from './pglite-thread.ts';
import { createPooledDatabase } from './pooled-database.ts';
import type { ValueGuard } from './value-guard.ts';

/**
 * PostgreSQL in this process, in a folder. It does not lock its files, and two processes would lose what the other wrote:
 * so the folder is held first. It survives the end of the process at any moment, and no disk is waited for: a power cut
 * may take what was written last.
 * @throws FlowError refused where another process holds the folder, unavailable where it cannot be used
 */
export async function openPglite(folder: string, guard: ValueGuard): Promise<OpenDatabase> {
  const release = await hold(folder);
  try {
    const listening: Listening = new Map();
    const thread = await startPglite(join(folder, 'data'), (channel, payload) => {
      for (const connection of listening.get(channel) ?? []) connection.emit('notification', { channel, payload });
    });
    return createPooledDatabase(createEmbeddedPool(thread, listening, guard, release), folder, true);
  } catch (cause) {
    release();
    throw unusable(folder, cause);
  }
}

async function hold(folder: string): Promise<() => void> {
  const release = await holding(folder);
  if (release !== undefined) return release;
  throw new FlowError('refused', `another broker has the runs' database ${folder}`, {
    hint: 'stop the other, or give both a PostgreSQL: runs: { database: … } in service.yaml',
  });
}

async function holding(folder: string): Promise<(() => void) | undefined> {
  try {
    makeFolder(folder, 0o700);
    return await holdFile(join(folder, 'lock'), { patience: 0, sleep: () => Promise.resolve() });
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

function unusable(folder: string, cause: unknown): FlowError {
  return new FlowError('unavailable', `the runs' database ${folder} cannot be used`, {
    cause,
    hint: 'is the folder writable, and the disk not full? where it is spoiled, move it away: runs begin anew',
  });
}

const nothing: Answer = { rows: [], rowCount: 0 };

/** Who is told of what is announced, by channel. */
type Listening = Map<string, Set<EventEmitter>>;

/**
 * What looks like node-postgres's pool on one database that has one session. Its thread does what it is told in that
 * order: a turn is over once the last statement of it is on the way.
 */
function createEmbeddedPool(
  thread: PgliteThread,
  listening: Listening,
  guard: ValueGuard,
  release: () => void,
): ConnectionPool {
  let tail: Promise<unknown> = Promise.resolve();

  /** Waits for its turn. @returns how to end it */
  const turn = async (): Promise<() => void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const before = tail;
    tail = before.then(() => promise);
    await before;
    return () => resolve(undefined);
  };
  const send = async (statement: Statement): Promise<Answer> => {
    guard.check(statement.parameters);
    return thread.ask(statement);
  };
  const alone = async (text: string, parameters: readonly unknown[] = []): Promise<Answer> => {
    const end = await turn();
    const answer = send({ text, parameters });
    end();
    return answer;
  };

  /** Its first statement does not wait for the beginning: it is told where that fails. */
  const begun = (end: () => void, statement: Statement) => {
    const answer = send(statement);
    answer.catch(() => undefined);
    return { end, begun: answer };
  };

  class EmbeddedConnection extends EventEmitter implements Connection {
    #transaction: { readonly end: () => void; readonly begun: Promise<Answer> } | undefined;

    async query(text: string, parameters: readonly unknown[] = []): Promise<Answer> {
      const [word = '', channel = ''] = text
        .trim()
        .toLowerCase()
        .split(/[\s;]+/);
      if (word === 'listen') listening.set(channel, (listening.get(channel) ?? new Set()).add(this));
      if (word === 'begin' || word === 'start') {
        this.#transaction ??= begun(await turn(), { text, parameters });
        return nothing;
      }
      // to a savepoint it is not the end
      if (word === 'commit' || (word === 'rollback' && channel !== 'to')) return this.#over({ text, parameters });
      if (this.#transaction === undefined) return alone(text, parameters);
      const [, answer] = await Promise.all([this.#transaction.begun, send({ text, parameters })]);
      return answer;
    }

    release(): void {
      for (const all of listening.values()) all.delete(this);
      // a database that was closed meanwhile has rolled back already
      this.#over({ text: 'rollback', parameters: [] }).catch(() => undefined);
    }

    async #over(statement: Statement): Promise<Answer> {
      const transaction = this.#transaction;
      if (transaction === undefined) return nothing;
      this.#transaction = undefined;
      const answer = send(statement);
      transaction.end();
      return answer;
    }
  }

  return {
    // as many as ask: they take turns
    options: { max: 10 },
    query: alone,
    connect: () => Promise.resolve(new EmbeddedConnection()),
    async end() {
      const over = await turn();
      await thread.close();
      release();
      over();
    },
  };
}
