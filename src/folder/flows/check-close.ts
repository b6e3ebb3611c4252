import { suggest } from '../../language/nearest-name.ts';
import type { Settings } from '../service/settings.ts';
import type { Flow } from './flow.ts';

interface Closings {
  readonly flows: ReadonlyMap<string, Flow>;
  readonly broken: ReadonlySet<string>;
  readonly settings: Settings;
}

/**
 * The flow that a break-glass flow's `close:` names: it must be there, be another one, run wherever this one does, and
 * need no inputs.
 */
export function checkClose(
  flow: Flow,
  { flows, broken, settings }: Closings,
): void {
  const { close, name, source } = flow;
  if (close === undefined || broken.has(close.flow)) return;
  const report = (message: string, hint?: string) => source.report(close.range, message, hint);
  const closing = flows.get(close.flow);
  if (closing === undefined) return report(`unknown flow "${close.flow}"`, suggest(close.flow, flows.keys()));
  if (closing.name === name) return report('a flow does not close itself', 'name one that changes password and seed');
  const runsIn = (each: Flow, environment: string) => each.environments?.includes(environment) ?? true;
  const open = [...settings.environments.keys()].find((each) => runsIn(flow, each) && !runsIn(closing, each));
  if (open !== undefined)
    report(`the flow "${closing.name}" does not run in environment "${open}", where this one does`, `add ${open} to its environments:`);
  const input = closing.inputs.find((each) => each.default === undefined);
  if (input !== undefined)
    report(`the flow "${closing.name}" takes the input "${input.name}"`, 'give it a default: nobody is asked for it');
}
