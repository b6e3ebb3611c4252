import type { InputDefinition } from './inputs.ts';
import type { Range, Source } from '../../language/problems.ts';
import type { WrittenRule } from '../policy/read-approvals.ts';
import type { StepKind } from '../../steps/contract.ts';
import { type ObjectValue, type Value, valuesIn } from '../../language/compiled-values.ts';

/** A flow as its file declares it, checked as far as can be without an environment. */
export interface Flow {
  /** the file's name without `.yaml` */
  readonly name: string;
  readonly file: string;
  readonly description: string;
  readonly inputs: readonly InputDefinition[];
  /** the only ones it may run in; undefined: all */
  readonly environments: readonly string[] | undefined;
  readonly breakGlass: boolean;
  /** channels by which people are told of each run, before it gives anything; only of one that is for break-glass */
  readonly notify: readonly { readonly channel: string; readonly range: Range }[];
  /** seconds after which its account must be proven again; only of one that is for break-glass */
  readonly provenWithin: number;
  /** the flow that ends a use of it; only of one that is for break-glass */
  readonly close: { readonly flow: string; readonly range: Range } | undefined;
  /** `write` where any step writes */
  readonly effect: 'none' | 'write';
  readonly steps: readonly Step[];
  readonly output: FlowOutput | undefined;
  /** names of its output that a program gets as the path of a file */
  readonly files: readonly string[];
  readonly source: Source;
  /** when the broker runs it by itself */
  readonly schedule: Schedule | undefined;
  /** seconds after its end that a run gives its output */
  readonly outputWindow: number;
  /** what must be approved before an agent runs it */
  readonly approve?: WrittenRule | undefined;
}

/** When a broker runs a flow by itself. */
export interface Schedule {
  /** five fields */
  readonly cron: string;
  /** `Europe/Berlin` */
  readonly timeZone: string;
  /** the last of the ticks that were missed is made up for */
  readonly catchUp: boolean;
  readonly ranges: { readonly whole: Range; readonly cron: Range; readonly timeZone: Range };
}

export interface Step {
  readonly id: string;
  /** place in the file, from 0 */
  readonly index: number;
  /** undefined where the file names a kind that does not exist; such a flow is never run */
  readonly kind: StepKind | undefined;
  readonly uses: string;
  readonly with: ObjectValue | undefined;
  readonly range: Range;
  /** nothing was wrong with its form: what its kind checks beyond that can be told too */
  readonly sound: boolean;
  /** ids of the earlier steps whose output it takes */
  readonly after: ReadonlySet<string>;
}

export type FlowOutput =
  | { readonly kind: 'scalar'; readonly value: Value }
  | { readonly kind: 'mapping'; readonly entries: readonly (readonly [string, Value])[] };

/** The keys that a step's input has, whatever their values. */
export function givenIn(value: ObjectValue): ReadonlySet<string> {
  return new Set([...value.given, ...[...valuesIn(value)].map(({ key }) => key)]);
}

/** Whether a step asks people when it runs. */
export function asksPeople({ kind, with: value }: Pick<Step, 'kind' | 'with'>): boolean {
  if (kind?.effect !== 'write' || kind.asksPeople === undefined) return false;
  return kind.asksPeople(value === undefined ? new Set() : givenIn(value));
}

/** The values of what it gives, in the order of the file. */
export function outputValues({ output }: Flow): readonly Value[] {
  if (output === undefined) return [];
  return output.kind === 'scalar' ? [output.value] : output.entries.map(([, value]) => value);
}

/** What a flow's output is as a whole, as its file says; undefined: plain text, a secret, or several values. */
export function presentedAs(flow: Flow): StepKind['presents'] {
  return flow.output?.kind === 'scalar' ? presentedStep(flow, flow.output.value)?.kind?.presents : undefined;
}

/** The step whose token or one-time code a whole expression stands for: the step itself, or its scalar field. */
export function presentedStep(flow: Flow, value: Value): Step | undefined {
  if (value.as !== 'whole') return undefined;
  const [root, id, field, ...more] = value.expression.path;
  const step = root === 'steps' ? flow.steps.find((each) => each.id === id) : undefined;
  if (step?.kind?.presents === undefined || more.length > 0) return undefined;
  return field === undefined || field === step.kind.scalar ? step : undefined;
}
