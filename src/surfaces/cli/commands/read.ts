import { FlowError } from '../../../foundation/errors.ts';
import { parseArguments } from '../arguments.ts';
import { brokerFailure, chosenBroker } from '../chosen-broker.ts';
import { commandTable, commonOptions } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';

/** `flows read NAME|op://vault/item/field` */
export async function read(invocation: Invocation): Promise<number> {
  const broker = await chosenBroker(invocation);
  if (broker === undefined) return (await import('../flow/read-here.ts')).read(invocation);
  const { positionals, values } = parseArguments(invocation.argv, { ...commonOptions, ...commandTable.read.options });
  const [, name, extra] = positionals;
  if (name === undefined || extra !== undefined)
    throw new FlowError('usage', 'one name is wanted', { hint: 'write flows read openai.api_key' });
  if (name.startsWith('op://')) {
    throw new FlowError('refused', 'a broker gives secrets by their names in registry.yaml, not by reference', {
      hint: 'ask for its name, or unset FLOWS_BROKER and FLOWS_AGENT_TOKEN_FILE to read the vault itself',
    });
  }
  try {
    const { [name]: secret } = await broker.ask((client) => client.secrets([name]));
    invocation.terminal.out(`${secret?.value ?? ''}${values['newline'] === false ? '' : '\n'}`);
    return 0;
  } catch (error) {
    throw brokerFailure(error, `"${name}"`);
  }
}
