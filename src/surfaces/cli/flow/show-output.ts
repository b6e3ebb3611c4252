import type { Output } from '../../../engine/output.ts';
import { outputJson } from '../../../engine/output-json.ts';
import { showLive } from './live-output.ts';
import { headerLine, outputText } from './output-text.ts';
import type { Terminal } from '../terminal.ts';

/** Whether a mapping is shown to a person, who sees its codes renewed. */
export function isLookedAt(chosen: ReadonlySet<string>, { outIsTerminal }: Terminal): boolean {
  return outIsTerminal && !chosen.has('header') && !chosen.has('json');
}

/** A flow's answer on stdout, in the form that was asked for. @param renew runs the flow again, for the next code */
export async function showOutput(
  output: Output,
  chosen: ReadonlySet<string>,
  terminal: Terminal,
  renew: () => Promise<Output> = () => Promise.resolve(output),
): Promise<void> {
  if (chosen.has('header')) {
    const header = headerLine(output);
    terminal.out(header ?? '');
  } else if (chosen.has('json')) terminal.out(`${JSON.stringify(outputJson(output, Date.now()))}\n`);
  else if (output.kind === 'mapping' && isLookedAt(chosen, terminal)) {
    await showLive(output.entries, { terminal, reveal: chosen.has('reveal'), now: Date.now, renew });
  } else terminal.out(outputText(output, terminal.outIsTerminal));
}
