import { FlowError } from '../foundation/errors.ts';
import { lookOf } from '../foundation/look-of-secret.ts';
import { parseDuration } from '../foundation/duration.ts';
import { durationForm } from '../language/duration-form.ts';
import { form, optional, required } from '../language/forms.ts';
import { writeStep } from './contract.ts';
import { planToStage, stageKeys, stageNext, stageOutput } from './procedures/stage-next.ts';
import { untilStaged } from './procedures/until-staged.ts';
import { named, rotatedField } from '../adapters/vaults/rotated-field.ts';

const { field, ...when } = stageKeys;
/** seconds */
const longestWait = 86_400;

export const humanStep = writeStep({
  name: 'human/step',
  summary:
    'Tells a person what to do on a page, and stages the value that they get there as the next one of a field: reads it at the terminal, or waits until they have put it into the vault themselves.',
  effect: 'write',
  // who waits needs no terminal
  asksPeople: (given) => !given.has('wait'),
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
    wait: optional(
      durationForm,
      'asks nobody at the terminal: looks into the vault, so long at most, until the next value stands there, which needs no terminal; at most 1d',
      { example: '30m' },
    ),
  },
  check({ wait = '' }) {
    if ((parseDuration(wait) ?? 0) <= longestWait) return [];
    return [{ key: 'wait', problem: 'it waits at most 24h', hint: 'shorten it' }];
  },
  output: stageOutput,
  scalar: 'secret',
  writes: (input) => (input.field === undefined || input.wait !== undefined ? [] : [input.field.vault]),
  planWithout: ['say'],
  async plan(input, context) {
    const plan = await planToStage(input, context);
    const { say, open, wait } = input;
    if (plan.output !== undefined || say === undefined || wait === undefined) return plan;
    // the step writes nothing then; and who looks at the plan may be the only one who is told
    const detail = `a person puts it there within ${wait}: ${said({ say, open })}`;
    return { ...plan, changes: plan.changes.map(({ what }) => ({ action: 'create', what, detail })) };
  },
  async run(input, context) {
    // nobody is asked with the item locked: a person takes their time, and may change it themselves
    const found = await planToStage(input, context);
    if (found.output !== undefined) return found.output;
    if (input.wait !== undefined) {
      context.progress(said(input));
      return untilStaged(input, parseDuration(input.wait) ?? 0, context);
    }
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

function said({ say, open }: { readonly say: string; readonly open: string | undefined }): string {
  return open === undefined ? say : `${say} (${open})`;
}
