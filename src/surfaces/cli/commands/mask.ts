import { FlowError } from '../../../foundation/errors.ts';
import { createMasking } from '../../../foundation/masking/masking.ts';
import { Secret } from '../../../foundation/secret.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { copyMasked } from '../exec/masked-output.ts';
import { maskingOf } from '../exec/masking-of.ts';
import type { Variable } from '../exec/values.ts';
import { asksForNothing, wantedOf } from '../exec/wanted-values.ts';
import type { Invocation } from '../invocation.ts';
import { readFor } from './exec.ts';

/** `COMMAND 2>&1 | flows mask NAME` */
export async function mask(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const given = commonArguments(argv, commandTable.mask.options, 2);
  const wanted = wantedOf(given, given.positionals[1], true);
  if (asksForNothing(wanted))
    throw new FlowError('usage', 'nothing says which values are masked', {
      hint: 'name a flow, --secret, --token or --env-file',
    });
  // whoever writes waits meanwhile: nothing is shown before it is known what is masked
  const found = await readFor(undefined, wanted, invocation);
  if ('exit' in found) return found.exit;
  const masking = maskingOf(found.variables, given.values['insist'] === true, terminal) ?? createMasking([]);
  if (process.env['GITHUB_ACTIONS'] === 'true') terminal.err(addMasks(found.variables));
  invocation.leaveSignals();
  // Ctrl-C is for the program whose output this is: what it still says is shown
  process.on('SIGINT', () => undefined);
  await copyMasked(process.stdin, terminal.stream('out'), masking);
  return 0;
}

/**
 * What tells GitHub's runner a value, which it then hides in the whole log; it takes these lines out itself. On stderr,
 * which is seldom sent to a file. A line each: it looks for single lines.
 */
function addMasks(variables: readonly Variable[]): string {
  const lines = variables.flatMap(({ value }) => (value instanceof Secret ? value.reveal().split(/[\r\n]+/) : []));
  return lines
    .filter((line) => line.length >= 4)
    .map((line) => `::add-mask::${line.replaceAll('%', '%25')}\n`)
    .join('');
}
