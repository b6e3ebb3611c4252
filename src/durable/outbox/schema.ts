import type { SchemaStep } from '../database/contract.ts';

/** The table of notices that are to be told. */
export const outboxSchema: readonly SchemaStep[] = [
  {
    name: 'outbox-1',
    statements: [
      `create table flows_outbox (
        id text not null,
        channel text not null,
        notice jsonb not null,
        made bigint not null,
        tries integer not null default 0,
        next bigint not null,
        primary key (id, channel)
      )`,
      'create index flows_outbox_next on flows_outbox (next)',
    ],
  },
];
