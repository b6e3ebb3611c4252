import { flowApproveForm } from '../policy/approve-keys.ts';
import { readApproveRule } from '../policy/read-approvals.ts';
import { compileObject } from '../../language/compile.ts';
import { foreignForm, wholeExpression } from '../../language/expressions.ts';
import type { Flow, FlowOutput, Step } from './flow.ts';
import { breakGlassForm, readBreakGlass } from './read-break-glass.ts';
import { readInputs } from './read-inputs.ts';
import { parseDuration } from '../../foundation/duration.ts';
import { durationForm } from '../../language/duration-form.ts';
import { form, optional, required, withDefault, type Keys } from '../../language/forms.ts';
import { readSchedule, scheduleKeys } from './schedule.ts';
import { compileReference, partsOf } from '../../language/compile-reference.ts';
import { nearest, suggest } from '../../language/nearest-name.ts';
import { nameOf, readKeys, type ForeignKeys } from '../../language/mapping-keys.ts';
import { changedForm } from '../../language/own-form.ts';
import { scalarTrouble } from '../../language/plain-value-check.ts';
import type { Source } from '../../language/problems.ts';
import { outputNames } from '../../language/json-schema.ts';
import type { StepKinds } from '../../steps/contract.ts';
import { expressionsOf, type Value } from '../../language/compiled-values.ts';
import { Reference } from '../../foundation/reference.ts';
import type { Node } from '../../language/yaml.ts';

/** The keys of a flow file. */
export const flowKeys = {
  description: required(form.text(), 'what it is for, in one line'),
  environments: optional(form.list(form.text()), 'the only environments that it runs in', { example: '[production]' }),
  'break-glass': optional(
    breakGlassForm,
    'goes on, loudly, where the audit trail cannot be written; with `{ notify: [CHANNEL] }` people are told of each run by these channels of service.yaml, before it gives anything; see also `proven-within` and `close`',
  ),
  approve: optional(flowApproveForm, 'who must approve every run of it that an agent asks for'),
  inputs: optional(form.json(), 'typed inputs: flags of the command'),
  schedule: optional(form.object(scheduleKeys), 'when the broker runs it by itself, as agent `schedule`', {
    example: "{ cron: '0 3 * * 1', time-zone: Europe/Berlin }",
  }),
  'output-window': withDefault(
    durationForm,
    '15m',
    'how long after its end a run gives its output to the agent that began it',
  ),
  steps: optional(form.json(), 'what is done, in order; a flow without any is an environment for `flows exec`'),
  output: optional(form.json(), 'the answer: one value, or a mapping of names to values'),
  'as-file': optional(form.list(form.text()), 'names of the output that `flows exec` gives as the path of a file', {
    example: '[GOOGLE_APPLICATION_CREDENTIALS]',
  }),
} satisfies Keys;

/** The keys of a step. */
export const stepKeys = {
  id: required(form.text(), 'its name in this file'),
  uses: required(form.text(), 'the kind of step', { example: 'vault/read' }),
  with: optional(form.json(), 'its input'),
} satisfies Keys;

const mostSteps = 200;
const nameForm = /^[a-z][a-z0-9-]*$/;
/** a name, or one of an environment variable */
const outputForm = new RegExp(outputNames);
const foreignInFlow: ForeignKeys = {
  name: "a flow's name is its file's name; say what it does in description:",
  jobs: 'a flow has steps: directly',
  on: 'a flow is run by its name; there are no triggers',
  env: 'values of an environment are vars: in service.yaml',
  vars: 'vars: stands in service.yaml, under an environment',
  outputs: 'write output: with one value or a mapping',
  environment: 'write environments: [NAME]',
};
const foreignInStep: ForeignKeys = {
  if: 'steps have no conditions: make two flows',
  run: 'steps run no commands: choose a kind with uses:',
  name: 'write id: instead',
  env: 'give values under with:',
  needs: 'steps run in order; take ${{ steps.ID }} of an earlier one',
  inputs: 'give values under with:',
  outputs: 'every field of a step is there: ${{ steps.ID.FIELD }}',
};

