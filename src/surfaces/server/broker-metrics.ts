import { type BreakGlassState, troubleCodes } from '../../audit/break-glass-state.ts';
import type { BrokerStats, RunningBroker } from '../../broker/broker.ts';
import type { EntryQuota } from '../../adapters/vaults/quota.ts';
import type { Reading, Reads } from './metrics.ts';

export interface ReadingSources {
  readonly broker: Pick<RunningBroker, 'stats'>;
  /** the trail can be written */
  readonly healthy: () => boolean;
  /** what is wrong with policy.yaml and registry.yaml as they are now */
  readonly problems: () => readonly unknown[];
  readonly quotas: () => readonly EntryQuota[];
  readonly breakGlass: () => Promise<BreakGlassState>;
}

type Counts = Readonly<Record<string, number>>;

/** What /metrics tells of the broker. Its labels are codes of ours, positions in service.yaml, and names of flows. */
export function readingsOf({ broker, healthy, problems, quotas, breakGlass }: ReadingSources): readonly Reading[] {
  const counter = (name: string, help: string, label: string, counts: (stats: BrokerStats) => Counts): Reading => ({
    name,
    help,
    type: 'counter',
    labels: [label],
    value: async () => labelled(label, counts(await broker.stats())),
  });
  const gauge = (name: string, help: string, value: Reading['value'], labels: readonly string[] = []): Reading => ({
    name,
    help,
    type: 'gauge',
    labels,
    value,
  });
  return [
    counter(
      'flows_broker_secrets_total',
      'Secrets that were given, by where they came from',
      'source',
      sources('secrets'),
    ),
    counter(
      'flows_broker_tokens_total',
      'Tokens that were given, by where they came from',
      'source',
      sources('tokens'),
    ),
    counter('flows_broker_refusals_total', 'Requests that were refused, by code', 'code', ({ refusals }) => refusals),
    counter('flows_upstream_failures_total', 'Failures of services, by code', 'code', ({ failures }) => failures),
    counter('flows_upstream_requests_total', 'Requests to services', 'service', ({ requests }) => ({ ...requests })),
    gauge('flows_broker_secrets_cached', 'Secrets in memory', async () => (await broker.stats()).secrets.entries),
    gauge('flows_audit_healthy', 'The audit trail can be written', () => Number(healthy())),
    gauge('flows_policy_problems', "Problems of the folder's files as they are now", () => problems().length),
    gauge(
      'flows_break_glass_troubles',
      'Break-glass accounts that are not proven, and uses that are not closed, by code: all 0 is well',
      async () => {
        const { troubles } = await breakGlass();
        return troubleCodes.map((code) => [{ code }, troubles.filter((each) => each.code === code).length] as const);
      },
      ['code'],
    ),
    gauge(
      'flows_break_glass_proven_timestamp_seconds',
      'When an account of a drill was last proven; 0: never',
      async () => {
        const proven = new Map<string, number>();
        for (const { drill, proven: at } of (await breakGlass()).accounts) {
          const seconds = at === undefined ? 0 : Date.parse(at) / 1_000;
          proven.set(drill, Math.min(proven.get(drill) ?? Infinity, seconds));
        }
        return [...proven].map(([drill, seconds]) => [{ drill }, seconds] as const);
      },
      ['drill'],
    ),
    gauge('flows_vault_requests_used', 'Requests counted against a quota', () => windows(quotas(), 'used'), perWindow),
    gauge('flows_vault_requests_limit', 'What the quota allows', () => windows(quotas(), 'limits'), perWindow),
    gauge(
      'flows_vault_circuit_open',
      'The vault is left alone for a while: 1',
      () => quotas().map(({ entry, circuit }) => [{ vault: entry }, Number(circuit === 'open')] as const),
      ['vault'],
    ),
  ];
}

const perWindow = ['vault', 'window'];

function labelled(label: string, counts: Counts): Reads {
  return Object.entries(counts).map(([name, count]) => [{ [label]: name }, count] as const);
}

function sources(kind: 'secrets' | 'tokens'): (stats: BrokerStats) => Counts {
  return (stats) => ({ cache: stats[kind].hits, upstream: stats[kind].misses });
}

function windows(quotas: readonly EntryQuota[], which: 'used' | 'limits'): Reads {
  return quotas.flatMap(({ entry: vault, [which]: counts }) =>
    counts === undefined
      ? []
      : [
          [{ vault, window: 'hour' }, counts.hour] as const,
          [{ vault, window: 'hour-writes' }, counts.hourWrites] as const,
          [{ vault, window: 'day' }, counts.day] as const,
        ],
  );
}
