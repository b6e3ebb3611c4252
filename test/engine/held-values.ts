import { form, required } from '../../src/language/forms.ts';
import { FlowError, type ErrorCode } from '../../src/foundation/errors.ts';
import { pureStep, writeStep, type StepKinds } from '../../src/steps/contract.ts';
import { registerSteps } from '../../src/steps/register.ts';

/** What became of values that wait for a later step, and what that says. */
export interface Held {
  readonly log: string[];
  /** names of values that wait */
  readonly pending: Set<string>;
  /** what the proof fails with; undefined: it says yes */
  refusal: ErrorCode | undefined;
  /** taking back fails */
  stuck: boolean;
}

export function createHeld(): Held {
  return { log: [], pending: new Set(), refusal: undefined, stuck: false };
}

/** `test/hold` holds a value back, `test/prove` says yes or no, `test/release` puts it in force. */
export function withHeld(kinds: StepKinds, held: Held): StepKinds {
  const keys = { name: required(form.text(), 'which') };
  const output = { name: { type: 'text', description: 'which' } } as const;
  const hold = writeStep({
    name: 'test/hold',
    summary: 'Holds a value back.',
    effect: 'write',
    with: keys,
    output,
    plan: ({ name = '' }) =>
      Promise.resolve(
        held.pending.has(name)
          ? { changes: [{ action: 'none', what: name }], output: { name } }
          : { changes: [{ action: 'update', what: name }] },
      ),
    async run({ name }) {
      held.log.push(`hold ${name}`);
      held.pending.add(name);
      return { name };
    },
    async withdraw(_, { name }) {
      if (held.stuck) throw new FlowError('unavailable', 'the store does not answer');
      held.log.push(`withdraw ${name}`);
      return held.pending.delete(name);
    },
  });
  const prove = pureStep({
    name: 'test/prove',
    summary: 'Proves a value.',
    effect: 'none',
    with: keys,
    output,
    async run({ name }) {
      held.log.push(`prove ${name}`);
      if (held.refusal !== undefined) throw new FlowError(held.refusal, 'it says no');
      return { name };
    },
  });
  const release = writeStep({
    name: 'test/release',
    summary: 'Puts a value in force.',
    effect: 'write',
    with: keys,
    output,
    plan: ({ name = '' }) => Promise.resolve({ changes: [{ action: 'update', what: name }] }),
    async run({ name }) {
      if (!held.pending.delete(name)) throw new FlowError('conflict', 'it is not there any more');
      held.log.push(`release ${name}`);
      return { name };
    },
  });
  return registerSteps([...new Set(kinds.values()), hold, prove, release]);
}

/** Two values that are held back, proven, and put in force. */
export const heldFlow = `description: d
steps:
  - { id: first, uses: test/hold, with: { name: a } }
  - { id: second, uses: test/hold, with: { name: b } }
  - { id: proof, uses: test/prove, with: { name: '\${{ steps.first.name }}' } }
  - { id: release, uses: test/release, with: { name: a } }
  - { id: other, uses: test/release, with: { name: b } }
  - { id: third, uses: test/hold, with: { name: c } }
`;
