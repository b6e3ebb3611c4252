import type { Caller } from '../contract.ts';
import { BrokerRefusal } from '../refusal.ts';

/** After something was waited for: another broker may have ended the agent run meanwhile. @throws BrokerRefusal run-ended */
export async function requireStillGoingOn({ agentRun }: Caller): Promise<void> {
  if (agentRun === undefined || (await agentRun.goesOn())) return;
  throw new BrokerRefusal('run-ended', { detail: `agent run ${agentRun.run}` });
}
