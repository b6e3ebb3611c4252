import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import type { AgentRuns, RunGrant, RunRequest } from '../../../src/broker/agent-runs/agent-runs.ts';
import { createRunTokens } from '../../../src/broker/agent-runs/run-token.ts';
import type { Database } from '../../../src/durable/database/contract.ts';
import { agentRunSchema } from '../../../src/broker/agent-runs/schema.ts';
import type { Caller } from '../../../src/broker/contract.ts';
import type { FlowError } from '../../../src/foundation/errors.ts';
import { emptiedDatabase } from '../../durable/database/fresh-database.ts';
import { arrange, type TestClock } from '../arrange.ts';

const seed = new Uint8Array(32).fill(9);

/**
 * A broker that keeps agent runs, and the callers that their tokens prove. @param shared default one that is emptied for it
 * @param approved whether people are asked, in the same database
 */
export async function arrangeRuns(files: Record<string, string> = {}, shared?: Database, approved = false) {
  const database = shared ?? (await emptiedDatabase(agentRunSchema));
  const asked = { database: 0, away: undefined as FlowError | undefined };
  const keep = (clock: TestClock) => ({
    database: async () => {
      asked.database += 1;
      if (asked.away !== undefined) throw asked.away;
      return database;
    },
    tokens: () => createRunTokens([seed], clock.now),
  });
  const approvals = approved ? { database: () => Promise.resolve(database), installation: 'test' } : undefined;
  const broker = await arrange({ files, agentRuns: keep, approvals });
  const runs = broker.broker.agentRuns as AgentRuns;
  const authenticator = createAuthenticator({
    policy: broker.policy,
    now: broker.clock.now,
    development: true,
    agentRuns: runs,
  });
  /** the caller that a token proves, or the code of its refusal */
  const proven = async (token: string): Promise<Caller> => {
    let code = 'nobody';
    const found = await authenticator.authenticate(`Bearer ${token}`, (failure) => {
      code = failure.code;
    });
    if (found === undefined) throw new Error(code);
    return { ...found, request: 'r', address: '127.0.0.1' };
  };
  const callerOf = ({ token }: RunGrant) => proven(token.reveal());
  const below = async (grant: RunGrant, request: RunRequest = {}) => runs.begin(await callerOf(grant), request);
  return { ...broker, runs, authenticator, proven, callerOf, below, asked, database };
}
