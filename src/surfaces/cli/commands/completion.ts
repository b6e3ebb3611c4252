import { readFileSync } from 'node:fs';
import { FlowError } from '../../../foundation/errors.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { commonArguments } from '../arguments.ts';
import { isShell, shells } from '../completion/shells.ts';
import type { Invocation } from '../invocation.ts';
import { packageFolder } from '../../../foundation/package-files.ts';

/** `flows completion SHELL`: the script that makes a shell complete `flows`. */
export async function completion({ argv, terminal }: Invocation): Promise<number> {
  const [, name = ''] = commonArguments(argv, {}, 2).positionals;
  if (!isShell(name)) {
    const what = name === '' ? 'no shell is named' : `unknown shell "${name}"`;
    const near = name === '' ? undefined : suggest(name, Object.keys(shells));
    throw new FlowError('usage', what, { hint: near ?? `write flows completion ${Object.keys(shells).join('|')}` });
  }
  const folder = packageFolder();
  if (folder === undefined) throw new FlowError('internal', 'the package has no scripts');
  terminal.out(readFileSync(new URL(`infra/completion/${shells[name].script}`, folder), 'utf8'));
  return 0;
}