/** A flow file's content as a flow. What is wrong is reported; undefined where there is no flow to go on with. */
export function readFlow(name: string, root: Node, source: Source, kinds: StepKinds): Flow | undefined {
  const before = source.problems.length;
  const keys = readKeys(root, flowKeys, 'a flow', source, { foreign: foreignInFlow });
  if (keys === undefined) return undefined;
  // a key that is misspelt is told already
  const whole = source.problems.length === before;
  const description = keys.get('description')?.value;
  if (description !== undefined && scalar(description) === '') {
    source.report(description.range, '"description" takes text, and this is empty');
  } else if (description !== undefined && typeof scalar(description) !== 'string') {
    source.report(
      description.range,
      `"description" takes text, and this is ${nameOf(description)}`,
      hintFor(description, 'description'),
    );
  }
  const inputs = keys.get('inputs')?.value;
  const stepsNode = keys.get('steps')?.value;
  const environments = keys.get('environments')?.value;
  const steps = stepsNode === undefined ? [] : readSteps(stepsNode, source, kinds);
  const output = keys.get('output')?.value;
  const written = output === undefined ? undefined : readOutput(output, source);
  const approve = keys.get('approve')?.value;
  const schedule = keys.get('schedule')?.value;
  const outputWindow = keys.get('output-window')?.value;
  if (whole && stepsNode === undefined && output?.kind !== 'mapping')
    source.report(root.range, '"steps" is missing in a flow', 'only a flow whose output is a mapping has none: an environment');
  const asFile = keys.get('as-file')?.value;
  return {
    name,
    file: source.file,
    description: String(description === undefined ? '' : (scalar(description) ?? '')),
    inputs: inputs === undefined ? [] : readInputs(inputs, source),
    environments: environments === undefined ? undefined : readNames(environments, 'environments', source),
    ...readBreakGlass(keys.get('break-glass')?.value, source),
    effect: steps.some(({ kind }) => kind?.effect === 'write') ? 'write' : 'none',
    steps,
    output: written,
    files: asFile === undefined ? [] : readFiles(asFile, written, source),
    source,
    schedule: schedule === undefined ? undefined : readSchedule(schedule, source),
    outputWindow: readDuration(outputWindow, 'output-window', flowKeys['output-window'].default ?? '15m', source),
    ...(approve === undefined ? {} : { approve: readApprove(approve, source) }),
  };
}

function readDuration(node: Node | undefined, key: string, otherwise: string, source: Source): number {
  const written = node === undefined ? otherwise : scalar(node);
  const seconds = typeof written === 'string' ? parseDuration(written) : undefined;
  if (node !== undefined && seconds === undefined)
    source.report(node.range, `"${key}" takes a length of time`, 'write a number and s, m, h or d, as in 15m');
  return seconds ?? parseDuration(otherwise) ?? 0;
}

function readApprove(node: Node, source: Source): Flow['approve'] {
  const { form } = flowApproveForm;
  if (form.kind !== 'object') return undefined;
  const value = compileObject(node, form, { source, what: '"approve"', key: 'approve' });
  return value === undefined ? undefined : readApproveRule(value, source, undefined);
}

function readNames(node: Node, key: 'environments' | 'as-file', source: Source): readonly string[] {
  const items = node.kind === 'list' ? node.items : [];
  if (items.length === 0) source.report(node.range, `"${key}" takes a list of names`, `write ${flowKeys[key].example ?? ''}`);
  return items.flatMap((item) => {
    const value = scalar(item);
    if (typeof value === 'string') return [value];
    source.report(item.range, `a name is text, and this is ${nameOf(item)}`);
    return [];
  });
}

function readFiles(node: Node, output: FlowOutput | undefined, source: Source): readonly string[] {
  const given = output?.kind === 'mapping' ? output.entries.map(([name]) => name) : [];
  const files = readNames(node, 'as-file', source);
  const unknown = files.find((name) => !given.includes(name));
  if (unknown !== undefined) source.report(node.range, `no entry of output: is named "${unknown}"`, suggest(unknown, given));
  return files;
}

function readSteps(node: Node, source: Source, kinds: StepKinds): readonly Step[] {
  if (node.kind !== 'list' || node.items.length === 0) {
    source.report(node.range, '"steps" takes a list of at least one step', 'write - id: NAME, and under it uses: KIND');
    return [];
  }
  if (node.items.length > mostSteps) {
    source.report(node.items[mostSteps]?.range ?? node.range, `a flow has at most ${mostSteps} steps`, 'make it several flows');
    return [];
  }
  const steps: Step[] = [];
  const seen = new Set<string>();
  for (const [index, item] of node.items.entries()) {
    const step = readStep(item, index, source, kinds);
    if (step === undefined) continue;
    if (step.id !== '' && seen.has(step.id)) {
      source.report(step.range, `two steps have the id "${step.id}"`, 'each step has its own');
      continue;
    }
    seen.add(step.id);
    steps.push(step);
  }
  return steps;
}

