import { usesInCode } from '../../../app/migration/code-uses.ts';
import { endings } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { columns } from '../terminal.ts';
import { withApp } from '../with-app.ts';
import { codeOptions } from './facts.ts';
import { requiredMigration } from './open-source.ts';

/** `flows migrate vault code [FOLDER]`: where a repository asks Vault. Nothing is written, and nothing contacted. */
export async function code(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const { positionals, values } = commonArguments(argv, codeOptions, 4);
  return withApp(invocation, async (app) => {
    const { secrets } = requiredMigration(app, invocation);
    const uses = await usesInCode(positionals[3] ?? '.', secrets);
    if (values['json'] === true) terminal.out(`${JSON.stringify(uses)}\n`);
    else {
      const rows = uses.map(({ file, line, column, found, replacement, path }) => [
        safeLine(`${file}:${line}:${column}`),
        safeLine(found),
        replacement === undefined
          ? terminal.paint('yellow', path === undefined ? 'look by hand' : 'stays in Vault')
          : safeLine(replacement.toString()),
      ]);
      terminal.out(columns(rows, 60));
      terminal.note(`${uses.length} places ask Vault`);
    }
    return uses.length > 0 ? endings['would-change'].exit : 0;
  });
}
