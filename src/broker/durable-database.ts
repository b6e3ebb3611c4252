import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { App } from '../app/open-app.ts';
import { approvalSchema } from './approvals/schema.ts';
import { keyIdOf } from '../audit/hmac-chain.ts';
import { agentRunSchema } from './agent-runs/schema.ts';
import { madeOnce } from '../foundation/made-once.ts';
import type { OpenDatabase, SchemaStep } from '../durable/database/contract.ts';
import { outboxSchema } from '../durable/outbox/schema.ts';
import { keptSchema } from './kept/schema.ts';
import { peopleSchema } from './people/schema.ts';
import { runSchema } from '../durable/runs/run-tables.ts';

/** The tables of every room that keeps something, in the order in which they are made. */
const schema: readonly SchemaStep[] = [
  ...runSchema,
  ...agentRunSchema,
  ...approvalSchema,
  ...outboxSchema,
  ...peopleSchema,
  ...keptSchema,
];

/** The database of a broker: not opened, nor its code loaded, before someone needs it. */
export interface DurableDatabase {
  /** @throws FlowError; the next one who asks tries again */
  open(): Promise<OpenDatabase>;
  close(): Promise<void>;
}

/**
 * @param key of the broker's trail: on the laptop it is another with each start of its stack, whose runs end with it
 * @param onOpen told of it once it is open
 */
export function createDurableDatabase(
  app: Pick<App, 'environment' | 'folder' | 'secretAt'>,
  key: Uint8Array,
  stateFolder: string,
  onOpen: (database: OpenDatabase) => void = () => undefined,
): DurableDatabase {
  const opened = madeOnce(opening);

  async function opening() {
    const [{ openDatabase }, { createValueGuard }] = await Promise.all([
      import('../durable/database/open-database.ts'),
      import('../durable/database/value-guard.ts'),
    ]);
    const { laptop, name, runs } = app.environment();
    const address =
      runs.database === undefined ? undefined : await app.secretAt(runs.database, "the address of the runs' database");
    const guard = createValueGuard();
    try {
      const database = await openDatabase({
        address,
        folder: databaseFolder(app, stateFolder),
        owner: { environment: name, generation: laptop ? keyIdOf(key) : undefined },
        schema,
        guard,
      });
      const close = () => database.close().finally(guard.close);
      onOpen(database);
      return { database, close };
    } catch (error) {
      guard.close();
      throw error;
    }
  }

  return {
    open: async () => (await opened.get()).database,
    async close() {
      await (await opened.known())?.close();
    },
  };
}

/** Where a broker's database is that has no PostgreSQL. The laptops of several folders may run side by side. */
export function databaseFolder(app: Pick<App, 'environment' | 'folder'>, stateFolder: string): string {
  const { laptop, name } = app.environment();
  const dir = createHash('sha256').update(resolve(app.folder.dir)).digest('hex').slice(0, 12);
  return join(stateFolder, 'runs', laptop ? `laptop-${dir}` : name);
}