function readStep(node: Node, index: number, source: Source, kinds: StepKinds): Step | undefined {
  const before = source.problems.length;
  const found = node.kind === 'mapping' ? scalarOf(node, 'uses') : undefined;
  const kind = typeof found === 'string' ? kinds.get(found) : undefined;
  const keys = readKeys(node, stepKeys, 'a step', source, {
    foreign: { ...withKeys(kind?.with ?? {}), ...foreignInStep },
  });
  if (keys === undefined) return undefined;
  const [id, uses] = [keys.get('id'), keys.get('uses')].map((entry) =>
    entry === undefined ? undefined : scalar(entry.value),
  );
  const idRange = keys.get('id')?.value.range ?? node.range;
  if (keys.has('id') && (typeof id !== 'string' || !nameForm.test(id))) {
    source.report(
      idRange,
      'this is not an id for a step',
      'lower-case letters, digits and hyphens, beginning with a letter',
    );
  }
  if (keys.has('uses') && kind === undefined) {
    const range = keys.get('uses')?.value.range ?? node.range;
    const hint = typeof uses === 'string' ? kindHint(uses, [...kinds.keys()]) : undefined;
    source.report(range, `unknown step kind "${String(uses)}"`, hint ?? 'see the step kinds in the README');
  }
  const given = keys.get('with')?.value ?? emptyWith(node);
  const what = `the input of ${kind?.name ?? ''}`;
  const value =
    kind === undefined
      ? undefined
      : compileObject(given, { kind: 'object', keys: kind.with }, { source, what, key: '' });
  const after = new Set<string>();
  for (const { path } of value === undefined ? [] : expressionsOf(value)) {
    if (path[0] === 'steps' && path[1] !== undefined) after.add(path[1]);
  }
  return {
    id: typeof id === 'string' ? id : '',
    index,
    kind,
    uses: String(uses ?? ''),
    with: value,
    range: idRange,
    sound: source.problems.length === before,
    after,
  };
}

function readOutput(node: Node, source: Source): FlowOutput | undefined {
  if (node.kind !== 'mapping') {
    const value = readShown(node, 'output', source);
    return value === undefined ? undefined : { kind: 'scalar', value };
  }
  const entries = node.entries.flatMap(({ key, keyRange, value }) => {
    if (!outputForm.test(key))
      source.report(
        keyRange,
        `"${key}" is not a name for an output`,
        "lower-case letters, digits and hyphens, or a variable's name",
      );
    const shown = readShown(value, key, source);
    return shown === undefined ? [] : [[key, shown] as const];
  });
  if (entries.length === 0 && node.entries.length === 0) source.report(node.range, '"output" has no entries');
  return { kind: 'mapping', entries };
}

/** One value of the answer: text, a number, an expression, or a literal reference, which is shown as such. */
function readShown(node: Node, key: string, source: Source): Value | undefined {
  const at = { form: { kind: 'json' }, range: node.range, key } as const;
  const value = scalar(node);
  if (value === undefined || value === null) {
    source.report(node.range, `"${key}" takes one value, and this is ${nameOf(node)}`, 'write text with ${{ }} in it');
    return undefined;
  }
  if (typeof value !== 'string' || node.kind !== 'scalar') {
    const changed = node.kind === 'scalar' ? changedForm(node, key) : undefined;
    if (changed !== undefined) source.report(node.range, changed.message, changed.hint);
    return { ...at, as: 'literal', value };
  }
  const before = source.problems.length;
  const parts = partsOf(node, value, source);
  if (source.problems.length > before) return undefined;
  const expression = wholeExpression(parts);
  if (expression !== undefined) return { ...at, as: 'whole', expression };
  const foreign = foreignForm(value);
  if (foreign !== undefined) {
    source.report(node.range, `"${foreign.found}" is not put in here`, foreign.hint);
    return undefined;
  }
  if (typeof parts[0] === 'string' && Reference.looksLike(parts[0])) {
    return compileReference(parts, at.form, node.range, key, source.report, 'any');
  }
  return parts.length > 1 ? { ...at, as: 'text', parts } : { ...at, as: 'literal', value };
}

function hintFor(node: Node, key: keyof typeof flowKeys): string | undefined {
  return node.kind === 'scalar' ? scalarTrouble(node.value, flowKeys[key].form, key, node.written)?.hint : undefined;
}

/** Half of a name may be right: `read`, `op/read`, `totp`. */
function kindHint(uses: string, names: readonly string[]): string | undefined {
  const halves = new Set(uses.toLowerCase().split('/'));
  const sharing = names.filter((name) => name.split('/').some((half) => halves.has(half)));
  const [only, ...others] = sharing;
  if (nearest(uses, names) !== undefined || only === undefined) return suggest(uses, names);
  return others.length === 0 ? `did you mean "${only}"?` : suggest(uses, sharing);
}

function scalar(node: Node): string | number | boolean | null | undefined {
  return node.kind === 'scalar' ? node.value : undefined;
}

function scalarOf(node: Node, key: string): unknown {
  const entry = node.kind === 'mapping' ? node.entries.find((each) => each.key === key) : undefined;
  return entry === undefined ? undefined : scalar(entry.value);
}

function emptyWith(node: Node): Node {
  return { kind: 'mapping', entries: [], range: node.range };
}

/** Keys of a step's input that stand beside `with:` instead of under it. */
function withKeys(keys: Keys): ForeignKeys {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, 'put it under with:']));
}
