import type { BrokerStats, RunningBroker } from '../broker/broker.ts';
import type { Reading } from './metrics.ts';

export interface ReadingSources {
  readonly broker: Pick<RunningBroker, 'stats'>;
  /** the trail can be written */
  readonly healthy: () => boolean;
  /** what is wrong with policy.yaml and registry.yaml as they are now */
  readonly problems: () => readonly unknown[];
}

/** What /metrics tells of the broker. Its labels are codes of ours. */
export function readingsOf({ broker, healthy, problems }: ReadingSources): readonly Reading[] {
  const counter = (name: string, help: string, label: string, value: (stats: BrokerStats) => Counts): Reading => ({
    name,
    help,
    type: 'counter',
    label,
    value: async () => value(await broker.stats()),
  });
  return [
    counter(
      'flows_broker_secrets_total',
      'Secrets that were given, by where they came from',
      'source',
      bySource('secrets'),
    ),
    counter(
      'flows_broker_tokens_total',
      'Tokens that were given, by where they came from',
      'source',
      bySource('tokens'),
    ),
    counter('flows_broker_refusals_total', 'Requests that were refused, by code', 'code', ({ refusals }) => refusals),
    counter('flows_upstream_requests_total', 'Requests to services', 'service', ({ requests }) => ({ ...requests })),
    {
      name: 'flows_broker_secrets_cached',
      help: 'Secrets in memory',
      type: 'gauge',
      value: async () => (await broker.stats()).secrets.entries,
    },
    {
      name: 'flows_audit_healthy',
      help: 'The audit trail can be written',
      type: 'gauge',
      value: () => Number(healthy()),
    },
    {
      name: 'flows_policy_problems',
      help: 'Problems of policy.yaml and registry.yaml as they are now',
      type: 'gauge',
      value: () => problems().length,
    },
  ];
}

type Counts = Readonly<Record<string, number>>;

function bySource(kind: 'secrets' | 'tokens'): (stats: BrokerStats) => Counts {
  return (stats) => ({ cache: stats[kind].hits, upstream: stats[kind].misses });
}
