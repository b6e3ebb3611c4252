import type { App } from '../../../app/open-app.ts';
import type { Flow } from '../../../folder/flows/flow.ts';
import { oneLine } from '../../../foundation/errors.ts';
import { looseArguments } from '../arguments.ts';
import { localRecorder } from '../audit/audited-run.ts';
import { commonOptions, runOptions } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';

/** characters, as of an agent's reason */
const longestReason = 200;

/** Why somebody breaks the glass: as is said, or asked at a terminal, where nobody is kept from going on without. */
export async function reasonOf(
  { breakGlass }: Flow,
  given: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<string | undefined> {
  if (!breakGlass) return undefined;
  const said = typeof given['reason'] === 'string' ? given['reason'] : process.env['FLOWS_REASON'];
  const asked = said ?? (await terminal.ask('Why? (for the trail; Enter leaves it out) '));
  const reason = oneLine(asked ?? '', longestReason).trim();
  return reason === '' ? undefined : reason;
}

/**
 * `flows NAME close`: runs the flow that a use of a break-glass flow owes, and writes down that it is done.
 * @param run runs it, as `flows CLOSE` does
 */
export async function closeUse(
  app: App,
  { name, close }: Flow,
  { argv, terminal }: Pick<Invocation, 'argv' | 'terminal'>,
  run: (flow: string) => Promise<number>,
): Promise<number> {
  const closing = close?.flow ?? '';
  const code = await run(closing);
  if (code !== 0 || looseArguments(argv, { ...commonOptions, ...runOptions })['plan'] === true) return code;
  const { record } = await localRecorder(app, terminal, false);
  const request = process.getBuiltinModule('node:crypto').randomUUID();
  await record({ action: 'break-glass.closed', what: [name, closing], outcome: 'allowed', request });
  terminal.tell('done', `${name} is closed: what its use owed was done by ${closing}`);
  return 0;
}
