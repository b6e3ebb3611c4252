import { killedRunsContract } from '../contracts/killed-runs.ts';

killedRunsContract('runs on PGlite', () => undefined);
