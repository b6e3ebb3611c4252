import { cutText } from '../../../app/migration/cut.ts';
import { endings } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { columns } from '../terminal.ts';
import { withApp } from '../with-app.ts';
import { cutOptions } from './facts.ts';
import { openSource, requiredMigration } from './open-source.ts';
import { auditedReads } from './readers.ts';

/** `flows migrate vault cut`: what closes the old paths, to paste; with audit files: whether anybody was refused. */
export async function cut(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const given = commonArguments(argv, cutOptions, Infinity);
  return withApp(invocation, async (app) => {
    const migration = requiredMigration(app, invocation);
    if (given.positionals.length < 4) {
      const source = await openSource(app, migration.from, invocation);
      terminal.out(cutText(migration.secrets, (await source.mounts()).kv));
      return 0;
    }
    const moved = new Set(migration.secrets.flatMap(({ path, to }) => (to === undefined ? [] : [path])));
    const { readers } = await auditedReads(given, migration?.secrets);
    const refused = readers.filter((each) => each.refused > 0 && moved.has(each.path));
    const cells = refused.map(({ path, reader, refused: times, lastRefused = '' }) => [
      safeLine(path),
      safeLine(reader),
      `${times} refused`,
      safeLine(lastRefused),
    ]);
    terminal.out(columns(cells));
    terminal.note(refused.length === 0 ? 'nobody was refused' : `${refused.length} readers were refused`);
    return refused.length > 0 ? endings['would-change'].exit : 0;
  });
}
