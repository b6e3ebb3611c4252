import { verifyMigration } from '../../../app/migration/verify-migration.ts';
import { writableItems } from '../../../adapters/vaults/writable-items.ts';
import { endings } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { columns } from '../terminal.ts';
import { withApp } from '../with-app.ts';
import { verifyOptions } from './facts.ts';
import { openSource, requiredMigration } from './open-source.ts';

/** `flows migrate vault verify`: compares both sides, and says of each secret whether they match. */
export async function verify(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const { values } = commonArguments(argv, verifyOptions, 3);
  return withApp(invocation, async (app) => {
    const migration = requiredMigration(app, invocation);
    const source = await openSource(app, migration.from, invocation);
    const { vault, derivedKeys } = await app.connections();
    const keys = { ownership: await derivedKeys('ownership'), prints: await derivedKeys('migration') };
    const progress = (message: string) => terminal.note(message, 'dim');
    const found = await verifyMigration({ migration, source, items: writableItems(vault), keys, progress });
    const differing = found.filter(({ match }) => !match).length;
    if (values['json'] === true) terminal.out(`${JSON.stringify(found)}\n`);
    else {
      const rows = found.map(({ path, to, match, version, why = '' }) => {
        const word = match ? terminal.paint('green', 'match') : terminal.paint('red', 'no match');
        return [word, safeLine(path), safeLine(to), (version ?? 0) === 0 ? '' : `version ${version}`, safeLine(why)];
      });
      terminal.out(columns(rows, 60));
    }
    terminal.note(`${found.length - differing} of ${found.length} match`);
    return differing > 0 ? endings['would-change'].exit : 0;
  });
}
