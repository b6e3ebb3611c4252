import type { Flow } from '../folder/flows/flow.ts';
import { type Inputs, parseInputs } from '../folder/flows/inputs.ts';
import { BrokerRefusal } from './refusal.ts';

/** The inputs that an agent gave, checked. @throws BrokerRefusal invalid-request */
export function checkedInputs(flow: Flow, given: Readonly<Record<string, unknown>>): Inputs {
  try {
    return parseInputs(flow, given);
  } catch (error) {
    throw new BrokerRefusal('invalid-request', { names: [flow.name], detail: 'inputs', cause: error });
  }
}
