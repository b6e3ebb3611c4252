import { isFixedTool, toolNameOf } from '../../folder/reserved-names.ts';
import { longestReason } from '../../foundation/wire.ts';
import { readFlow, writeFlow } from './flow-calls.ts';
import type { ListedFlow } from './flow-list.ts';
import { shownData, shownText } from './shown-to-models.ts';
import { reads, type Tool, writes } from './tools.ts';

/** The flows that are tools of their own, by `mcp: { tools }`: in the order of their names, so that the list stays the same. */
export function flowTools(flows: readonly ListedFlow[]): readonly Tool[] {
  const tools = flows.filter(({ tool, name }) => tool === true && !isFixedTool(toolNameOf(name)));
  return tools.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(toolOf);
}

/** An input of this name is the flow's, and no reason can be given then. */
const reasonKey = 'reason';

function toolOf(flow: ListedFlow): Tool {
  const { name, description, effect, inputs } = flow;
  const { properties } = inputs;
  const ownReason = Object.hasOwn(properties, reasonKey);
  const told = Object.entries(properties).map(([input, facts]) => [
    input,
    { ...(shownData(facts) as object), description: limitsOf(facts) },
  ]);
  const reason = { type: 'string', maxLength: longestReason, description: 'why, for the audit trail: one line' };
  return {
    name: toolNameOf(name),
    title: name,
    description: `${shownText(description, 300)}. ${effect === 'write' ? 'It writes, and is answered as run_flow is.' : 'What is secret of its output is a handle.'}`,
    inputSchema: {
      ...inputs,
      type: 'object',
      properties: { ...Object.fromEntries(told), ...(ownReason ? {} : { [reasonKey]: reason }) },
    },
    annotations: effect === 'write' ? writes : reads,
    call(args, call) {
      // the broker looks at all of them
      const given = Object.entries(typeof args === 'object' && args !== null ? args : {});
      const why = ownReason ? undefined : given.find(([key]) => key === reasonKey)?.[1];
      const rest = Object.fromEntries(given.filter(([key]) => ownReason || key !== reasonKey));
      const asked = { inputs: rest, reason: typeof why === 'string' ? why : undefined };
      return effect === 'write' ? writeFlow(flow, asked, call) : readFlow(flow, asked, call);
    },
  };
}

/** What an input is for, and its limits in words: clients drop those of the schema. */
function limitsOf(facts: Readonly<Record<string, unknown>>): string {
  const { description, enum: values } = facts;
  const limits = Object.entries(limitTexts).flatMap(([key, text]) =>
    facts[key] === undefined ? [] : [text.replace('…', () => JSON.stringify(facts[key]))],
  );
  const choice = Array.isArray(values) ? [`one of ${values.join(', ')}`] : [];
  const said = typeof description === 'string' && description !== '' ? [description] : [];
  return shownText([...said, ...choice, ...limits].join('; '), 500);
}

const limitTexts: Readonly<Record<string, string>> = {
  pattern: 'must match …',
  format: 'of the form …',
  maxLength: 'at most … characters',
  default: 'default …',
};
