import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { App } from '../app/open-app.ts';
import { approvalSchema } from './approvals/schema.ts';
import { keyIdOf } from '../audit/hmac-chain.ts';
import { agentRunSchema } from './agent-runs/schema.ts';
import type { OpenDatabase, SchemaStep } from '../durable/database/contract.ts';

/** The tables of every room that keeps something, in the order in which they are made. */
const schema: readonly SchemaStep[] = [...agentRunSchema, ...approvalSchema];

/** The database of a broker: not opened, nor its code loaded, before someone needs it. */
export interface DurableDatabase {
  /** @throws FlowError; the next one who asks tries again */
  open(): Promise<OpenDatabase>;
  close(): Promise<void>;
}

/** @param key of the broker's trail: on the laptop it is another with each start of its stack, whose runs end with it */
export function createDurableDatabase(
  app: Pick<App, 'environment' | 'folder' | 'secretAt'>,
  key: Uint8Array,
  stateFolder: string,
): DurableDatabase {
  let opened: Promise<{ readonly database: OpenDatabase; close(): Promise<void> }> | undefined;

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
        folder: join(stateFolder, 'runs', laptop ? laptopName(app.folder.dir) : name),
        generation: laptop ? keyIdOf(key) : undefined,
        schema,
        guard,
      });
      const close = () => database.close().finally(guard.close);
      return { database, close };
    } catch (error) {
      guard.close();
      throw error;
    }
  }

  return {
    async open() {
      opened ??= opening();
      const mine = opened;
      mine.catch(() => {
        if (opened === mine) opened = undefined;
      });
      return (await mine).database;
    },
    async close() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** The stacks of several folders may run side by side. */
function laptopName(dir: string): string {
  return `laptop-${createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 12)}`;
}
