import { commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { packageVersion } from '../../../foundation/package-files.ts';

/** `flows version`, `flows --version`. */
export async function version({ argv, terminal }: Invocation): Promise<number> {
  commonArguments(argv);
  terminal.out(`${packageVersion()}\n`);
  return 0;
}
