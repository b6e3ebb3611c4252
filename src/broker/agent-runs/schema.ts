import type { SchemaStep } from '../../durable/database/contract.ts';

/** The ledger of agent runs. A run is alive while it has no outcome, and so do all above it. */
export const agentRunSchema: readonly SchemaStep[] = [
  {
    name: 'agent-runs-1',
    statements: [
      `create table flows_agent_runs (
        id text primary key,
        root text not null,
        parent text references flows_agent_runs (id),
        depth integer not null,
        agent text not null,
        begun_by text not null,
        proven_by text not null,
        allow jsonb,
        reason text,
        claimed text,
        thumbprint text,
        begun bigint not null,
        expires bigint not null,
        silence bigint not null,
        heard bigint not null,
        ended bigint,
        outcome text
      )`,
      'create index flows_agent_runs_parent on flows_agent_runs (parent)',
      'create index flows_agent_runs_root on flows_agent_runs (root)',
      'create index flows_agent_runs_alive on flows_agent_runs (agent) where ended is null',
    ],
  },
  { name: 'agent-runs-2', statements: ['create index flows_agent_runs_begun on flows_agent_runs (begun desc)'] },
];
