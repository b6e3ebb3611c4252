import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** A number that is asked for when the metrics are. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  /** `counter`: it only grows while the process lives */
  readonly type: 'counter' | 'gauge';
  readonly value: () => number;
}

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
  return {
    answered: (route, outcome, milliseconds) => duration.observe({ route, outcome }, milliseconds / 1_000),
    text: () => register.metrics(),
    type: register.contentType,
  };
}

function readingMetric({ name, help, type, value }: Reading): Gauge | Counter {
  if (type === 'gauge') {
    const collect = function collect(this: Gauge) {
      this.set(value());
    };
    return new Gauge({ name, help, registers: [], collect });
  }
  const collect = function collect(this: Counter) {
    this.reset();
    this.inc(value());
  };
  return new Counter({ name, help, registers: [], collect });
}
