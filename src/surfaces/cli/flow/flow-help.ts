import { type Flow, presentedAs } from '../../../folder/flows/flow.ts';
import { expected } from '../../../folder/flows/inputs.ts';
import { commonOptions } from '../command-table.ts';
import { helpRows, optionRows } from '../help-lines.ts';
import type { Invocation } from '../invocation.ts';
import { withApp } from '../with-app.ts';
import { optionsOf } from './flow-options.ts';

/** `flows help NAME`. */
export async function helpOfFlow(invocation: Invocation, name: string): Promise<number> {
  return withApp(invocation, async (app) => {
    invocation.terminal.out(flowHelp(app.folder.flows.get(name) ?? app.flow(name)));
    return 0;
  });
}

/** Help of one flow, from its inputs. */
export function flowHelp(flow: Flow): string {
  const inputs = flow.inputs.map((input) => [
    `--${input.name} ${input.type === 'boolean' ? '' : 'VALUE'}`.trim(),
    `${input.description === '' ? input.name : input.description}: ${expected(input)}${input.default === undefined ? ', required' : ` (default: ${input.default})`}`,
  ]);
  const head = `flows ${flow.name}: ${flow.description}\n${flow.effect === 'write' ? 'It writes: it plans, asks, then runs.' : 'It only reads.'}\n`;
  const closed =
    flow.close === undefined ? '' : `\nflows ${flow.name} close runs ${flow.close.flow}, which each use of it owes.\n`;
  const declared = inputs.length === 0 ? '' : `\ninputs:\n${helpRows(inputs)}`;
  const own = Object.entries(optionsOf(flow)).filter(([name]) => name !== 'header' || presentedAs(flow) === 'token');
  return `${head}${closed}${declared}\noptions:\n${optionRows({ ...Object.fromEntries(own), ...commonOptions })}`;
}
