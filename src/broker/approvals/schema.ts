import type { SchemaStep } from '../../durable/database/contract.ts';

/** The tables of approvals. */
export const approvalSchema: readonly SchemaStep[] = [
  {
    name: 'approvals-1',
    statements: [
      `create table flows_approvals (
        id text primary key,
        state text not null,
        agent text not null,
        subject text not null,
        kind text not null,
        names jsonb not null,
        digest text not null,
        bound text not null,
        rules jsonb not null,
        scope text not null,
        uses integer,
        lasts integer not null,
        asked jsonb not null,
        opened bigint not null,
        until bigint not null,
        decided bigint,
        ends bigint,
        used integer not null default 0
      )`,
      // the same thing is asked of people once, however often an agent asks
      `create unique index flows_approvals_one on flows_approvals (digest) where state = 'pending'`,
      `create index flows_approvals_agent on flows_approvals (agent, subject, state)`,
      `create index flows_approvals_state on flows_approvals (state, until)`,
      `create table flows_approval_answers (
        approval text not null references flows_approvals (id),
        approver text not null,
        decision text not null,
        scope text not null,
        uses integer,
        lasts integer not null,
        at bigint not null,
        primary key (approval, approver)
      )`,
      `create table flows_approval_uses (
        approval text not null references flows_approvals (id), by text not null, primary key (approval, by)
      )`,
      `create index flows_approval_uses_by on flows_approval_uses (by)`,
      `create table flows_passkey_counters (credential text primary key, counter bigint not null)`,
    ],
  },
  { name: 'approvals-2', statements: ['alter table flows_approvals add column likeness text'] },
  { name: 'approvals-3', statements: ['alter table flows_approval_answers add column proven_by text'] },
  { name: 'approvals-4', statements: ['create index flows_approvals_opened on flows_approvals (opened)'] },
];
