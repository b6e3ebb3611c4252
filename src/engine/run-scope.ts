import type { Flow } from '../folder/flows/flow.ts';
import type { Inputs } from '../folder/flows/inputs.ts';
import type { Scope } from '../folder/flows/scope.ts';
import type { Services } from './services.ts';

/** Outputs of the steps that have run, by id. */
export type Outputs = Map<string, Readonly<Record<string, unknown>>>;

/** What the expressions of a step see, or, behind the last step, those of the output. */
export function runScope(flow: Flow, inputs: Inputs, services: Services, outputs: Outputs, before: number): Scope {
  return {
    flow,
    environment: services.environment,
    before,
    inputs: new Map(Object.entries(inputs)),
    outputs,
    connection: (kind, name) => services.connection(kind, name),
    plain: (kind, name) => services.plain(kind, name),
  };
}
