import type { NoticeType } from '../../adapters/channels/contract.ts';
import type { Queries } from '../../durable/database/contract.ts';
import { enqueue } from '../../durable/outbox/enqueue.ts';
import type { Policy } from '../../folder/policy/policy.ts';
import type { Environment } from '../../folder/service/settings.ts';
import { type Approval, mayAnswer } from './approval.ts';

export interface TellOptions {
  readonly environment: () => Pick<Environment, 'name' | 'notify'>;
  readonly policy: () => Pick<Policy, 'approvers'>;
  /** where a person answers it */
  readonly urlOf: (id: string) => string | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
}

/** In the transaction that changes an approval: whoever may answer it is told, by the channels that they have here. */
export type TellApprovers = (tx: Queries, type: NoticeType & `approval.${string}`, approval: Approval) => Promise<void>;

export function createTellApprovers({ environment, policy, urlOf, now }: TellOptions): TellApprovers {
  return async (tx, type, approval) => {
    const { name, notify } = environment();
    const people = [...mayAnswer(approval)].flatMap((each) => policy().approvers?.get(each) ?? []);
    const channels = people.flatMap((each) => each.notify).filter((channel) => notify.has(channel));
    const { id, agent, names, until, asked } = approval;
    const facts = {
      type,
      environment: name,
      agent,
      names,
      approval: id,
      agentRun: asked.agentRun,
      // what was answered is told however late
      expires: approval.state === 'pending' ? until : undefined,
      url: urlOf(id),
      claimed: { reason: asked.reason, run: asked.run },
    };
    await enqueue(tx, { channels, facts, at: now() });
  };
}
