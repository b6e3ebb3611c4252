import { cpSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlowError } from '../../../foundation/errors.ts';
import { commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { packageFolder } from '../package-files.ts';

/** `flows init [FOLDER]`: a starting folder, which is the one that the laptop stack shows. Nothing is overwritten. */
export async function init({ argv, terminal }: Invocation): Promise<number> {
  const { positionals, values } = commonArguments(argv, {}, 2);
  const target = positionals[1] ?? String(values['dir'] ?? 'flows');
  if (existsSync(target) && (!statSync(target).isDirectory() || readdirSync(target).length > 0)) {
    throw new FlowError('refused', `"${target}" is there already, and is no empty folder`, {
      hint: 'name another: flows init FOLDER',
    });
  }
  cpSync(shipped(), target, { recursive: true, errorOnExist: true, force: false });
  const files = readdirSync(target).filter((name) => name.endsWith('.yaml'));
  terminal.out(files.map((name) => `${join(target, name)}\n`).join(''));
  const dir = target === 'flows' ? '' : ` --dir ${target}`;
  terminal.note(
    `next: \`flows dev${dir}\` runs them on this machine, \`flows check --setup${dir}\` tells what a real 1Password needs`,
  );
  return 0;
}

/** The flows of this package. */
function shipped(): string {
  const folder = packageFolder();
  const flows = folder === undefined ? undefined : fileURLToPath(new URL('flows', folder));
  if (flows === undefined || !existsSync(join(flows, 'service.yaml'))) {
    throw new FlowError('internal', 'the package has no folder of flows');
  }
  return flows;
}
