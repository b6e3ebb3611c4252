import { FlowError } from '../foundation/errors.ts';
import { lookOf } from '../foundation/look-of-secret.ts';
import { form, optional, required } from '../language/forms.ts';
import { writeStep } from './contract.ts';
import { planToStage, stageKeys, stageNext, stageOutput } from './procedures/stage-next.ts';
import { named, rotatedField } from '../adapters/vaults/rotated-field.ts';

const { field, ...when } = stageKeys;

export const humanStep = writeStep({
  name: 'human/step',
  summary:
    'Tells a person at the terminal what to do on a page, and stages the value that they get there as the next one of a field; or finds that they have put it there themselves.',
  effect: 'write',
  asksPeople: true,
  with: {
    say: required(form.text({ pattern: /^.{1,500}$/u, expects: 'one line of at most 500 characters' }), 'what to do', {
      example: 'Create a key named orders, and copy it',
    }),
    open: optional(
      form.text({ pattern: /^https:\/\/\S{1,2000}$/u, expects: 'an https address' }),
      'the page on which it is done, which is printed',
      { example: 'https://dashboard.example.com/api-keys' },
    ),
    field,
    ...when,
  },
  output: stageOutput,
  scalar: 'secret',
  writes: (input) => (input.field === undefined ? [] : [input.field.vault]),
  planWithout: ['say'],
  plan: (input, context) => planToStage(input, context),
  async run(input, context) {
    // nobody is asked with the item locked: a person takes their time, and may change it themselves
    const found = await planToStage(input, context);
    if (found.output !== undefined) return found.output;
    const { item, current } = await rotatedField(input.field, context);
    const into = named(item, `${current.label} (next)`);
    const given = await context.askForValue({ say: input.say, page: input.open, into });
    if (given === undefined) {
      const { next, references } = await rotatedField(input.field, context);
      if (next !== undefined) return { secret: references.next };
      throw new FlowError('not-found', `nothing was given, and there is no ${into}`, {
        hint: 'paste the value, or put it there, and run again',
      });
    }
    const look = lookOf(given);
    if (look !== undefined) context.warn(`what was given ${look}`);
    const staged = await stageNext(input, async () => given, context);
    if ((await context.read(staged.secret)).equals(given)) return staged;
    throw new FlowError('conflict', 'another value was staged meanwhile, and the one that was given is not kept', {
      hint: `see which of them the provider takes, and put that into ${into}`,
      place: { subject: staged.secret.toString() },
    });
  },
});
