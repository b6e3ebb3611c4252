import { agentRunSchema } from '../../../src/broker/agent-runs/schema.ts';
import { approvalSchema } from '../../../src/broker/approvals/schema.ts';
import { keptSchema } from '../../../src/broker/kept/schema.ts';
import { peopleSchema } from '../../../src/broker/people/schema.ts';
import type { OpenDatabase } from '../../../src/durable/database/contract.ts';
import { outboxSchema } from '../../../src/durable/outbox/schema.ts';
import { emptiedDatabase } from '../../durable/database/fresh-database.ts';
import { approvingOn } from './approving-on.ts';

export { codex, inRun } from './approving-on.ts';

export const schema = [...agentRunSchema, ...approvalSchema, ...outboxSchema, ...peopleSchema, ...keptSchema];
/** of the broker that was made last */
export let database: OpenDatabase;

/** A broker whose approvals are in a database of their own, and people who answer. */
export async function approving(...rules: readonly object[]) {
  database = await emptiedDatabase(schema);
  return approvingOn(database, ...rules);
}
