import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** A number that is asked for when the metrics are. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  /** `counter`: it only grows while the process lives */
  readonly type: 'counter' | 'gauge';
  /** names of the labels of its numbers, where there are several */
  readonly labels?: readonly string[];
  readonly value: () => Reads | Promise<Reads>;
}

export type Reads = number | readonly (readonly [labels: Readonly<Record<string, string | number>>, value: number])[];

export interface Metrics {
  /** @param milliseconds from the request's headers to its answer */
  answered(route: string, outcome: string, milliseconds: number): void;
  /** Prometheus text format 0.0.4 */
  text(): Promise<string>;
  readonly type: string;
}

/** Labels are routes of the table and codes of the table, never anything of a request. */
export function createMetrics(readings: readonly Reading[]): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const duration = new Histogram({
    name: 'flows_http_request_duration_seconds',
    help: 'Time from the headers of a request to its answer',
    labelNames: ['route', 'outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [register],
  });
  for (const reading of readings) register.registerMetric(readingMetric(reading));
  // to find one by its labels costs as much as to count in it
  const children = new Map<string, Map<string, { observe(seconds: number): void }>>();
  const childOf = (route: string, outcome: string) => {
    const outcomes = children.get(route) ?? new Map<string, { observe(seconds: number): void }>();
    const known = outcomes.get(outcome);
    if (known !== undefined) return known;
    const child = duration.labels(route, outcome);
    children.set(route, outcomes.set(outcome, child));
    return child;
  };
  return {
    answered(route, outcome, milliseconds) {
      childOf(route, outcome).observe(milliseconds / 1_000);
    },
    text: () => register.metrics(),
    type: register.contentType,
  };
}

function readingMetric({ name, help, type, labels = [], value }: Reading): Gauge | Counter {
  const common = { name, help, labelNames: labels, registers: [] };
  const collect = async function collect(this: Gauge | Counter): Promise<void> {
    const reads = await value();
    this.reset();
    if (typeof reads === 'number') this.inc(reads);
    else for (const [labelled, read] of reads) this.inc({ ...labelled }, read);
  };
  return type === 'gauge' ? new Gauge({ ...common, collect }) : new Counter({ ...common, collect });
}
