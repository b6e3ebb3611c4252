import { stepKinds } from '../../../app/step-kinds.ts';
import type { OptionFacts, OptionTable } from '../command-table.ts';
import { reasonOption, runOptionsOf } from '../flow/flow-options.ts';
import { list, mapping, textOf } from './loose-values.ts';

/** The options of a flow, by what its file says, as far as it can be read. */
export function declaredOptions(flow: Readonly<Record<string, unknown>>): OptionTable {
  const kinds = list(flow['steps']).flatMap((step) => stepKinds.get(textOf(mapping(step)['uses']) ?? '') ?? []);
  const inputs = Object.entries(mapping(flow['inputs'])).map(([name, facts]) => [name, inputOption(facts)] as const);
  const isUrgent = (flow['break-glass'] ?? false) !== false;
  return { ...(isUrgent ? reasonOption : {}), ...Object.fromEntries(inputs), ...runOptionsOf(kinds) };
}

function inputOption(facts: unknown): OptionFacts {
  const { type = facts, description, enum: first, values: second } = mapping(facts);
  const values = list(first ?? second).flatMap((each) => textOf(each) ?? []);
  return {
    type: type === 'boolean' || facts === 'boolean' ? 'boolean' : 'string',
    help: textOf(description) ?? '',
    choices: values.length === 0 ? [] : [values],
  };
}
