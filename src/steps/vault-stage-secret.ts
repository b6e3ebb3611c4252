import { writeStep } from './contract.ts';
import { recipeKey } from './procedures/password-recipe.ts';
import { planToStage, stageKeys, stageNext, stageOutput } from './procedures/stage-next.ts';

const { field, ...when } = stageKeys;

export const vaultStageSecret = writeStep({
  name: 'vault/stage-secret',
  summary: 'Makes the next value of a field, in a second field beside it: the first stage of a rotation.',
  effect: 'write',
  with: {
    field,
    value: recipeKey(
      { length: 48, digits: true, symbols: false },
      "the recipe for the new value, which the vault's own generator makes",
    ),
    ...when,
  },
  output: stageOutput,
  scalar: 'secret',
  writes: (input) => (input.field === undefined ? [] : [input.field.vault]),
  plan: (input, context) => planToStage(input, context),
  run: (input, context) => stageNext(input, () => input.value, context),
});
