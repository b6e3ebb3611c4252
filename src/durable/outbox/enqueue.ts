import type { NoticeFacts } from '../../adapters/channels/contract.ts';
import { createNotice } from '../../adapters/channels/notice.ts';
import type { Queries } from '../database/contract.ts';

/** The channel of the database on which brokers tell each other that there is something to deliver. */
export const outboxChannel = 'flows_outbox';

/** What is to be told, and by which channels of service.yaml. */
export interface Message {
  readonly channels: Iterable<string>;
  readonly facts: NoticeFacts;
  /** epoch milliseconds: now */
  readonly at: number;
}

/**
 * Puts a notice where it is told from: whoever commits has told, at least once for each channel, whatever ends the
 * process after that; whoever rolls back has told nobody. Delivery is {@link createOutbox}'s, at any broker on the
 * database.
 * @example
 * await database.transaction(async (tx) => {
 *   await tx.query('insert into flows_approvals …');
 *   const facts = { type: 'approval.opened', environment, agent, names, approval: id, expires: until, url } as const;
 *   await enqueue(tx, { channels: ['ops'], facts, at: now() });
 * });
 */
export async function enqueue(tx: Queries, { channels, facts, at }: Message): Promise<void> {
  const names = [...new Set(channels)];
  if (names.length === 0) return;
  const notice = createNotice(facts, at);
  await tx.query(
    'insert into flows_outbox (id, channel, notice, made, next) select $1, channel, $2, $3, $3 from unnest($4::text[]) as channel',
    [notice.id, JSON.stringify(notice), at, names],
  );
  // heard once this is committed
  await tx.query('select pg_notify($1, $2)', [outboxChannel, '']);
}
