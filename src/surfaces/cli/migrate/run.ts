import type { App } from '../../../app/open-app.ts';
import type { Migration } from '../../../app/migration/migration-file.ts';
import { leftOf, reportJson, reportMarkdown } from '../../../app/migration/report.ts';
import { forecastOf, runMigration } from '../../../app/migration/run-migration.ts';
import { createVaultLock, holderIn } from '../../../app/migration/vault-lock.ts';
import { writableItems } from '../../../adapters/vaults/writable-items.ts';
import { endings, FlowError } from '../../../foundation/errors.ts';
import { createLocks } from '../../../foundation/locks.ts';
import { sleepUntilAborted } from '../../../foundation/sleep.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';
import { withApp } from '../with-app.ts';
import { runOptions } from './facts.ts';
import { openSource, requiredMigration } from './open-source.ts';

/** `flows migrate vault run`: moves what migration.yaml names. The report is on stdout, Markdown or JSON. */
export async function run(invocation: Invocation): Promise<number> {
  const { argv, terminal, signal } = invocation;
  const { values } = commonArguments(argv, runOptions, 3);
  return withApp(invocation, async (app) => {
    const migration = requiredMigration(app, invocation);
    const source = await openSource(app, migration.from, invocation);
    const connections = await app.connections();
    const [ownership, prints] = [
      await connections.derivedKeys('ownership'),
      await connections.derivedKeys('migration'),
    ];
    await agree(app, migration, values['yes'] === true, terminal);
    const folder = stateFolder(process.env);
    const sleep = sleepUntilAborted(signal);
    const locked = createLocks({
      folder,
      sleep,
      signal,
      waiting: terminal.waits,
    });
    const { vault } = connections;
    const { name } = app.environment();
    const items = writableItems(vault);
    const takeOver = values['take-over'] === true;
    const { report, failure } = await locked(`${name} migrate vault`, async () =>
      runMigration({
        migration,
        source,
        items,
        lock: createVaultLock({ items, holder: holderIn(folder, name), takeOver, sleep, now: Date.now }),
        keys: { ownership, prints },
        requests: () => vault.requests(),
        progress: (message) => terminal.note(message, 'dim'),
        signal,
      }),
    );
    terminal.out(values['json'] === true ? reportJson(report) : reportMarkdown(report));
    if (failure !== undefined) throw failure;
    return leftOf(report.lines) > 0 ? endings['would-change'].exit : 0;
  });
}

/** Says what it will cost, and asks. @throws FlowError aborted, refused where nobody can be asked */
async function agree(app: App, migration: Migration, yes: boolean, terminal: Terminal): Promise<void> {
  const { secrets, vaults, reads, writes } = forecastOf(migration);
  terminal.note(
    `${secrets} secrets into ${vaults.length} ${vaults.length === 1 ? 'vault' : 'vaults'} (${vaults.join(', ')}): ` +
      `${reads} reads and ${writes} writes of 1Password, where all of it is new`,
  );
  for (const { used, limits, reserve } of app.quotas()) {
    if (limits === undefined) continue;
    const free = (most: number, of: number) => Math.max(0, Math.floor(most * (1 - reserve)) - of);
    const [hour, day] = [free(limits.hourWrites, used.hourWrites), free(limits.day, used.day)];
    const isShort = hour < writes || day < reads + writes;
    terminal.note(`this machine may make ${hour} more writes this hour, and ${day} more requests today`);
    if (isShort)
      terminal.tell(
        'warning',
        'that may not be enough: it ends where the quota does, and goes on when it is run again',
      );
  }
  if (yes) return;
  if (!terminal.interactive) {
    throw new FlowError('refused', 'it writes, and nobody can be asked', { hint: 'give --yes' });
  }
  const reply = await terminal.ask(`Do this in environment ${app.environment().name}? [y/N] `);
  if (!/^y(es)?$/i.test(reply?.trim() ?? '')) throw new FlowError('aborted', 'nothing was changed');
}
