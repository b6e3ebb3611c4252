import { join } from 'node:path';
import type { App } from '../../../app/open-app.ts';
import { createKvSource, type KvSource } from '../../../app/migration/kv-source.ts';
import {
  type Migration,
  type MigrationSource,
  migrationFile,
  readMigration,
} from '../../../app/migration/migration-file.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { madeOnce } from '../../../foundation/made-once.ts';
import { sleepUntilAborted } from '../../../foundation/sleep.ts';
import type { Invocation } from '../invocation.ts';
import { tellProblems } from '../tell-problems.ts';

/** Where migration.yaml is, or would be. */
export function fileOf(app: App): string {
  return join(app.folder.dir, migrationFile);
}

/** The folder's migration.yaml; undefined where there is none. @throws FlowError invalid */
export function migrationOf(app: App, { terminal }: Invocation): Migration | undefined {
  return readMigration(fileOf(app), (problems) => tellProblems(problems, terminal, 'flows migrate vault'));
}

/** @throws FlowError usage where there is none */
export function requiredMigration(app: App, invocation: Invocation): Migration {
  const found = migrationOf(app, invocation);
  if (found !== undefined) return found;
  throw new FlowError('usage', `the folder has no ${migrationFile}`, { hint: 'run `flows migrate vault plan` first' });
}

/** Vault, as the file or the options say; it is asked for nothing yet. */
export async function openSource(app: App, from: MigrationSource, { signal }: Invocation): Promise<KvSource> {
  const { way } = await app.connections();
  const token = madeOnce(() => app.secretAt(from.token, "Vault's token"));
  return createKvSource({
    url: from.url,
    namespace: from.namespace,
    token: token.get,
    development: app.environment().development,
    way,
    now: Date.now,
    sleep: (milliseconds, ended) => sleepUntilAborted(ended)(milliseconds),
    signal,
  });
}
