/** One line of the benchmarks' table. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** what it is compared with, in the same unit and the same run */
  readonly against?: number;
  /** value ÷ against; of times, the median of the ratios of each round */
  readonly ratio?: number;
  readonly goal?: string;
  /** whether the goal is met; undefined where there is none */
  readonly holds?: boolean;
}

/** What a file of this folder exports; `short` is a smaller run of the same. */
export type Bench = (options: { readonly short: boolean }) => Promise<readonly Row[]>;

/** A goal is about the ratio where there is one, else about the value. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number } | { readonly exactly: number };

export function row(facts: {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly against?: number;
  /** where it is not simply value ÷ against */
  readonly ratio?: number;
  readonly goal?: Goal | undefined;
}): Row {
  const { name, value, unit, against, goal } = facts;
  const ratio = facts.ratio ?? (against === undefined || against === 0 ? undefined : value / against);
  const measured = ratio ?? value;
  return {
    name,
    value: rounded(value),
    unit,
    ...(against === undefined ? {} : { against: rounded(against) }),
    ...(ratio === undefined ? {} : { ratio: rounded(ratio) }),
    ...(goal === undefined ? {} : judged(goal, measured, ratio === undefined ? unit : '×')),
  };
}

function judged(goal: Goal, measured: number, unit: string): { readonly goal: string; readonly holds: boolean } {
  if ('exactly' in goal) return { goal: `= ${goal.exactly} ${unit}`, holds: measured === goal.exactly };
  if ('atLeast' in goal) return { goal: `≥ ${goal.atLeast} ${unit}`, holds: measured >= goal.atLeast };
  return { goal: `≤ ${goal.atMost} ${unit}`, holds: measured <= goal.atMost };
}

/** Three significant digits say all that a measurement knows; a count keeps all of its own. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

/** Times of two or more things measured in turn, so that whatever else the machine does strikes all of them. */
export async function inTurn<N extends string>(
  rounds: number,
  things: Readonly<Record<N, () => number | Promise<number>>>,
): Promise<{ readonly of: (name: N) => number; readonly ratio: (name: N, to: N) => number }> {
  const names = Object.keys(things) as N[];
  const measured: Record<N, number>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const times = {} as Record<N, number>;
    for (const name of names) times[name] = await things[name]();
    measured.push(times);
  }
  return {
    of: (name) => median(measured.map((times) => times[name])),
    ratio: (name, to) => median(measured.map((times) => times[name] / times[to])),
  };
}
