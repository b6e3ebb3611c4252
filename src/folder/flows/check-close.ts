import { suggest } from '../../language/nearest-name.ts';
import type { Flow } from './flow.ts';

/** The flow that a break-glass flow's `close:` names: it must be there, be another one, and need no inputs. */
export function checkClose(flow: Flow, flows: ReadonlyMap<string, Flow>, broken: ReadonlySet<string>): void {
  const { close, name, source } = flow;
  if (close === undefined || broken.has(close.flow)) return;
  const closing = flows.get(close.flow);
  const input = closing?.inputs.find((each) => each.default === undefined);
  if (closing === undefined) source.report(close.range, `unknown flow "${close.flow}"`, suggest(close.flow, flows.keys()));
  else if (closing.name === name) source.report(close.range, 'a flow does not close itself', 'name one that changes password and seed');
  else if (input !== undefined)
    source.report(close.range, `the flow "${closing.name}" takes the input "${input.name}"`, 'give it a default: nobody is asked for it');
}
