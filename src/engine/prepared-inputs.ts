import type { Step } from '../folder/flows/flow.ts';
import type { Inputs } from '../folder/flows/inputs.ts';
import type { Prepared } from './step-input.ts';

/**
 * What steps are about to be given, where it is the same each time: a step that takes nothing of another one depends
 * on its file, the environment and the inputs alone. A token that is cached is then found in microseconds. One of
 * these serves one environment and its connections.
 */
export interface PreparedSteps {
  get(step: Step, inputs: Inputs, prepare: () => Prepared): Prepared;
}

const mostPerStep = 100;
const longestInputs = 1_000;

export function createPreparedSteps(): PreparedSteps {
  const steps = new WeakMap<Step, Map<string, Prepared>>();
  return {
    get(step, inputs, prepare) {
      const key = JSON.stringify(inputs);
      if (step.after.size > 0 || key.length > longestInputs) return prepare();
      const known = steps.get(step) ?? new Map<string, Prepared>();
      const found = known.get(key);
      if (found !== undefined) return found;
      const prepared = prepare();
      Object.freeze(prepared.input);
      // inputs come from callers: whoever sends ever new ones does not fill the memory
      if (known.size >= mostPerStep) known.clear();
      steps.set(step, known.set(key, prepared));
      return prepared;
    },
  };
}
