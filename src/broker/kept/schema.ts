import type { SchemaStep } from '../../durable/database/contract.ts';

/** The table of what is kept for whoever comes back, by the hash of its key. Times are epoch milliseconds. */
export const keptSchema: readonly SchemaStep[] = [
  {
    name: 'kept-1',
    statements: [
      `create table flows_kept (
        kind text not null, key text not null, until bigint not null, value jsonb, primary key (kind, key)
      )`,
      'create index flows_kept_until on flows_kept (until)',
      // links that were used before
      `insert into flows_kept (kind, key, until)
       select 'used', encode(sha256(convert_to(id, 'UTF8')), 'hex'), until from flows_spent_links`,
      'drop table flows_spent_links',
    ],
  },
];
