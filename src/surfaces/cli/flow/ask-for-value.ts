import type { AskForValue } from '../../../app/ask-people.ts';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { Terminal } from '../terminal.ts';

/** Says what is to be done, and reads the value without showing it; an empty line: it was put into the vault. */
export async function askForValueHere(
  { say, page, into }: Parameters<AskForValue>[0],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Secret | undefined> {
  terminal.note(say, 'bold');
  if (page !== undefined) terminal.note(page);
  terminal.note(`paste the value, which is not shown; or put it into ${oneLine(into)}, and press Enter`, 'dim');
  const given = await terminal.askHidden('value: ');
  signal.throwIfAborted();
  if (given === undefined) throw new FlowError('aborted', 'no value was given', { hint: 'run it again and go on' });
  return given.isEmpty ? undefined : given;
}
