import { resolve } from 'node:path';
import { databaseFolder } from '../../src/broker/durable-database.ts';
import { stateFolder } from '../../src/foundation/state-folder.ts';
import { killedRunsContract } from '../contracts/killed-runs.ts';
import { copyEmptyDatabase } from '../durable/database/fresh-database.ts';

killedRunsContract('runs on PGlite', ({ work, env }) => {
  const app = { environment: () => ({ laptop: true, name: 'development' }), folder: { dir: resolve(work, 'flows') } };
  return copyEmptyDatabase(databaseFolder(app as Parameters<typeof databaseFolder>[0], stateFolder(env)));
});
