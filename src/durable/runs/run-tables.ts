import type { SchemaStep } from '../database/contract.ts';

/** The tables of runs. Times are epoch milliseconds. */
export const runSchema: readonly SchemaStep[] = [
  {
    name: 'runs-1',
    statements: [
      `create table flows_runs (
        id text primary key,
        flow text not null, environment text not null, agent text not null, proven_by text not null,
        agent_run text, claimed_run text, reason text, request text not null,
        inputs jsonb not null, plan text, binding text not null,
        state text not null, step text, code text, told text, cancelled_by text,
        idempotency_key text, asked text not null,
        broker text not null, lives integer not null default 0,
        created bigint not null, updated bigint not null, finished bigint,
        unique (agent, idempotency_key)
      )`,
      'create index on flows_runs (created desc)',
      'create index on flows_runs (flow, created desc)',
      'create index on flows_runs (broker) where finished is null',
      `create table flows_run_steps (
        run text not null references flows_runs on delete cascade, step text not null, uses text not null,
        place integer not null, state text not null, code text, inputs jsonb, output jsonb,
        started bigint not null, finished bigint,
        primary key (run, step)
      )`,
      'create table flows_schedules (flow text primary key, last bigint not null)',
      'create table flows_brokers (id text primary key, beat timestamptz not null)',
    ],
  },
  { name: 'runs-2', statements: ['alter table flows_runs add column agent_runs jsonb'] },
  { name: 'runs-3', statements: ['alter table flows_runs add column approval text'] },
  { name: 'runs-4', statements: ['create index flows_runs_state on flows_runs (state, created desc)'] },
  {
    // of what an API gives, jsonb takes neither NUL nor half a character; json keeps the text as it is
    name: 'runs-5',
    statements: [
      'alter table flows_runs alter column inputs type json using inputs::json',
      `alter table flows_run_steps alter column inputs type json using inputs::json,
        alter column output type json using output::json`,
    ],
  },
];
