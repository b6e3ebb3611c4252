import { errorCodes, FlowError } from '../../../foundation/errors.ts';
import { Reference } from '../../../foundation/reference.ts';
import { parseArguments } from '../arguments.ts';
import { commandTable, commonOptions } from '../command-table.ts';
import { audited } from '../audit/audited-run.ts';
import type { Invocation } from '../invocation.ts';
import { withApp } from '../with-app.ts';
import { problemsOf, tellProblems } from '../tell-problems.ts';

/** `flows read op://vault/item/field`: one value, bare. */
export async function read(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const { positionals, values } = parseArguments(argv, { ...commonOptions, ...commandTable.read.options });
  const [, text, extra] = positionals;
  if (text === undefined || extra !== undefined) {
    throw new FlowError('usage', 'one reference is wanted', {
      hint: 'write flows read op://vault/item/field; quote it where it holds spaces',
    });
  }
  if (!text.includes('://') && /^[a-z]/i.test(text)) {
    throw new FlowError('usage', `"${text}" is no reference, and no broker is set that knows it by name`, {
      hint: 'write op://vault/item/field, or set FLOWS_AGENT_TOKEN_FILE and FLOWS_BROKER',
    });
  }
  const reference = Reference.parse(text);
  if (!(reference instanceof Reference)) {
    throw new FlowError('usage', `the reference ${reference.problem}`, { hint: reference.hint });
  }
  if (reference.field === undefined)
    throw new FlowError('usage', 'the reference names no field', { hint: 'write op://vault/item/field' });
  return withApp(invocation, async (app) => {
    const problems = problemsOf(app.folder, 'service');
    if (problems.length > 0) {
      tellProblems(problems, terminal);
      return errorCodes.invalid.exit;
    }
    const run = { action: 'local.read', what: [reference.toString()], breakGlass: false } as const;
    const secret = await (await audited(app, run, terminal)).answer(() => app.read(reference));
    terminal.out(values['newline'] === false ? secret.reveal() : `${secret.reveal()}\n`);
    return 0;
  });
}
