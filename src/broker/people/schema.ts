import type { SchemaStep } from '../../durable/database/contract.ts';

/** What brokers on one database know together of people. Times are epoch milliseconds. */
export const peopleSchema: readonly SchemaStep[] = [
  {
    name: 'people-1',
    statements: [
      // what was last told of the passkeys that prove them
      'create table flows_told_keys (environment text primary key, people jsonb not null)',
      'create table flows_spent_links (id text primary key, until bigint not null)',
    ],
  },
];
